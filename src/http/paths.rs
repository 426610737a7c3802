//! The paths under which Wayleave itself answers. Both planes name them.

/// No request below this path is forwarded.
pub const RESERVED_PATH: &str = "/_wayleave";
/// Path of the admin API.
pub const API_PATH: &str = "/_wayleave/api";
/// The console's pages and files.
pub const CONSOLE_PATH: &str = "/_wayleave/console";
/// The page that explains problems: the base of every problem's `type`.
pub const PROBLEMS_PATH: &str = "/_wayleave/problems";

/// What follows `prefix` in `path` by whole segments: `""`, or text that begins with a slash.
#[must_use]
pub fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One of the paths above without [`RESERVED_PATH`] in front.
#[must_use]
pub const fn after_reserved(path: &'static str) -> &'static str {
    path.split_at(RESERVED_PATH.len()).1
}
