//! The FTS5 query for a text that is contained anywhere in another.

/// The FTS5 query for what contains every three characters in a row of `text`; `None` for a shorter text. It
/// may find too much, never too little: the caller compares the whole text.
pub(in crate::control::registry) fn query(text: &str) -> Option<String> {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let mut parts: Vec<String> = chars.windows(3).map(|part| part.iter().collect()).collect();
    parts.sort_unstable();
    parts.dedup();
    // A few tell tokens apart; hundreds would cost more than they exclude.
    parts.truncate(SOUGHT_MAX);
    let quoted = parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    let quoted: Vec<String> = quoted.collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

const SOUGHT_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sought_by_every_three_characters() {
        assert_eq!(query("ab"), None);
        assert_eq!(query("Müll").as_deref(), Some("\"mül\" AND \"üll\""));
        assert_eq!(query("aaaa").as_deref(), Some("\"aaa\""));
        assert_eq!(query("a\"b").as_deref(), Some("\"a\"\"b\""));
    }
}
