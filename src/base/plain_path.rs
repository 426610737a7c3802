//! Which paths every server reads alike.
//!
//! Standards: URL standard (what its parser would change); RFC 3986 section 3.3 (segments).
//! Invariants: nothing decodes, joins or cuts anything of a plain path.
//! What it must not know: routes, scopes.
//! What a mistake costs: gateway and upstream read one path differently, so that a guarded path is served
//! unguarded.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plainness {
    /// Every server reads it as it is.
    LowerCase,
    /// Every server reads it as it is, except for case.
    AnyCase,
    /// Servers may read it in different ways.
    Not,
}

/// Whether every server reads the path alike, except for case.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    plainness(path) != Plainness::Not
}

/// How the path differs from its eager reading, found without computing that. A plain path has:
/// - only characters that the URL parser keeps and that nothing decodes;
/// - no empty segment except the last;
/// - no segment that begins with a dot (it may be `.` or `..`) or ends with one;
/// - no `:$`, with which Windows names a stream inside of a file.
#[must_use]
pub fn plainness(path: &str) -> Plainness {
    let mut before = 0;
    let mut has_capitals = false;
    for byte in path.bytes() {
        let keeps = byte.is_ascii_alphanumeric() || b"/-_~.!$&()*+,=:@".contains(&byte);
        let is_odd_pair = matches!((before, byte), (b'/', b'/' | b'.') | (b'.', b'/') | (b':', b'$'));
        if !keeps || is_odd_pair {
            return Plainness::Not;
        }
        has_capitals |= byte.is_ascii_uppercase();
        before = byte;
    }
    match path.starts_with('/') && before != b'.' {
        false => Plainness::Not,
        true if has_capitals => Plainness::AnyCase,
        true => Plainness::LowerCase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_some_server_reads_differently_is_not_plain() {
        for plain in ["/", "/v1/x-y_z~", "/v1/", "/a.b/c", "/a:b@c", "/a(b)+c,d=e&f*$!"] {
            assert_eq!(plainness(plain), Plainness::LowerCase, "{plain}");
        }
        assert_eq!(plainness("/V1"), Plainness::AnyCase);
        for odd in ["", "v1", "//", "/a//b", "/./a", "/a/..", "/a.", "/.a", "/a%20", "/a;b", "/a b", "/a:$b"]
        {
            assert!(!is_plain(odd), "{odd}");
        }
        assert!(!is_plain("/a\\b") && !is_plain("/\u{e4}") && !is_plain("/a?b") && !is_plain("/a#b"));
    }
}
