//! A host as the operator writes it, held against the host of a request.
//!
//! Standard: URL standard, host parsing: any case, IDN or A-label, with or without a final dot, IPv4, `[IPv6]`.
//! Invariants: compared as host and port, never as text.
//! What it must not know: what the host is for.
//! What a mistake costs: a control host that is not recognised serves the upstream on the console's own origin.

use super::path::RequestUrl;
use std::fmt;
use url::Url;

/// A host, with a port if one was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedHost {
    /// Lower case, A-labels, no final dot.
    pub(super) name: String,
    /// `None` is any port.
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
    /// Reads `host` or `host:port`; `None` for anything else, a wildcard too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '@' | '*' | '%')
        }) {
            return None;
        }
        // Read before the URL parser, which drops the default port: a written `:80` means that port alone.
        let port = match text.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => Some(port.parse::<u16>().ok()?),
            _ => None,
        };
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        let name = url.host_str()?;
        let name = name.strip_suffix('.').unwrap_or(name);
        (!name.is_empty()).then(|| Self { name: name.to_owned(), port })
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
        for text in ["", "a/b", "*.x", "host#x", "a b", "u@h", "h:99999", "https://h"] {
            assert_eq!(ServedHost::parse(text), None, "{text}");
        }
    }
}
