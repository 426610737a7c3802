//! Segments that some server takes out of a path, because they are not part of the address: the name of a
//! script (RFC 3875 section 4.1.5), and ASP.NET's session.
//!
//! What it must not know: routes.
//! What a mistake costs: a server reads a guarded path where the gateway reads another.

use super::fault::PathFault;
use crate::limits::PATH_TAKEN_OUT_MAX;

/// Calls `read` with the path as it is to each server that takes segments out: one of them; the first ones,
/// up to all, since each program in a row may take one out; or a script with the folders before it, so that
/// the rest is left, which is the script's own path.
///
/// # Errors
/// That of `read`; [`PathFault::TooManyReadings`] where there are too many such segments.
pub(super) fn without_segments(
    path: &str,
    read: &mut impl FnMut(&str) -> Result<(), PathFault>,
) -> Result<(), PathFault> {
    // Almost every path is done here.
    if !path.split('/').any(is_taken_out) {
        return Ok(());
    }
    let names: Vec<&str> = path.split('/').collect();
    let is_out = |at: usize, name: &str| at + 1 < names.len() && is_taken_out(name);
    let out: Vec<usize> =
        names.iter().enumerate().filter(|(at, name)| is_out(*at, name)).map(|(at, _)| at).collect();
    if out.len() > PATH_TAKEN_OUT_MAX {
        return Err(PathFault::TooManyReadings);
    }
    let without = |left_out: &[usize]| {
        let kept = names.iter().enumerate().filter(|(at, _)| !left_out.contains(at));
        kept.map(|(_, name)| *name).collect::<Vec<_>>().join("/")
    };
    for (count, at) in out.iter().enumerate() {
        read(&without(&[*at]))?;
        read(&without(out.get(..=count).unwrap_or_default()))?;
        if names.get(*at).is_some_and(|name| is_script(name)) {
            let rest = names.get(at.saturating_add(1)..).unwrap_or_default();
            let own = format!("/{}", rest.join("/"));
            read(&own)?;
            without_segments(&own, read)?;
        }
    }
    Ok(())
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
