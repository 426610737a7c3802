//! Which operation a method and a path mean.
//!
//! Standard: RFC 9110 (methods, `Allow`).
//! Invariants: `{id}` in a path matches one segment, not decoded.
//! What a mistake costs: a request is routed to another operation than its sender meant.

use super::operation::{ID, Operation};
use super::operations::OPERATIONS;

/// The result of routing a method and a path.
pub(super) enum Routed<'a> {
    /// The operation, and the path's `{id}`.
    To(&'static Operation, &'a str),
    /// The path exists, but not with this method. Lists the methods that it has.
    OtherMethods(Vec<&'static str>),
    /// No operation has this path: 404.
    Nowhere,
}

/// Finds the operation. `path` is what follows `/_wayleave/api`. HEAD is routed like GET (RFC 9110 section
/// 9.3.2).
pub(super) fn route<'a>(method: &str, path: &'a str) -> Routed<'a> {
    let method = if method == "HEAD" { "GET" } else { method };
    let here =
        || OPERATIONS.iter().filter_map(|operation| Some((operation, segment_of(operation.path, path)?)));
    if let Some((operation, id)) = here().find(|(operation, _)| operation.method == method) {
        return Routed::To(operation, id);
    }
    let mut methods: Vec<_> = here().map(|(operation, _)| operation.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    if methods.is_empty() { Routed::Nowhere } else { Routed::OtherMethods(methods) }
}

/// The segment at `{id}` if `path` matches `template`; empty if the template has no `{id}`.
fn segment_of<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once(ID) else {
        return (template == path).then_some("");
    };
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    (!segment.is_empty() && !segment.contains('/')).then_some(segment)
}
