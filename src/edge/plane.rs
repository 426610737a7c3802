//! Which of the two planes a service has, and the scheme over which it was called. A service behind a proxy
//! knows neither by itself.
//!
//! Standard: docs/configuration.md, "Planes". `X-Forwarded-Proto` has no standard; this reads what proxies
//! send in it.
//! Invariants: only the setting decides which planes there are, never a request. The proxy's header changes a
//! URL's scheme between `http` and `https`, and nothing else of it.
//! What it must not know: hosts, routes, variables.
//! What a mistake costs: the admin API is reachable from the internet; a page of the service's own origin is
//! not recognised; or a page of another origin is taken for one of its own.

use std::borrow::Cow;

/// The planes that a service has. Health and the page of problems are served in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plane {
    #[default]
    Both,
    /// The guarded APIs, and what pages load from Wayleave.
    Data,
    /// The admin API and the console.
    Control,
}

impl Plane {
    /// Reads `both`, `data` or `control`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "both" => Some(Self::Both),
            "data" => Some(Self::Data),
            "control" => Some(Self::Control),
            _ => None,
        }
    }

    /// As [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Data => "data",
            Self::Control => "control",
        }
    }

    /// Whether it guards APIs and serves the files and tokens that pages load.
    #[must_use]
    pub fn has_data(self) -> bool {
        self != Self::Control
    }

    /// Whether it has the admin API and the console.
    #[must_use]
    pub fn has_control(self) -> bool {
        self != Self::Data
    }
}

/// The URL that the caller used, when the proxy in front sends its scheme in a header. Some proxies send
/// `wss` and `ws` for WebSockets; they are read as `https` and `http`. An unknown value changes nothing: the
/// scheme of `url` stays.
///
/// The setting `forwardedProtoHeader` of workerd is not used. It puts the header's value in front of the URL
/// unchecked, so that `X-Forwarded-Proto: http://other/path?` makes another URL (tested with workerd
/// 1.20261117.1).
#[must_use]
pub fn url_as_called<'u>(url: &'u str, forwarded_scheme: Option<&str>) -> Cow<'u, str> {
    let said = |schemes: [&str; 2]| {
        forwarded_scheme.is_some_and(|said| schemes.iter().any(|scheme| said.eq_ignore_ascii_case(scheme)))
    };
    if let Some(rest) = url.strip_prefix("http://").filter(|_| said(["https", "wss"])) {
        return Cow::Owned(format!("https://{rest}"));
    }
    if let Some(rest) = url.strip_prefix("https://").filter(|_| said(["http", "ws"])) {
        return Cow::Owned(format!("http://{rest}"));
    }
    Cow::Borrowed(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plane_is_in_a_service_that_has_it_alone_or_both() {
        for (text, data, control) in [("both", true, true), ("data", true, false), ("control", false, true)] {
            let plane = Plane::parse(text).unwrap();
            assert_eq!((plane.has_data(), plane.has_control()), (data, control), "{text}");
            assert_eq!(plane.as_str(), text);
        }
        assert_eq!(Plane::default(), Plane::Both);
        for text in ["", "none", "Data", "data,control", " data"] {
            assert_eq!(Plane::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_proxy_says_the_scheme_and_nothing_else() {
        let url = "http://api.example:8443/a?b=http://c";
        for said in ["https", "HTTPS", "wss"] {
            assert_eq!(url_as_called(url, Some(said)), "https://api.example:8443/a?b=http://c", "{said}");
        }
        for said in [
            "http",
            "ws",
            "",
            "https, http",
            "https,https",
            "https://evil.example/x?",
            "http://evil.example/?",
            "javascript",
            "https ",
            "file",
        ] {
            assert_eq!(url_as_called(url, Some(said)), url, "{said}");
        }
        assert_eq!(url_as_called(url, None), url);
        assert_eq!(url_as_called("https://api.example/", Some("http")), "http://api.example/");
        assert_eq!(url_as_called("https://api.example/", Some("https")), "https://api.example/");
        assert_eq!(url_as_called("ftp://api.example/", Some("https")), "ftp://api.example/");
    }
}
