//! JSON with its fields in the order they were written.
//!
//! The API's answers begin with `status` and end with the children, and a field can be renamed on the way out;
//! a sorted map would lose both.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// The fields of an object, in the order they are written.
pub(crate) type Fields = Vec<(&'static str, Json)>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Json>),
    Object(Fields),
}

impl Json {
    /// The text of this value, without spaces, as the API writes JSON inside a string.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("every key is a string and every value is JSON")
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Int(value) => serializer.serialize_i64(*value),
            Json::Text(value) => serializer.serialize_str(value),
            Json::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Json::Object(fields) => {
                let mut object = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    object.serialize_entry(key, value)?;
                }
                object.end()
            }
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Json::Int(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Json::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Json::Text(value)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_the_order_they_were_written_in_and_big_numbers_keep_every_digit() {
        let json = Json::Object(vec![
            ("status", Json::Int(9_223_372_036_854_775_807)),
            ("data", Json::List(vec![Json::Null, true.into(), "שלום".into()])),
        ]);
        assert_eq!(json.to_text(), r#"{"status":9223372036854775807,"data":[null,true,"שלום"]}"#);
    }
}
