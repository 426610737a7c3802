//! The host of an origin in its one spelling.
//!
//! Standards: URL standard section 3.5 (host parsing), UTS #46 (IDNA), RFC 1034 section 3.1 (lengths), RFC 6454
//! section 4 (lower case, whatever the scheme).
//! Invariants: a host made here is lower-case ASCII, without a final dot or an empty label, of the characters of host
//! names or an IP address as the URL standard serialises it; equal hosts have equal text.
//! What it must not know: schemes' ports, rules.
//! What a mistake costs: two spellings of one host, or one spelling of two: refusals without cause, or false accepts.

use std::fmt;
use url::{Host as UrlHost, Url};

/// A host in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    text: String,
    is_address: bool,
}

impl Host {
    /// The host of a parsed URL; `None` when it has none, or one that no origin of the web has.
    pub(super) fn of_url(url: &Url) -> Option<Self> {
        match url.host()? {
            UrlHost::Domain(name) => Self::from_name(name),
            UrlHost::Ipv4(address) => Some(Self { text: address.to_string(), is_address: true }),
            UrlHost::Ipv6(_) => Some(Self { text: url.host_str()?.to_owned(), is_address: true }),
        }
    }

    /// A name that the URL parser has read already. One final dot is removed: `example.com.` and `example.com` are
    /// the same page to the person who owns it.
    fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let plausible = name.len() <= NAME_MAX_CHARS && name.split('.').all(is_label);
        plausible.then(|| Self { text: name.to_ascii_lowercase(), is_address: false })
    }

    /// A name that the URL parser would leave as it is: labels in lower case, none of them `xn--…` (which may not be
    /// valid), the last beginning with a letter (so that it is no number, and the whole no IPv4 address). `None` says
    /// only that the parser must be asked.
    pub(super) fn from_plain_name(name: &str) -> Option<Self> {
        let is_plain = |label: &str| {
            is_label(label)
                && !label.starts_with("xn--")
                && !label.bytes().any(|byte| byte.is_ascii_uppercase())
        };
        let last = name.rsplit('.').next()?;
        let plain = name.len() <= NAME_MAX_CHARS
            && name.split('.').all(is_plain)
            && last.starts_with(|c: char| c.is_ascii_lowercase());
        plain.then(|| Self { text: name.to_owned(), is_address: false })
    }

    /// The text: a name in A-labels, an IPv4 address, or an IPv6 address in brackets.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// An IPv4 or IPv6 address, not a name.
    pub(super) fn is_address(&self) -> bool {
        self.is_address
    }

    /// A name strictly below `parent`: any depth, never `parent` itself. Compared label by label from the right.
    pub(super) fn is_below(&self, parent: &Self) -> bool {
        if self.is_address || parent.is_address {
            return false;
        }
        let mut labels = self.text.rsplit('.');
        parent.text.rsplit('.').all(|label| labels.next() == Some(label)) && labels.next().is_some()
    }

    /// Reaches the visitor's own machine only (W3C Secure Contexts section 3.1): `localhost` and names below it,
    /// 127.0.0.0/8, `[::1]`.
    pub(super) fn is_loopback(&self) -> bool {
        if self.is_address {
            return self.text.starts_with("127.") || self.text == "[::1]";
        }
        self.text.rsplit('.').next() == Some("localhost")
    }

    /// The name in U-labels, for people to read; never for comparing.
    pub(super) fn to_unicode(&self) -> String {
        if self.text.split('.').any(|label| label.starts_with("xn--")) {
            return url::quirks::domain_to_unicode(&self.text);
        }
        self.text.clone()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Letters, digits, `-` and `_` (which names of hosts on the web do carry), 1 to 63 of them. The URL standard allows
/// more (`*`, `,`, `"` …), none of which a host that serves pages can have.
fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX_CHARS).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Characters of a name without its final dot: 255 octets on the wire less the root and one length octet.
const NAME_MAX_CHARS: usize = 253;
/// Characters of one label (RFC 1035 section 2.3.4).
const LABEL_MAX_CHARS: usize = 63;
