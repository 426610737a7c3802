//! Rewrites the URLs in an upstream's headers so that the caller can reach them.
//!
//! Standards: URL standard; RFC 9110 sections 10.2.2 (`Location`) and 8.7 (`Content-Location`); RFC 8288
//! (`Link`); HTML, "shared declarative refresh steps" (`Refresh`).
//! Invariants:
//! - A URL is mapped if and only if its scheme, host and port are the upstream's.
//! - A mapped URL has the origin that the request was sent to, and the path that the route maps back to it.
//! - A token is added only to a URL of that origin.
//!
//! What it must not know: statuses, CORS, how a request is decided.
//! What a mistake costs: a page is sent past the gateway or shown an internal address, or a token is sent to
//! another site.

use crate::edge::route::{Route, Target};
use url::{Position, Url, form_urlencoded};

/// The upstream's side and the caller's side of one request.
pub(crate) struct PublicUrls {
    /// The upstream's base URL, with the path that the route puts before every request path.
    upstream: Url,
    /// The URL requested of the upstream. Its relative references are resolved against this.
    asked: Url,
    /// The URL that the caller requested.
    public: Url,
}

impl PublicUrls {
    /// `asked` is the URL requested of the upstream. `None` when one of the URLs does not parse, which no
    /// forwarded request has.
    pub(crate) fn of(route: &Route, target: &Target<'_>, asked: &str) -> Option<Self> {
        let mut public = Url::parse(target.own_origin).ok()?;
        public.set_path(target.path);
        public.set_query(target.query);
        Some(Self { upstream: Url::parse(route.upstream()).ok()?, asked: Url::parse(asked).ok()?, public })
    }

    /// The rewritten reference, with `token` (`name=value`) in its query if it stays at the gateway. `None`
    /// when the reference stays unchanged, which includes one that is not a URL.
    pub(crate) fn reference(&self, text: &str, token: Option<&str>) -> Option<String> {
        let meant = self.asked.join(text).ok()?;
        let taken = self.public.join(text).ok()?;
        let (is_upstreams, is_public) = (self.is_upstreams(&meant), self.is_public(&taken));
        if !is_upstreams && !is_public {
            return None;
        }
        let mut url = if is_upstreams { self.mapped(&meant) } else { taken.clone() };
        if let Some(token) = token {
            add_parameter(&mut url, token);
        }
        if url == taken {
            return None;
        }
        let path = &url[Position::BeforePath..];
        // A relative reference stays relative, unless its new path begins with `//` and would be read as a
        // host.
        let is_relative = is_upstreams && is_public && !path.starts_with("//");
        Some(if is_relative { path.to_owned() } else { url.to_string() })
    }

    /// Whether following the reference leads back to the gateway.
    pub(crate) fn stays(&self, text: &str) -> bool {
        let is_upstreams = self.asked.join(text).is_ok_and(|meant| self.is_upstreams(&meant));
        is_upstreams || self.public.join(text).is_ok_and(|taken| self.is_public(&taken))
    }

    /// As [`Self::reference`], for the URL in a `Refresh`.
    pub(crate) fn refresh(&self, value: &str, token: Option<&str>) -> Option<String> {
        let (before, url, after) = refresh_url(value)?;
        Some(format!("{before}{}{after}", self.reference(url, token)?))
    }

    /// As [`Self::reference`], for the targets of a `Link` and for the contexts (`anchor`) that it names.
    pub(crate) fn links(&self, value: &str) -> Option<String> {
        let mut mapped = String::with_capacity(value.len());
        let mut has_changed = false;
        let mut rest = value;
        while let Some((before, from)) = rest.split_at_checked(rest.find(['<', '"']).unwrap_or(rest.len())) {
            mapped.push_str(before);
            let Some((text, after)) = delimited(from) else {
                mapped.push_str(from);
                break;
            };
            let is_url = text.starts_with('<') || ends_in_anchor(&mapped);
            let url = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            match is_url.then(|| self.reference(url, None)).flatten() {
                Some(url) => {
                    has_changed = true;
                    let (open, close) = if text.starts_with('<') { ('<', '>') } else { ('"', '"') };
                    mapped.extend([open]);
                    mapped.push_str(&url);
                    mapped.extend([close]);
                }
                None => mapped.push_str(text),
            }
            rest = after;
        }
        has_changed.then_some(mapped)
    }

    fn is_upstreams(&self, url: &Url) -> bool {
        url.origin() == self.upstream.origin()
    }

    fn is_public(&self, url: &Url) -> bool {
        url.origin() == self.public.origin()
    }

    /// Maps a URL of the upstream's origin: it gets the public origin and loses the path that the route puts
    /// in front. A URL outside of that path is not reachable through the route. It keeps its path, and the
    /// gateway treats a request for it like any other.
    fn mapped(&self, url: &Url) -> Url {
        let base = self.upstream.path().trim_end_matches('/');
        let below = url.path().strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let mut mapped = self.public.clone();
        mapped.set_path(below.unwrap_or(url.path()));
        mapped.set_query(url.query());
        mapped.set_fragment(url.fragment());
        mapped
    }
}

/// Adds `name=value` to the query, unless the query has that name already: a request with two tokens is
/// refused.
fn add_parameter(url: &mut Url, parameter: &str) {
    let name = form_urlencoded::parse(parameter.as_bytes()).next().map(|(name, _)| name);
    if url.query_pairs().any(|(given, _)| Some(given) == name) {
        return;
    }
    let query = match url.query() {
        None | Some("") => parameter.to_owned(),
        Some(others) => format!("{others}&{parameter}"),
    };
    url.set_query(Some(&query));
}

/// Splits a `Refresh` into the text before its URL, the URL, and the text after it. `None` without a URL.
fn refresh_url(value: &str) -> Option<(&str, &str, &str)> {
    let is_space = |c: char| c.is_ascii_whitespace();
    let rest =
        value.trim_start_matches(is_space).trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = rest.trim_start_matches(is_space);
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start_matches(is_space);
    let named = rest.get(..3).filter(|word| word.eq_ignore_ascii_case("url")).and_then(|_| rest.get(3..));
    let named = named.and_then(|rest| rest.trim_start_matches(is_space).strip_prefix('='));
    let rest = named.map_or(rest, |rest| rest.trim_start_matches(is_space));
    let (rest, quote) = match rest.strip_prefix(['"', '\'']) {
        Some(quoted) => (quoted, rest.chars().next()),
        None => (rest, None),
    };
    let end = quote.and_then(|quote| rest.find(quote)).unwrap_or(rest.len());
    let (url, after) = rest.split_at_checked(end)?;
    let before = value.get(..value.len() - rest.len())?;
    let has_time = before.contains(|c: char| c.is_ascii_digit() || c == '.');
    (!url.is_empty() && has_time).then_some((before, url, after))
}

/// The part of `text` in `<…>` or `"…"` at its start, and the rest. `None` when the delimiter is not closed.
fn delimited(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with('<') { text.find('>')? } else { quoted_end(text)? };
    text.split_at_checked(end + 1)
}

/// The end of the quoted string at the start of `text` (RFC 9110 section 5.6.4).
fn quoted_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map(|(at, _)| at)
}

fn ends_in_anchor(text: &str) -> bool {
    let name = text.trim_end().strip_suffix('=').map(str::trim_end).unwrap_or_default();
    name.len()
        .checked_sub("anchor".len())
        .and_then(|at| name.get(at..))
        .is_some_and(|name| name.eq_ignore_ascii_case("anchor"))
}

#[cfg(test)]
mod tests;
