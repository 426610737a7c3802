//! A host as an operator writes it, compared with the host of a request.
//!
//! Standard: URL standard, host parsing. A host may be in any case, an IDN or A-labels, with or without a
//! final dot, an IPv4 address, or `[IPv6]`.
//! Invariants: hosts are compared as host and port, never as text.
//! What it must not know: what the host is for.
//! What a mistake costs: a control host is not recognised and serves an upstream's content on the console's
//! origin.

use super::path::{RequestUrl, is_host};
use std::fmt;
use url::Url;

/// A host, and a port if one was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedHost {
    /// Lower case, A-labels, without a final dot.
    pub(super) name: String,
    /// `None` means any port.
    pub(super) port: Option<u16>,
}

impl fmt::Display for ServedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl ServedHost {
    /// Parses `host` or `host:port`. `None` for any other text, including one with a wildcard.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '@' | '*' | '%')
        }) {
            return None;
        }
        // Read before the URL parser, which drops a default port: `:80`, if written, means that port only.
        let port = match text.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => Some(port.parse().ok().filter(|port| *port != 0)?),
            _ => None,
        };
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        let name = url.host_str()?;
        let name = name.strip_suffix('.').unwrap_or(name);
        // No request is for any other: a `;` in a list of hosts must not make one host of two.
        (is_host(name) && !name.contains("..")).then(|| Self { name: name.to_owned(), port })
    }

    /// Whether every request for `other` is one for this host.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.name == other.name && self.port.is_none_or(|port| other.port == Some(port))
    }

    /// Whether a request sent to this origin (`scheme://host[:port]`) is for this host.
    #[must_use]
    pub fn serves_origin(&self, origin: &str) -> bool {
        RequestUrl::split(origin).is_some_and(|url| self.serves(&url))
    }

    pub(super) fn serves(&self, url: &RequestUrl<'_>) -> bool {
        self.name.eq_ignore_ascii_case(url.host) && self.port.is_none_or(|port| port == url.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_recognised_in_every_spelling() {
        let host = ServedHost::parse("Control.Example.").unwrap();
        for origin in [
            "https://control.example",
            "https://CONTROL.example.",
            "http://control.example:80",
            "https://control.example:8443",
        ] {
            assert!(host.serves_origin(origin), "{origin}");
        }
        for origin in
            ["https://control.example.evil", "https://xcontrol.example", "https://example", "null", ""]
        {
            assert!(!host.serves_origin(origin), "{origin}");
        }
    }

    #[test]
    fn a_written_port_is_that_port_alone_also_where_the_url_leaves_it_out() {
        let host = ServedHost::parse("control.example:443").unwrap();
        assert!(host.serves_origin("https://control.example"));
        assert!(!host.serves_origin("http://control.example"));
        assert!(!host.serves_origin("https://control.example:8443"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "a/b",
            "*.x",
            "host#x",
            "a b",
            "u@h",
            "h:99999",
            "https://h",
            "a;b",
            "a,b",
            "a..b",
            "h:0",
            "'h'",
        ] {
            assert_eq!(ServedHost::parse(text), None, "{text}");
        }
    }
}
