//! The paths of a scope: each exact, or a prefix that ends in `/*`.
//!
//! Standards: docs/http.md, "Scopes"; RFC 3986 section 3.3 (segments).
//! Invariants:
//! - A path has nothing that some server reads differently, but for case.
//! - A final slash makes no difference. `/v1/*` is `/v1` and what lies below it by whole segments, as a
//!   route's path.
//! - A path has one canonical text, which records hold.
//!
//! What it must not know: requests, routes, how a request's path may be read.
//! What a mistake costs: a token reaches a path that it was not made for (false accept).

use crate::base::plain_path::is_plain;
use crate::http::paths::RESERVED_PATH;
use crate::limits;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The paths of a scope, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ScopePaths(Vec<ScopePath>);

/// One path of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopePath {
    /// Without a final slash, and without `/*`. Empty: the root.
    base: String,
    is_prefix: bool,
}

/// Why one path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopePathError {
    /// It does not begin with a slash.
    NoSlash,
    /// More characters than [`limits::SCOPE_PATH_MAX_CHARS`].
    TooLong,
    /// A `*` elsewhere than as the whole last segment.
    Wildcard,
    /// It has a character or segment that some server reads differently.
    NotPlain,
    /// It is under Wayleave's own prefix.
    Reserved,
}

/// Why a list of paths is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathsError {
    /// The list is empty.
    Empty,
    /// More paths than [`limits::SCOPE_PATHS_MAX`].
    TooMany,
    /// An item is not a path of a scope.
    Path {
        /// Index in the list, from 0.
        index: usize,
        error: ScopePathError,
    },
    /// An item was listed before.
    Duplicate {
        /// Index in the list, from 0.
        index: usize,
    },
}

impl ScopePaths {
    /// Parses a list of paths.
    ///
    /// # Errors
    /// [`PathsError`] for the first faulty item.
    pub fn parse<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, PathsError> {
        let mut listed: Vec<ScopePath> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            if index >= limits::SCOPE_PATHS_MAX {
                return Err(PathsError::TooMany);
            }
            let path = ScopePath::parse(item).map_err(|error| PathsError::Path { index, error })?;
            if listed.contains(&path) {
                return Err(PathsError::Duplicate { index });
            }
            listed.push(path);
        }
        if listed.is_empty() {
            return Err(PathsError::Empty);
        }
        Ok(Self(listed))
    }

    /// Whether a path, read as it is, lies in the scope.
    #[must_use]
    pub fn cover(&self, path: &str) -> bool {
        self.0.iter().any(|listed| listed.covers(path, |one, other| one == other))
    }

    /// Whether a path lies in the scope for a server that ignores case.
    #[must_use]
    pub fn cover_in_any_case(&self, path: &str) -> bool {
        self.0.iter().any(|listed| listed.covers(path, <[u8]>::eq_ignore_ascii_case))
    }

    /// The listed paths, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &ScopePath> {
        self.0.iter()
    }
}

impl ScopePath {
    /// Parses one path.
    ///
    /// # Errors
    /// [`ScopePathError`] for what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ScopePathError> {
        if text.len() > limits::SCOPE_PATH_MAX_CHARS {
            return Err(ScopePathError::TooLong);
        }
        if !text.starts_with('/') {
            return Err(ScopePathError::NoSlash);
        }
        let (base, is_prefix) = match text.strip_suffix("/*") {
            Some(base) => (base, true),
            None => (text.strip_suffix('/').unwrap_or(text), false),
        };
        if base.contains('*') {
            return Err(ScopePathError::Wildcard);
        }
        if base.ends_with('/') || !(base.is_empty() || is_plain(base)) {
            return Err(ScopePathError::NotPlain);
        }
        if base.to_ascii_lowercase().starts_with(RESERVED_PATH) {
            return Err(ScopePathError::Reserved);
        }
        Ok(Self { base: base.to_owned(), is_prefix })
    }

    /// The path without a final slash, and without `/*`. Empty: the root.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is the path and what lies below it.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// Compares bytes: the length of an ASCII path may fall inside a multi-byte character of another path.
    fn covers(&self, path: &str, is_same: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        path.as_bytes().split_at_checked(self.base.len()).is_some_and(|(start, rest)| {
            let ends = rest.is_empty() || rest == b"/";
            is_same(start, self.base.as_bytes()) && (ends || (self.is_prefix && rest.first() == Some(&b'/')))
        })
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        match (self.is_prefix, self.base.is_empty()) {
            (true, _) => f.write_str("/*"),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

impl TryFrom<Vec<String>> for ScopePaths {
    type Error = &'static str;

    fn try_from(items: Vec<String>) -> Result<Self, Self::Error> {
        let paths = Self::parse(items.iter().map(String::as_str)).map_err(|_| "not a list of paths")?;
        // A reader refuses any other spelling than the canonical one.
        let is_canonical = paths.iter().zip(&items).all(|(path, item)| path.to_string() == *item);
        is_canonical.then_some(paths).ok_or("a path in another spelling")
    }
}

impl From<ScopePaths> for Vec<String> {
    fn from(paths: ScopePaths) -> Self {
        paths.iter().map(ToString::to_string).collect()
    }
}

impl ScopePathError {
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSlash => "path_slash",
            Self::TooLong => "too_long",
            Self::Wildcard => "path_wildcard",
            Self::NotPlain => "path_not_plain",
            Self::Reserved => "path_reserved",
        }
    }

    /// What was expected. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::NoSlash => "a path that begins with a slash, such as /v1/tiles/*, without scheme and host",
            Self::TooLong => "at most 256 characters",
            Self::Wildcard => {
                "* only as the whole last segment, such as /v1/tiles/*: it stands for everything below"
            }
            Self::NotPlain => {
                "a path of letters, digits and - . _ ~ ! $ & ( ) + , = : @ between slashes: no . or .., no \
                 segment that begins or ends with a dot, no empty segment, no %, no ; and no query. A \
                 request is judged however a server may read its path, so such a path could not be told \
                 from others"
            }
            Self::Reserved => "a path of an API: those under /_wayleave are Wayleave's own",
        }
    }
}

impl PathsError {
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_list",
            Self::TooMany => "too_many",
            Self::Path { error, .. } => error.code(),
            Self::Duplicate { .. } => "duplicate",
        }
    }

    /// What was expected. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Empty => "at least one path; for a token that may request every path, null",
            Self::TooMany => "at most 50 paths; a prefix such as /v1/tiles/* stands for many",
            Self::Path { error, .. } => error.detail(),
            Self::Duplicate { .. } => "each path once; a final slash makes no difference",
        }
    }

    /// Index of the faulty item, from 0. `None` when the list itself is faulty.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        match self {
            Self::Path { index, .. } | Self::Duplicate { index } => Some(index),
            Self::Empty | Self::TooMany => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(items: &[&str]) -> ScopePaths {
        ScopePaths::parse(items.iter().copied()).unwrap()
    }

    #[test]
    fn an_exact_path_is_itself_and_a_prefix_what_lies_below_too() {
        for (listed, inside, outside) in [
            (
                "/v1/x",
                ["/v1/x", "/v1/x/"].as_slice(),
                ["/v1", "/v1/x/y", "/v1/xy", "/V1/x", "/v1/x//"].as_slice(),
            ),
            ("/v1/*", &["/v1", "/v1/", "/v1/x", "/v1/x/y"], &["/", "/v10", "/v1x/y", "/V1/x", "/w/v1/x"]),
            ("/", &["/", ""], &["/x", "//"]),
            ("/*", &["/", "", "/x", "//x", "/x/y"], &["x"]),
        ] {
            inside.iter().for_each(|path| assert!(paths(&[listed]).cover(path), "{listed}: {path}"));
            outside.iter().for_each(|path| assert!(!paths(&[listed]).cover(path), "{listed}: {path}"));
        }
        assert!(paths(&["/v1/*"]).cover_in_any_case("/V1/x") && !paths(&["/v1/*"]).cover_in_any_case("/V10"));
        // The base ends inside a character of the other path.
        assert!(!paths(&["/v1/*"]).cover_in_any_case("/v\u{e4}/x"));
    }

    #[test]
    fn every_fault_has_a_code_and_the_canonical_text_is_read_again() {
        for (text, code) in [
            ("", "path_slash"),
            ("v1", "path_slash"),
            ("*", "path_slash"),
            ("https://api.example/v1", "path_slash"),
            ("/v1*", "path_wildcard"),
            ("/*/x", "path_wildcard"),
            ("/v1/*/x", "path_wildcard"),
            ("/v1/**", "path_wildcard"),
            ("/v1/*/", "path_wildcard"),
            ("/v1/*/*", "path_wildcard"),
            ("/v1/../x", "path_not_plain"),
            ("/..", "path_not_plain"),
            ("/v1/./*", "path_not_plain"),
            ("/v1/..", "path_not_plain"),
            ("/.well-known", "path_not_plain"),
            ("/v1.", "path_not_plain"),
            ("/v1%2Fx", "path_not_plain"),
            ("/v1/%2e%2e/x", "path_not_plain"),
            ("/v1\\x", "path_not_plain"),
            ("/v1;a", "path_not_plain"),
            ("/v1//x", "path_not_plain"),
            ("/v1//", "path_not_plain"),
            ("/v1//*", "path_not_plain"),
            ("//", "path_not_plain"),
            ("//*", "path_not_plain"),
            ("/v1?x=1", "path_not_plain"),
            ("/v1#x", "path_not_plain"),
            ("/v1 x", "path_not_plain"),
            ("/v1\n", "path_not_plain"),
            ("/v\u{e4}", "path_not_plain"),
            ("/x::$DATA", "path_not_plain"),
            ("/_wayleave/token", "path_reserved"),
            ("/_WAYLEAVE/*", "path_reserved"),
        ] {
            assert_eq!(ScopePath::parse(text).unwrap_err().code(), code, "{text}");
        }
        let long = format!("/{}", "a".repeat(255));
        for (text, canonical) in
            [("/", "/"), ("/*", "/*"), ("/v1/", "/v1"), ("/v1/*", "/v1/*"), (&long, &long)]
        {
            assert_eq!(ScopePath::parse(text).unwrap().to_string(), canonical);
        }
        assert_eq!(ScopePath::parse(&format!("{long}a")), Err(ScopePathError::TooLong));
    }

    #[test]
    fn a_stored_list_has_one_spelling_and_is_never_empty() {
        let stored = |text: &str| serde_json::from_str::<ScopePaths>(text);
        let listed = stored(r#"["/v1/*","/x"]"#).unwrap();
        assert_eq!(serde_json::to_string(&listed).unwrap(), r#"["/v1/*","/x"]"#);
        for wrong in ["[]", "null", r#""/v1""#, r#"["/v1/"]"#, r#"["/v1","/v1"]"#, r#"["/v1","/v1/"]"#, "[1]"]
        {
            assert!(stored(wrong).is_err(), "{wrong}");
        }
        let many = |count: usize| (0..count).map(|at| format!("/{at}")).collect::<Vec<_>>();
        let parsed = |items: Vec<String>| ScopePaths::parse(items.iter().map(String::as_str));
        assert!(parsed(many(50)).is_ok());
        assert_eq!(parsed(many(51)), Err(PathsError::TooMany));
    }
}
