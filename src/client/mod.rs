//! `/_wayleave/client.js`: the library that pages load to get a family's token, and its types.
//!
//! Standards: RFC 9110 sections 8.8.3 (`ETag`) and 13.1.2 (`If-None-Match`); Fetch section 3.3 (a module is loaded with CORS).
//! Invariants: the files are part of the Worker, so that library and gateway are of one release; every site may load them; a
//! copy kept past an hour is asked about again, which costs no body while it is current.
//! What it must not know: tokens, requests beyond one field.
//! What a mistake costs: pages that import the library stop, or go on with an old one. Admission is not at stake.

use crate::key::sha256;
use crate::limits::CLIENT_MAX_AGE_SECONDS;
use crate::reply::Reply;
use data_encoding::HEXLOWER;

/// A file that is served as it stands here.
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
    /// The file at `path`, which follows `/_wayleave`.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }

    /// The answer to GET: 304 when the asker's copy is this very file.
    #[must_use]
    pub fn reply(&self, if_none_match: Option<&str>) -> Reply {
        let tag =
            format!("\"{}\"", HEXLOWER.encode(sha256(self.text.as_bytes()).get(..8).unwrap_or_default()));
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

/// Weak comparison (RFC 9110 section 8.8.3.2): whoever compresses a file on its way makes its tag a weak one.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_current_costs_no_body() {
        let file = File::at("/client.js").unwrap();
        let whole = file.reply(None);
        assert_eq!((whole.status, whole.body.as_deref()), (200, Some(file.text)));
        let tag = whole.header("ETag").unwrap().to_owned();
        for current in [tag.clone(), format!("W/{tag}"), format!("\"a\", W/{tag}"), "*".to_owned()] {
            let reply = file.reply(Some(&current));
            assert_eq!((reply.status, reply.body.as_deref()), (304, None), "{current}");
            assert_eq!(reply.header("ETag"), Some(tag.as_str()));
            assert_eq!(reply.header("Cache-Control"), Some("public, max-age=3600"));
        }
        for other in ["", "\"a\"", &tag.replace('"', ""), "W/"] {
            assert_eq!(file.reply(Some(other)).status, 200, "{other}");
        }
        assert_ne!(File::at("/client.d.ts").unwrap().reply(None).header("ETag"), Some(tag.as_str()));
    }
}
