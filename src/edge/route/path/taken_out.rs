//! Segments that some server takes out of a path, because they are not part of the address: the name of a
//! script (RFC 3875 section 4.1.5), and ASP.NET's session.
//!
//! What it must not know: routes.
//! What a mistake costs: a server reads a guarded path where the gateway reads another.

/// The path without each such segment, and without the first ones, up to all of them: each program in a row
/// may take one out.
pub(super) fn without_segments(path: &str) -> Vec<String> {
    // Almost every path is done here.
    if !path.split('/').any(is_taken_out) {
        return Vec::new();
    }
    let names: Vec<&str> = path.split('/').collect();
    let is_out = |at: usize, name: &str| at + 1 < names.len() && is_taken_out(name);
    let out: Vec<usize> =
        names.iter().enumerate().filter(|(at, name)| is_out(*at, name)).map(|(at, _)| at).collect();
    let without = |left_out: &[usize]| {
        let kept = names.iter().enumerate().filter(|(at, _)| !left_out.contains(at));
        kept.map(|(_, name)| *name).collect::<Vec<_>>().join("/")
    };
    let each = out.iter().map(|at| without(&[*at]));
    let first_ones = (2..=out.len()).filter_map(|count| out.get(..count)).map(without);
    each.chain(first_ones).collect()
}

/// Whether some server takes the segment out of a path.
pub(super) fn is_taken_out(name: &str) -> bool {
    is_script(name) || is_session(name)
}

/// Whether a segment is the file name of a program, so that what follows is the program's own path.
fn is_script(name: &str) -> bool {
    let has_ending = |ending: &&str| {
        let at = name.len().checked_sub(ending.len());
        at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    [".php", ".cgi", ".fcgi", ".pl"].iter().any(has_ending)
}

/// Whether a segment is what ASP.NET puts there in place of a cookie: `(S(…))`, and `(A(…)F(…))` with more.
fn is_session(name: &str) -> bool {
    let inner = name.strip_prefix('(').and_then(|rest| rest.strip_suffix("))"));
    inner.is_some_and(|inner| {
        inner.starts_with(|c: char| c.is_ascii_alphabetic())
            && inner.get(1..).is_some_and(|s| s.starts_with('('))
    })
}
