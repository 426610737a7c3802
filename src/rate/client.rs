//! The address that a request came from, as far as limits tell addresses apart.
//!
//! Standards: RFC 4291 section 2.5.4 and RFC 6177 (one customer has a /64 at least); RFC 4291 section 2.5.5.2 (mapped addresses).
//! Invariants: addresses that one customer can choose among are one.
//! What it must not know: which header it stood in, limits.
//! What a mistake costs: a scraper who changes his address with each request is never limited.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, or the part of it that stands for one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// IPv4.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address, the others zero.
    V6Network(Ipv6Addr),
    /// Nothing that is an address: all who show none are one.
    Unknown,
}

impl ClientAddress {
    /// Reads `CLIENT_IP_HEADER`.
    #[must_use]
    pub fn read(value: Option<&str>) -> Self {
        match value.and_then(|text| text.trim().parse::<IpAddr>().ok()).map(|address| address.to_canonical())
        {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6Network(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            None => Self::Unknown,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6Network(network) => write!(f, "{network}/64"),
            Self::Unknown => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_one() {
        let cases = [
            (Some("192.0.2.7"), "192.0.2.7"),
            (Some(" 192.0.2.7 "), "192.0.2.7"),
            (Some("::ffff:192.0.2.7"), "192.0.2.7"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:2::9"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:3::9"), "2001:db8:1:3::/64"),
            (Some("192.0.2.7, 192.0.2.8"), "-"),
            (Some("a page"), "-"),
            (None, "-"),
        ];
        for (value, expected) in cases {
            assert_eq!(ClientAddress::read(value).to_string(), expected, "{value:?}");
        }
    }
}
