//! The host of an origin in canonical form.
//!
//! Standards: URL standard section 3.5 (host parsing), UTS #46 (IDNA), RFC 1034 section 3.1 (lengths), RFC
//! 6454 section 4 (lower case, whatever the scheme).
//! Invariants: a host is lower-case ASCII without a final dot and without an empty label. It consists of the
//! characters of host names, or is an IP address as the URL standard serialises it. Equal hosts have equal
//! text.
//! What it must not know: schemes' ports, rules.
//! What a mistake costs: one host has two spellings and is refused without cause, or two hosts have the same
//! spelling and the wrong one is accepted.

use std::fmt;
use url::{Host as UrlHost, Url};

/// A host in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    text: String,
    is_address: bool,
}

impl Host {
    /// The host of a parsed URL. `None` when it has none, or one that no page on the web can have.
    pub(super) fn of_url(url: &Url) -> Option<Self> {
        match url.host()? {
            UrlHost::Domain(name) => Self::from_name(name),
            UrlHost::Ipv4(address) => Some(Self { text: address.to_string(), is_address: true }),
            UrlHost::Ipv6(_) => Some(Self { text: url.host_str()?.to_owned(), is_address: true }),
        }
    }

    /// Takes a name that the URL parser has read. One final dot is removed: `example.com.` and `example.com`
    /// are the same site to its owner.
    fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let plausible = name.len() <= NAME_MAX_CHARS && name.split('.').all(is_label);
        plausible.then(|| Self { text: name.to_ascii_lowercase(), is_address: false })
    }

    /// Takes a name that the URL parser would leave as it is. Its labels are in lower case. None begins with
    /// `xn--`, which may be invalid. The last one begins with a letter, so that the name is not an IPv4
    /// address. `None` means only that the URL parser must read it.
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

    /// The text: a name with A-labels, an IPv4 address, or an IPv6 address in brackets.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the host is an IPv4 or IPv6 address, not a name.
    pub(super) fn is_address(&self) -> bool {
        self.is_address
    }

    /// Whether the name is below `parent` at any depth; false for `parent` itself. Compared by labels, from
    /// the right.
    pub(super) fn is_below(&self, parent: &Self) -> bool {
        if self.is_address || parent.is_address {
            return false;
        }
        let mut labels = self.text.rsplit('.');
        parent.text.rsplit('.').all(|label| labels.next() == Some(label)) && labels.next().is_some()
    }

    /// Whether the host is a UUID as in RFC 9562 section 4. Firefox and Safari name an installed extension
    /// that way.
    pub(super) fn is_uuid(&self) -> bool {
        let groups = self.text.split('-').map(str::len);
        groups.eq([8, 4, 4, 4, 12]) && self.text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    }

    /// Whether the host is the visitor's own machine (W3C Secure Contexts section 3.1): `localhost` and names
    /// below it, 127.0.0.0/8, `[::1]`.
    pub(super) fn is_loopback(&self) -> bool {
        if self.is_address {
            return self.text.starts_with("127.") || self.text == "[::1]";
        }
        self.text.rsplit('.').next() == Some("localhost")
    }

    /// The name with U-labels, for people to read. Not to be used for comparisons.
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

/// Whether the text is a label: 1 to 63 letters, digits, `-` and `_` (host names on the web do contain `_`).
/// The URL standard allows other characters (`*`, `,`, `"` …), which no host that serves pages can have.
fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX_CHARS).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Characters of a name without its final dot: 255 octets on the wire, less the root and one length octet.
const NAME_MAX_CHARS: usize = 253;
/// Longest label, in characters (RFC 1035 section 2.3.4).
const LABEL_MAX_CHARS: usize = 63;
