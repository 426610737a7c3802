//! The header fields of one message, as the platform read them in one crossing.
//!
//! Standard: RFC 9110 section 5 (fields; names compare case-insensitively; a field sent twice is one value joined
//! by `, `).
//! Invariants: a field that was absent is `None`, one that was empty is `Some("")`; values hold no line feed, which
//! the platform guarantees and RFC 9110 section 5.5 forbids.
//! What it must not know: which fields matter.
//! What a mistake costs: a present credential read as absent is a request taken for anonymous (false accept).

/// The fields that were asked for, in the order of their names.
#[derive(Clone, Debug)]
pub struct Headers<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Headers<'a> {
    /// Reads one line a name: empty when the field was absent, else `=` and its value. A missing line is an absent field.
    #[must_use]
    pub fn read(names: &'a str, lines: &'a str) -> Self {
        let mut values = lines.split('\n');
        Self(
            names
                .split('\n')
                .map(|name| (name, values.next().and_then(|line| line.strip_prefix('='))))
                .collect(),
        )
    }

    /// The value of a field; `None` when it was absent or not asked for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).and_then(|(_, value)| *value)
    }
}

/// Whether a text is the name of a header field: a token (RFC 9110 sections 5.1 and 5.6.2).
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
