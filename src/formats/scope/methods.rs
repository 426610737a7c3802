//! The methods of a scope.
//!
//! Standards: RFC 9110 section 9 (methods are case-sensitive; `HEAD` is `GET` without the content).
//! Invariants: only methods of [`METHODS`] can be listed, and each once; any other method is in no list. The
//! canonical order is that of the table.
//! What it must not know: requests.
//! What a mistake costs: a token writes that was made for reading (false accept).

use serde::{Deserialize, Serialize};

/// Every method that reaches a gateway on Workers: those of RFC 9110 but CONNECT and TRACE, which pages
/// cannot send; PATCH (RFC 5789); QUERY; PURGE; and those of WebDAV and its kin.
pub const METHODS: [&str; 26] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PURGE",
    "SEARCH",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "MKCOL",
    "PROPFIND",
    "PROPPATCH",
    "ACL",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "MSEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "QUERY",
];

/// A set of methods, at least one: bit `i` is the method [`METHODS`]`[i]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<&'static str>")]
pub struct Methods(u32);

/// Why a list of methods is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodsError {
    /// The list is empty.
    Empty,
    /// An item is none of [`METHODS`].
    Unknown {
        /// Index in the list, from 0.
        index: usize,
    },
    /// An item was listed before.
    Duplicate {
        /// Index in the list, from 0.
        index: usize,
    },
}

impl Methods {
    /// Parses a list of methods.
    ///
    /// # Errors
    /// [`MethodsError`] for the first faulty item.
    pub fn parse<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, MethodsError> {
        let mut bits = 0;
        for (index, item) in items.into_iter().enumerate() {
            let bit = bit_of(item).ok_or(MethodsError::Unknown { index })?;
            if bits & bit != 0 {
                return Err(MethodsError::Duplicate { index });
            }
            bits |= bit;
        }
        if bits == 0 { Err(MethodsError::Empty) } else { Ok(Self(bits)) }
    }

    /// Whether a request with this method lies in the scope. `HEAD` goes with `GET`.
    #[must_use]
    pub fn admit(self, method: &str) -> bool {
        let has = |method| bit_of(method).is_some_and(|bit| self.0 & bit != 0);
        has(method) || (method == "HEAD" && has("GET"))
    }

    /// The methods, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        METHODS.into_iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| name)
    }
}

impl TryFrom<Vec<String>> for Methods {
    type Error = &'static str;

    fn try_from(items: Vec<String>) -> Result<Self, Self::Error> {
        Self::parse(items.iter().map(String::as_str)).map_err(|_| "not a list of methods")
    }
}

impl From<Methods> for Vec<&'static str> {
    fn from(methods: Methods) -> Self {
        methods.iter().collect()
    }
}

impl MethodsError {
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_list",
            Self::Unknown { .. } => "unknown_method",
            Self::Duplicate { .. } => "duplicate",
        }
    }

    /// What was expected. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Empty => "at least one method; for a token that may use every method, null",
            Self::Unknown { .. } => "a method in capitals, such as GET or POST: the schema lists them all",
            Self::Duplicate { .. } => "each method once",
        }
    }

    /// Index of the faulty item, from 0. `None` when the list itself is faulty.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        match self {
            Self::Empty => None,
            Self::Unknown { index } | Self::Duplicate { index } => Some(index),
        }
    }
}

fn bit_of(method: &str) -> Option<u32> {
    METHODS.iter().position(|known| *known == method).map(|at| 1 << at)
}

const _: () = assert!(METHODS.len() <= u32::BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_goes_with_get_and_nothing_else_goes_with_anything() {
        let of = |items: &[&str]| Methods::parse(items.iter().copied()).unwrap();
        assert!(of(&["GET"]).admit("HEAD") && of(&["GET"]).admit("GET"));
        assert!(of(&["HEAD"]).admit("HEAD") && !of(&["HEAD"]).admit("GET"));
        for method in ["POST", "OPTIONS", "get", "Get", "", "GET ", "QUERY", "GETS"] {
            assert!(!of(&["GET"]).admit(method), "{method}");
        }
        assert!(!of(&["POST"]).admit("HEAD"));
        for method in METHODS {
            assert!(of(&[method]).admit(method) && of(&METHODS).admit(method), "{method}");
        }
    }

    #[test]
    fn a_list_has_one_spelling_and_no_unknown_method() {
        let json = |text: &str| serde_json::from_str::<Methods>(text);
        let listed = json(r#"["DELETE","GET"]"#).unwrap();
        assert_eq!(serde_json::to_string(&listed).unwrap(), r#"["GET","DELETE"]"#);
        for wrong in [
            "[]",
            "null",
            r#""GET""#,
            r#"["get"]"#,
            r#"["GET","GET"]"#,
            r#"["CONNECT"]"#,
            r#"["TRACE"]"#,
            r#"["*"]"#,
            r#"["GET, POST"]"#,
            r#"[" GET"]"#,
            "[1]",
        ] {
            assert!(json(wrong).is_err(), "{wrong}");
        }
    }
}
