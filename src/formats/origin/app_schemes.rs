//! `APP_SCHEMES`: the schemes of apps that origin rules may name.
//!
//! Standard: RFC 3986 section 3.1 (scheme syntax).

/// The default of `APP_SCHEMES`.
pub const APP_SCHEMES_DEFAULT: &str = "chrome-extension, moz-extension, capacitor, ionic, tauri";

/// What is expected of `APP_SCHEMES`, for the operator's log.
pub const APP_SCHEMES_EXPECTED: &str = "a comma list of URL schemes of apps, such as chrome-extension, \
     capacitor; not http, https, file, data or another scheme of the web itself";

/// Parses `APP_SCHEMES`: a list separated by commas, in any case. An empty text is an empty list.
/// `None` when an item is not an app scheme.
#[must_use]
pub fn parse_app_schemes(text: &str) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',')
        .map(|item| {
            let scheme = item.trim().to_ascii_lowercase();
            is_app_scheme(&scheme).then_some(scheme)
        })
        .collect()
}

/// Whether the text is a scheme (RFC 3986 section 3.1) in lower case that may be an app's. The URL standard's
/// special schemes are not, nor are those whose origin is always opaque.
pub(super) fn is_app_scheme(text: &str) -> bool {
    let is_scheme = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme && !SCHEMES_OF_THE_WEB.contains(&text)
}

const SCHEMES_OF_THE_WEB: [&str; 10] =
    ["about", "blob", "data", "file", "ftp", "http", "https", "javascript", "ws", "wss"];
