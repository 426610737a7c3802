//! JSON in one spelling, so that the same value is always the same bytes.
//!
//! Standard: RFC 8785 (JSON Canonicalization Scheme). One thing is stricter: a number above 2^53 − 1 has no
//! spelling here, because readers that keep numbers as doubles read another one.
//! Invariants: names are sorted by their UTF-16 code units. Numbers and texts are written as ECMAScript's
//! `JSON.stringify` writes them.
//! What it must not know: what the JSON means.
//! What a mistake costs: two readers of one text see two values, or a signature over it does not verify.

use serde_json::{Number, Value};

/// The largest whole number that doubles and the next one do not share: 2^53 − 1 (RFC 7493 section 2.2).
const NUMBER_MAX: f64 = 9_007_199_254_740_991.0;
/// ECMAScript writes smaller numbers with an exponent.
const PLAIN_MIN: f64 = 1e-6;

/// The canonical text of a value. `None` when it holds a number above 2^53 − 1, or below its negative.
#[must_use]
pub fn text(value: &Value) -> Option<String> {
    let mut text = String::new();
    write(value, &mut text)?;
    Some(text)
}

fn write(value: &Value, to: &mut String) -> Option<()> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => to.push_str(&value.to_string()),
        Value::Number(number) => to.push_str(&number_text(number)?),
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, to);
                write(item, to)?;
            }
            to.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            to.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                separate(index, to);
                to.push_str(&Value::from(name.as_str()).to_string());
                to.push(':');
                write(member, to)?;
            }
            to.push('}');
        }
    }
    Some(())
}

fn separate(index: usize, to: &mut String) {
    if index > 0 {
        to.push(',');
    }
}

fn number_text(number: &Number) -> Option<String> {
    let value = number.as_f64().filter(|value| value.abs() <= NUMBER_MAX)?;
    Some(match value.abs() {
        0.0 => "0".to_owned(),
        size if size < PLAIN_MIN => format!("{value:e}"),
        _ => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> Option<String> {
        text(&crate::base::json::parse(json).unwrap())
    }

    #[test]
    fn names_are_sorted_as_utf16_and_nothing_is_between_tokens() {
        // The order of RFC 8785 section 3.2.3: U+1F600 is two units, the first of them below U+FB33.
        let json = r#"{ "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": [ true, null ], "\ud83d\ude00": 5,
            "\u0080": 6, "\u00f6": {"b": 1, "a": 2} }"#;
        let expected = "{\"\\r\":2,\"1\":[true,null],\"\u{80}\":6,\"\u{f6}\":{\"a\":2,\"b\":1},\
                        \"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(json).unwrap(), expected);
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        // The last three are of RFC 8785, appendix B.
        for (given, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("0.1", "0.1"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-1.5e-10", "-1.5e-10"),
            ("9007199254740991", "9007199254740991"),
            ("-9007199254740991", "-9007199254740991"),
            ("333333333.33333329", "333333333.3333333"),
            ("333333.3333333333", "333333.3333333333"),
            ("4.9406564584124654e-324", "5e-324"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
        }
        for beyond in ["9007199254740992", "-9007199254740992", "18446744073709551615", "1e300", "[[1e16]]"] {
            assert_eq!(canonical(beyond), None, "{beyond}");
        }
    }

    #[test]
    fn a_canonical_text_is_its_own() {
        for json in [r#"{"b":0.1,"a":[1e-7,"\u0007\"\\\u001f\/é"]}"#, "[]", "{}", "5.000000000000001e-7"] {
            let once = canonical(json).unwrap();
            assert_eq!(canonical(&once).as_ref(), Some(&once), "{json}");
        }
    }
}
