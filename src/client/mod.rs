//! `/_wayleave/client.js`: the library that pages load to get a family's token, and its types.
//!
//! Standards: RFC 9110 sections 8.8.3 (`ETag`) and 13.1.2 (`If-None-Match`); Fetch section 3.3 (modules are
//! loaded with CORS).
//! Invariants: the files are part of the Worker, so library and gateway are of the same release. Every site
//! may load them. A copy is revalidated after an hour, which transfers no body while it is current.
//! What a mistake costs: pages that import the library stop, or use an outdated one. It cannot admit
//! anything.

use crate::formats::key::sha256;
use crate::http::reply::Reply;
use crate::limits::CLIENT_MAX_AGE_SECONDS;

/// A file that is served unchanged.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const FILES: [File; 2] = [
    File {
        path: "/client.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("client.js"),
    },
    File {
        path: "/client.d.ts",
        media_type: "application/typescript; charset=utf-8",
        text: include_str!("client.d.ts"),
    },
];

impl File {
    /// The file at `path`, given without `/_wayleave`.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }

    /// The response to GET: 304 when `If-None-Match` names the current file.
    #[must_use]
    pub fn reply(&self, if_none_match: Option<&str>) -> Reply {
        let tag = format!("\"{}\"", hex::encode(sha256(self.text.as_bytes()).get(..8).unwrap_or_default()));
        let reply = if if_none_match.is_some_and(|tags| names(tags, &tag)) {
            Reply::empty(304)
        } else {
            Reply::text(200, self.media_type, self.text.to_owned())
        };
        reply
            .with("ETag", tag)
            .with("Cache-Control", format!("public, max-age={CLIENT_MAX_AGE_SECONDS}"))
            .with("Access-Control-Allow-Origin", "*")
            .with("X-TypeScript-Types", "/_wayleave/client.d.ts")
    }
}

/// Weak comparison (RFC 9110 section 8.8.3.2): a proxy that compresses the file makes its tag a weak one.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

#[cfg(test)]
mod tests;
