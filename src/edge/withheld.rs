//! Which of a caller's headers an upstream never receives, in any spelling.
//!
//! Standards: RFC 3875 section 4.1.18 (CGI, and after it WSGI, Rack and PHP, read `-` and every other
//! character that is neither letter nor digit as `_`, so that `X.Real_Ip` arrives there as `X-Real-IP`); RFC
//! 7239 (`Forwarded`).
//! Invariants:
//! - Names are compared as those upstreams read them.
//! - A name that begins like Wayleave's own headers is withheld on every route.
//! - Only the gateway tells an upstream the host, scheme, path, method and address of a request, unless the
//!   route says `"forwarded_headers": "pass"`. Even there no caller names another path or method than the
//!   one that a scope was compared with.
//!
//! What it must not know: values, callers. `platform/crossing.js` does the comparing, in its one loop over a
//! request's headers.
//! What a mistake costs: an upstream believes a header that the caller wrote: another token, or a path or
//! method that no rule has judged. Or an API does not receive a header that it needs.

/// How the gateway treats a caller's `X-Forwarded-*` and similar headers (listed below).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeaders {
    /// Remove them and set true values.
    #[default]
    Replace,
    /// Pass them on unchanged and set none: for a gateway behind a proxy that sets them.
    Pass,
    /// The same on a route that passes them on, but without what names a second path or method: the request
    /// was compared with a scope. No route is written so.
    PassWithScope,
}

impl ForwardedHeaders {
    /// The value as written in `ROUTES`, and as the platform knows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Pass => "pass",
            Self::PassWithScope => "scope",
        }
    }
}

/// How the names of all of Wayleave's own headers begin.
pub const OWN_STEM: &str = "wayleave";
/// How names begin that an upstream may take for one of these. Of a name that begins with `Grpc-Metadata-`
/// grpc-gateway takes the rest.
pub const OWN_STEMS: [&str; 2] = [OWN_STEM, "grpc-metadata-wayleave"];

/// Withheld name prefixes. Traefik, oauth2-proxy and Envoy remove `X-Forwarded-*` from outside requests
/// (`-User`, `-Email`, `-Client-Cert` and `-Tls-Client-Cert` among them). Envoy trusts `X-Envoy-*` from other
/// Envoys. grpc-gateway makes `X-Forwarded-*` of `Grpc-Metadata-X-Forwarded-*`.
pub const FORWARDED_STEMS: [&str; 3] = ["x-forwarded", "x-envoy-", "grpc-metadata-x-forwarded"];

/// Other withheld names: each tells an upstream where a request was sent, how, or by whom. The comments name
/// products that read them.
pub const FORWARDED_NAMES: [&str; 65] = [
    // Host, scheme, port and prefix: RFC 7239; Rack, WSGI behind nginx, Exchange; ASP.NET Core; Jetty, IIS's
    // ARR, WebLogic, and what PHP frameworks believe of Cloudflare, CloudFront and Fastly.
    "forwarded",
    "x-host",
    "x-http-host-override",
    "x-scheme",
    "x-url-scheme",
    "front-end-https",
    "x-original-host",
    "x-original-proto",
    "x-original-scheme",
    "x-proxied-https",
    "x-arr-ssl",
    "wl-proxy-ssl",
    "cf-visitor",
    "cloudfront-forwarded-proto",
    "fastly-ssl",
    // A second path: IIS and Symfony; ingress-nginx; Traefik; Azure; Rack::Sendfile, which makes a file path
    // of it. gunicorn (SCRIPT_NAME), Flask's recipe for proxies and Daphne cut what theirs says off the
    // path; Next.js.
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-rewrite-uri",
    "x-request-uri",
    "x-replaced-path",
    "x-waws-unencoded-url",
    "x-ms-original-url",
    "script-name",
    "x-script-name",
    "x-original-prefix",
    "path-info",
    "daphne-root-path",
    "x-matched-path",
    "x-accel-mapping",
    "x-sendfile-type",
    // What a PUT copies or moves to its own path: S3, Google Cloud Storage, Azure (and its data lake),
    // Swift, and the stores of Alibaba, Huawei and Tencent.
    "x-amz-copy-source",
    "x-goog-copy-source",
    "x-ms-copy-source",
    "x-ms-rename-source",
    "x-copy-from",
    "x-oss-copy-source",
    "x-obs-copy-source",
    "x-cos-copy-source",
    // A second method: Express's method-override, Rails, Symfony, ASP.NET; ingress-nginx.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    // The caller's address: nginx, Rails, Akamai, Cloudflare, Fastly, Fly, Azure, App Engine, WebLogic,
    // ASP.NET Core.
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "fastly-client-ip",
    "fly-client-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-appengine-user-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-originating-ip",
    "x-original-for",
    "x-original-forwarded-for",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "http-client-ip",
    "cloudfront-viewer-address",
];

/// Those of [`FORWARDED_NAMES`] that name a second path or method.
pub const SECOND_PATHS_AND_METHODS: &[&str] = FORWARDED_NAMES.split_at(15).1.split_at(28).0;
/// More of them: Traefik's, Caddy's and oauth2-proxy's forward-auth; Envoy.
pub const SECOND_PATHS_OF_STEMS: [&str; 4] =
    ["x-forwarded-uri", "x-forwarded-method", "x-forwarded-prefix", "x-envoy-original-path"];

/// The withheld names for the platform, one a line: `stem*` for a prefix, `name`, and `!name` for an exact
/// spelling that is passed on after all. Those are `trusted`, the headers of `CLIENT_IP_HEADER` and
/// `CLIENT_SCHEME_HEADER`: the proxy in front sets them, replacing whatever the caller sent. Their other
/// spellings can only come from callers, so they are withheld.
#[must_use]
pub fn lines<'a>(policy: ForwardedHeaders, trusted: impl IntoIterator<Item = &'a str>) -> String {
    let mut lines = OWN_STEMS.map(|stem| format!("{stem}*")).join("\n");
    if policy == ForwardedHeaders::PassWithScope {
        for name in SECOND_PATHS_AND_METHODS.iter().chain(&SECOND_PATHS_OF_STEMS) {
            lines.push_str(&format!("\n{name}"));
        }
    }
    if policy == ForwardedHeaders::Replace {
        for stem in FORWARDED_STEMS {
            lines.push_str(&format!("\n{stem}*"));
        }
        for name in FORWARDED_NAMES {
            lines.push_str(&format!("\n{name}"));
        }
        for name in trusted {
            let read = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            lines.push_str(&format!("\n{read}\n!{name}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_are_compared() {
        for name in FORWARDED_NAMES.iter().chain(&FORWARDED_STEMS).chain(&OWN_STEMS) {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
        for (index, name) in FORWARDED_NAMES.iter().enumerate() {
            assert!(!FORWARDED_NAMES[..index].contains(name), "{name} stands twice");
            assert!(FORWARDED_STEMS.iter().all(|stem| !name.starts_with(stem)), "{name} has a stem");
        }
    }

    #[test]
    fn a_route_that_passes_them_still_withholds_what_begins_as_ours() {
        assert_eq!(lines(ForwardedHeaders::Pass, ["x-real-ip"]), "wayleave*\ngrpc-metadata-wayleave*");
        let all = lines(ForwardedHeaders::Replace, ["x-real-ip"]);
        assert!(all.starts_with("wayleave*\ngrpc-metadata-wayleave*\nx-forwarded*\n"), "{all}");
        assert!(all.ends_with("\nx-real-ip\n!x-real-ip"), "{all}");
        let scoped = lines(ForwardedHeaders::PassWithScope, ["x-real-ip"]);
        let (first, last) =
            ("\nx-original-url\n", "\nx-http-method\nx-http-method-override\nx-method-override\n");
        assert!(scoped.contains(first) && scoped.contains(last), "{scoped}");
        assert!(
            scoped.contains("\nx-amz-copy-source\n") && scoped.contains("\nx-original-method\n"),
            "{scoped}"
        );
        assert!(scoped.contains("\nx-script-name\n") && !scoped.contains("x-forwarded*"), "{scoped}");
        assert!(!scoped.contains("x-original-host") && !scoped.contains("x-real-ip"), "{scoped}");
        let both = lines(ForwardedHeaders::Replace, ["x.client_a", "x-tls"]);
        assert!(both.ends_with("\nx-client-a\n!x.client_a\nx-tls\n!x-tls"), "{both}");
    }
}
