//! `CommBox`'s JSON, read one level at a time.
//!
//! Their schema and their examples contradict each other, so nothing here has a type before it is asked for one:
//! a value is a piece of the body's text, numbers stay digits (never a float), and names are matched without
//! regard to case and `_`. Reading does not recurse: how deep a body nests costs no stack.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{number, time};

/// Members of one object that are kept; further ones are skipped.
const MEMBERS_MAX: usize = 4_096;

/// One valid JSON value, not yet looked into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a>(&'a str);

/// The members of one object, in their order.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    /// The one value that `text` holds; `None` if it is not JSON, or more than one value.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self(raw.get()))
    }

    /// Its JSON text.
    pub(super) fn raw(self) -> &'a str {
        self.0
    }

    /// Whether it stands for "no value": `null`, `""` and the text `"null"`.
    pub(super) fn is_nothing(self) -> bool {
        match self.0.as_bytes()[0] {
            b'n' => true,
            b'"' => {
                let text = self.0[1..self.0.len() - 1].trim();
                text.is_empty() || text.eq_ignore_ascii_case("null")
            }
            _ => false,
        }
    }

    /// A word for what it is, for error texts.
    pub(super) fn kind(self) -> &'static str {
        match self.0.as_bytes()[0] {
            b'n' => "null",
            b't' | b'f' => "a boolean",
            b'"' => "text",
            b'[' => "an array",
            b'{' => "an object",
            _ => "a number",
        }
    }

    /// Its members, if it is an object.
    pub(super) fn object(self) -> Option<Object<'a>> {
        if !self.0.starts_with('{') {
            return None;
        }
        serde_json::Deserializer::from_str(self.0).deserialize_map(Members).ok()
    }

    /// Its elements, if it is an array; at most `max` of them, and whether there were more.
    pub(super) fn items(self, max: usize) -> Option<(Vec<Json<'a>>, bool)> {
        if !self.0.starts_with('[') {
            return None;
        }
        serde_json::Deserializer::from_str(self.0).deserialize_seq(Items { max }).ok()
    }

    /// What it says, if it is a string; half an emoji (a lone surrogate) becomes U+FFFD.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        if !self.0.starts_with('"') {
            return None;
        }
        Text.deserialize(&mut serde_json::Deserializer::from_str(self.0)).ok()
    }

    /// What it says, if it is a string, a number or a boolean, whichever of them was meant.
    pub(super) fn scalar(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes()[0] {
            b'"' => self.string(),
            b'n' | b'[' | b'{' => None,
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// Its digits, if it is a whole number or text that holds one; of any size, exactly.
    pub(super) fn digits(self) -> Option<String> {
        number::whole(self.scalar()?.trim())
    }

    /// As [`Self::digits`], where it fits.
    pub(super) fn integer(self) -> Option<i64> {
        self.digits()?.parse().ok()
    }

    /// Yes or no, written as a boolean, a number or text.
    pub(super) fn flag(self) -> Option<bool> {
        match self.scalar()?.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// The instant, if it is the text of one.
    pub(super) fn instant(self) -> Option<Timestamp> {
        time::instant(&self.string()?)
    }
}

impl<'a> Object<'a> {
    /// The first of `names` (lower case, no `_`) that holds a value other than nothing; where the same name
    /// stands twice, the last one.
    pub(super) fn get(&self, names: &[&str]) -> Option<Json<'a>> {
        names.iter().find_map(|name| self.all(name).filter(|value| !value.is_nothing()).last())
    }

    /// Whether one of `names` is there at all, with or without a value.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.all(name).next().is_some())
    }

    /// The value of `name` as it stands, even if it is nothing by convention; `null` is.
    pub(super) fn verbatim(&self, name: &str) -> Option<Json<'a>> {
        self.all(name).filter(|value| value.raw() != "null").last()
    }

    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Json<'a>> + 's {
        self.0.iter().filter(move |(given, _)| same_name(given, name)).map(|(_, value)| *value)
    }
}

/// Whether `given` is `plain` but for case and `_`.
fn same_name(given: &str, plain: &str) -> bool {
    given.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase()).eq(plain.bytes())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Text)? {
            if members.len() < MEMBERS_MAX {
                let value: &'de RawValue = map.next_value()?;
                members.push((name, Json(value.get())));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Object(members))
    }
}

struct Items {
    max: usize,
}

impl<'de> Visitor<'de> for Items {
    type Value = (Vec<Json<'de>>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.max {
            match seq.next_element::<&'de RawValue>()? {
                Some(value) => items.push(Json(value.get())),
                None => return Ok((items, false)),
            }
        }
        let mut more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok((items, more))
    }
}

/// A string, as bytes: so serde lets lone surrogates pass instead of refusing all that holds one.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_without_regard_to_case_and_underscores() {
        for given in ["objectId", "object_id", "ObjectID", "_OBJECT_ID_", "objectid"] {
            assert!(same_name(given, "objectid"), "{given}");
        }
        assert!(!same_name("objectIds", "objectid"));
        assert!(!same_name("", "objectid"));
    }

    #[test]
    fn the_first_name_that_holds_something_wins() {
        let object = Json::parse(r#"{"closeTime":"null","closedTime":"x","id":"","Id":5,"ID":6}"#);
        let object = object.and_then(Json::object).expect("an object");
        assert_eq!(object.get(&["closetime", "closedtime"]).map(Json::raw), Some(r#""x""#));
        assert_eq!(object.get(&["objectid", "id"]).and_then(Json::digits).as_deref(), Some("6"));
        assert!(object.get(&["nothing"]).is_none());
    }

    #[test]
    fn half_an_emoji_does_not_cost_the_text() {
        let value = Json::parse(r#""a\ud83d b\n""#).expect("json");
        let text = value.string().expect("text");
        assert!(text.starts_with("a\u{fffd}"), "{text:?}");
        assert!(text.ends_with(" b\n"), "{text:?}");
        let object = Json::parse(r#"{"\udc00":1,"id":2}"#).and_then(Json::object).expect("an object");
        assert_eq!(object.get(&["id"]).and_then(Json::integer), Some(2));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{{\"x\":{}{},\"id\":1}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let object = Json::parse(&deep).and_then(Json::object).expect("an object");
        assert_eq!(object.get(&["id"]).and_then(Json::integer), Some(1));
    }

    #[test]
    fn counts_are_bounded() {
        let list = format!("[{}0]", "0,".repeat(20));
        let (items, more) = Json::parse(&list).and_then(|json| json.items(20)).expect("an array");
        assert_eq!((items.len(), more), (20, true));
        let wide = format!("{{{}\"x\":0}}", "\"a\":0,".repeat(MEMBERS_MAX * 2));
        assert_eq!(Json::parse(&wide).and_then(Json::object).expect("an object").0.len(), MEMBERS_MAX);
    }
}
