//! A JSON parser that refuses duplicate names.
//!
//! Standard: JSON (RFC 8259). Its section 4 leaves duplicate names undefined. Here they are an error: two
//! parsers that each take another one would see two different policies or keys.
//! Invariants: names are checked at every depth, and compared after unescaping.
//! What it must not know: what the JSON means.
//! What a mistake costs: a policy or key other than the one its author sees.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// This name occurs twice in one object.
    DuplicateName(String),
    /// Not JSON, or nested deeper than 127 levels.
    NotJson,
}

/// Parses one JSON value.
///
/// # Errors
/// [`JsonFault`] when the text is not JSON, or a name occurs twice in one object.
pub fn parse(text: &str) -> Result<Value, JsonFault> {
    let duplicate = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed =
        UniqueNames(&duplicate).deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    match (parsed, duplicate.into_inner()) {
        (_, Some(name)) => Err(JsonFault::DuplicateName(name)),
        (Ok(value), None) => Ok(value),
        (Err(_), None) => Err(JsonFault::NotJson),
    }
}

/// Deserialises any JSON value. Stops at a duplicate name and leaves it in the cell.
#[derive(Clone, Copy)]
struct UniqueNames<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for UniqueNames<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.0.borrow_mut() = Some(name);
                return Err(A::Error::custom("duplicate name"));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_that_stands_twice_is_named_at_any_depth() {
        let twice = |name: &str| Err(JsonFault::DuplicateName(name.to_owned()));
        assert_eq!(parse(r#"{"a":1,"a":1}"#), twice("a"));
        assert_eq!(parse(r#"[{"b":{"a":1,"\u0061":2}}]"#), twice("a"));
        assert_eq!(parse(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).unwrap()["b"][1]["a"], json!(2));
    }

    #[test]
    fn what_is_not_one_json_value_is_not_taken() {
        for wrong in ["", "{", "{} {}", "{\"a\"}", "nan", &"[".repeat(200)] {
            assert_eq!(parse(wrong), Err(JsonFault::NotJson), "{wrong}");
        }
        let every_form = json!({"a": [null, true, -1, 18_446_744_073_709_551_615_u64, 0.5, "x"]});
        assert_eq!(parse(&every_form.to_string()), Ok(every_form));
    }
}
