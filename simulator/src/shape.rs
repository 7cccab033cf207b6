//! How an answer is written: every form that the API's own pages, examples and clients disagree about.
//!
//! A shape changes how a conversation is written, never what was said in it. The default is the form of a chat as
//! the API's documentation describes it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::json::Json;

/// How the answers about one conversation are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    pub order: Order,
    pub childs_at: ChildsAt,
    pub childs_as: ChildsAs,
    /// Children are sent even when the request did not ask for them.
    pub childs_unasked: bool,
    pub dates: Dates,
    pub numbers: Numbers,
    pub names: Names,
    pub nulls: Nulls,
    /// The JSON text in the conversation's own `content`.
    pub content: Content,
    /// The JSON text in each child's `content`.
    pub child_content: Content,
    pub author: AuthorForm,
    pub data: Data,
    pub status: StatusForm,
    /// Leaves out what an older answer does not have: response times, the previous agent, half of `user`.
    pub sparse: bool,
}

impl Shape {
    /// Oldest first, times without zone and fraction: the same facts as the default says.
    pub fn oldest_first_no_zone() -> Shape {
        Shape {
            order: Order::OldestFirst,
            dates: Dates {
                children: vec![DateForm { zone: false, digits: 0, space: false }],
                ..Dates::default()
            }
            .without_zone(),
            ..Shape::default()
        }
    }

    /// Everything odd that the documentation shows, in one answer.
    pub fn oddities() -> Shape {
        Shape {
            order: Order::OldestFirst,
            childs_at: ChildsAt::User,
            dates: Dates {
                object: DateForm { zone: false, digits: 0, space: false },
                children: vec![
                    DateForm { zone: true, digits: 5, space: false },
                    DateForm { zone: false, digits: 0, space: false },
                ],
            },
            numbers: Numbers::Text,
            names: Names::Variants,
            nulls: Nulls::Text,
            content: Content::Broken,
            status: StatusForm::Text,
            sparse: true,
            ..Shape::default()
        }
    }
}

/// The order of the children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    /// A different order in each answer, the same series for the same seed.
    Shuffled(u64),
}

/// Where the children stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildsAt {
    #[default]
    Object,
    User,
    Both,
    /// In both places, but the list inside `user` lacks the newest child: the object's list is the true one.
    BothUserStale,
}

/// What the `childs` field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildsAs {
    #[default]
    Array,
    /// A single child stands without brackets; several are still an array.
    SingleObject,
    Null,
    Absent,
    Empty,
}

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dates {
    /// The conversation's own times.
    pub object: DateForm,
    /// The children's times. With several forms each child keeps one of them, chosen by its id; none means the default.
    pub children: Vec<DateForm>,
}

impl Default for Dates {
    fn default() -> Self {
        let object = DateForm { zone: true, digits: 0, space: false };
        Dates { object, children: vec![DateForm { zone: true, digits: 7, space: false }] }
    }
}

impl Dates {
    /// One form for all times.
    pub fn all(form: DateForm) -> Dates {
        Dates { object: form, children: vec![form] }
    }

    fn without_zone(mut self) -> Dates {
        self.object.zone = false;
        self
    }

    pub(crate) fn of_child(&self, id: i64) -> DateForm {
        let count = self.children.len().max(1);
        let index = usize::try_from(id.rem_euclid(i64::try_from(count).unwrap_or(1))).unwrap_or(0);
        self.children.get(index).copied().unwrap_or_default()
    }
}

/// How one time is written. Digits that are not written are cut off, not rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DateForm {
    /// With `Z` at the end. Without it the time is UTC all the same.
    pub zone: bool,
    /// Digits after the second, 0 to 9; more are written as 9.
    pub digits: u8,
    /// A space instead of the `T`.
    pub space: bool,
}

impl Default for DateForm {
    fn default() -> Self {
        DateForm { zone: true, digits: 7, space: false }
    }
}

impl DateForm {
    pub(crate) fn write(self, instant: Timestamp) -> String {
        let time = TimeZone::UTC.to_datetime(instant);
        let separator = if self.space { ' ' } else { 'T' };
        let mut text = format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        if self.digits > 0 {
            let fraction = format!("{:09}", time.subsec_nanosecond());
            text.push('.');
            text.push_str(&fraction[..usize::from(self.digits.min(9))]);
        }
        if self.zone {
            text.push('Z');
        }
        text
    }
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    #[default]
    Plain,
    /// Ids, types and statuses as text; phones and unique ids, which are text, as numbers.
    Text,
}

impl Numbers {
    pub(crate) fn write(self, number: i64) -> Json {
        match self {
            Numbers::Plain => Json::Int(number),
            Numbers::Text => Json::Text(number.to_string()),
        }
    }

    /// A text of digits: what people mean as text and the API sometimes writes as a number.
    pub(crate) fn write_digits(self, text: &str) -> Json {
        match (self, text.parse()) {
            (Numbers::Text, Ok(number)) => Json::Int(number),
            _ => text.into(),
        }
    }
}

/// Which spelling of the field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    #[default]
    Documented,
    /// `streamid`, `substreamid`, `closeTime`, `Locale`; children with an even id say `objectId` for `object_id`.
    Variants,
    /// `id` for the conversation's `objectId`, as listings have it.
    Id,
    /// `Id` for the conversation's `objectId`, as an answer to a creation has it.
    UpperId,
}

impl Names {
    pub(crate) fn object_id(self) -> &'static str {
        match self {
            Names::Documented | Names::Variants => "objectId",
            Names::Id => "id",
            Names::UpperId => "Id",
        }
    }

    pub(crate) fn pick(self, documented: &'static str, variant: &'static str) -> &'static str {
        if self == Names::Variants { variant } else { documented }
    }
}

/// What stands for a text or time that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    #[default]
    Null,
    /// The text `"null"`.
    Text,
    /// The empty text.
    Empty,
}

impl Nulls {
    pub(crate) fn write(self) -> Json {
        match self {
            Nulls::Null => Json::Null,
            Nulls::Text => "null".into(),
            Nulls::Empty => "".into(),
        }
    }
}

/// What a `content` field, a string that holds JSON, really holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    #[default]
    Valid,
    /// JSON with a colon missing.
    Broken,
    /// The JSON text, written as a JSON text once more.
    Nested,
    /// `{}`, whatever there was to say.
    Bare,
    /// The empty text.
    Empty,
    Null,
}

impl Content {
    pub(crate) fn write(self, valid: &Json) -> Json {
        match self {
            Content::Valid => valid.to_text().into(),
            Content::Broken => {
                let text = valid.to_text();
                let text = if text == "{}" { r#"{"isConnected":true}"#.to_owned() } else { text };
                text.replacen("\":", "\"", 1).into()
            }
            Content::Nested => Json::Text(valid.to_text()).to_text().into(),
            Content::Bare => "{}".into(),
            Content::Empty => "".into(),
            Content::Null => Json::Null,
        }
    }
}

/// How a child says who wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorForm {
    /// `user.isManager`.
    #[default]
    User,
    /// `isManager` on the child itself, and no `user`.
    OnChild,
    /// A `user` with a `managerId` and without `isManager`.
    ManagerId,
    /// `user: null`.
    NullUser,
}

/// What `data` is when it holds conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    #[default]
    Array,
    /// The conversation itself, without brackets.
    Object,
}

/// How the envelope's `status` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusForm {
    #[default]
    Number,
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_every_form_and_digits_are_cut_off_rather_than_rounded() {
        let instant: Timestamp = "2026-03-02T10:06:40.5129999Z".parse().unwrap();
        let write = |zone, digits, space| DateForm { zone, digits, space }.write(instant);
        assert_eq!(write(true, 7, false), "2026-03-02T10:06:40.5129999Z");
        assert_eq!(write(true, 3, false), "2026-03-02T10:06:40.512Z");
        assert_eq!(write(false, 0, false), "2026-03-02T10:06:40");
        assert_eq!(write(false, 5, true), "2026-03-02 10:06:40.51299");
    }

    #[test]
    fn broken_content_is_not_json_even_when_there_was_nothing_to_say() {
        for valid in [Json::Object(vec![]), Json::Object(vec![("subject", "x".into())])] {
            let Json::Text(text) = Content::Broken.write(&valid) else { panic!("not a text") };
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_child_keeps_its_date_form_while_others_come() {
        let dates = Shape::oddities().dates;
        assert_eq!(dates.of_child(9_288_674_231_451_901).digits, 0);
        assert_eq!(dates.of_child(9_288_674_231_451_902).digits, 5);
    }
}
