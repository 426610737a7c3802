//! The header fields of one message, as the platform read them in one call.
//!
//! Standard: RFC 9110 section 5 (fields; names compare case-insensitively; a field sent twice is one value
//! joined by `, `).
//! Invariants: an absent field is `None`, an empty one is `Some("")`. Values hold no line feed: the platform
//! guarantees that, and RFC 9110 section 5.5 forbids it.
//! What it must not know: which fields matter.
//! What a mistake costs: a credential that is present is read as absent, so the request is treated as
//! anonymous.

/// The requested fields, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Headers<'a> {
    /// Reads one line for each name: an empty line for an absent field, else `=` and the value. A missing
    /// line is an absent field.
    #[must_use]
    pub fn read(names: &'a str, lines: &'a str) -> Self {
        let mut values = lines.split('\n');
        let mut fields = Vec::with_capacity(USUAL_FIELDS);
        for name in names.split('\n') {
            fields.push((name, values.next().and_then(|line| line.strip_prefix('='))));
        }
        Self(fields)
    }

    /// The fields that are present: the name as requested, and the value.
    pub fn present(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(|(name, value)| Some((*name, (*value)?)))
    }

    /// The value of a field. `None` when it is absent or was not requested.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).and_then(|(_, value)| *value)
    }
}

/// About as many as the gateway reads of a request.
const USUAL_FIELDS: usize = 16;

/// Whether the text is a field name: a token (RFC 9110 sections 5.1 and 5.6.2).
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_empty_differ() {
        let headers = Headers::read("Origin\nX-Api-Key\nReferer", "\n=\n=a=b\n");
        assert_eq!(headers.get("origin"), None);
        assert_eq!(headers.get("X-API-KEY"), Some(""));
        assert_eq!(headers.get("referer"), Some("a=b"));
        assert_eq!(headers.get("cookie"), None);
    }

    #[test]
    fn missing_lines_are_absent_fields() {
        let headers = Headers::read("a\nb", "=1");
        assert_eq!((headers.get("a"), headers.get("b")), (Some("1"), None));
    }
}
