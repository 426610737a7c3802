//! The client address of a request, as far as limits distinguish addresses.
//!
//! Standards: RFC 4291 section 2.5.4 and RFC 6177 (a customer has at least a /64); RFC 4291 section 2.5.5.2
//! (mapped addresses).
//! Invariants: all addresses that one customer can choose from count as one.
//! What it must not know: which header carried the address, limits.
//! What a mistake costs: a scraper who changes his address with each request is never limited.

use crate::formats::holding::AddressesArrive;
use crate::limits::ADDRESSES_MISSING_FROM_REQUESTS;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, or the part of it that stands for one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address; the others are zero.
    V6Network(Ipv6Addr),
    /// No valid address. All such requests count as one client.
    Unknown,
}

/// The address in `CLIENT_IP_HEADER`; `None` when it holds no single one.
#[must_use]
pub fn client_address(value: Option<&str>) -> Option<IpAddr> {
    let address = value?.trim().parse::<IpAddr>().ok()?;
    Some(address.to_canonical())
}

impl ClientAddress {
    /// Parses the value of `CLIENT_IP_HEADER`.
    #[must_use]
    pub fn read(value: Option<&str>) -> Self {
        match client_address(value) {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6Network(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            None => Self::Unknown,
        }
    }
}

/// What an isolate has observed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressesSeen {
    without: u32,
    arrived: bool,
}

impl AddressesSeen {
    /// Notes one more counted request.
    #[must_use]
    pub const fn and(self, has_address: bool) -> Self {
        if has_address {
            Self { arrived: true, ..self }
        } else {
            Self { without: self.without.saturating_add(1), ..self }
        }
    }

    /// The result so far; `None`: not enough requests yet.
    #[must_use]
    pub const fn show(self) -> Option<AddressesArrive> {
        match self {
            Self { arrived: true, .. } => Some(AddressesArrive::Yes),
            Self { without, .. } if without >= ADDRESSES_MISSING_FROM_REQUESTS => {
                Some(AddressesArrive::Never)
            }
            Self { .. } => None,
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
    fn that_no_address_arrives_is_shown_by_many_requests_and_disproved_by_one() {
        let mut seen = AddressesSeen::default();
        for _ in 1..ADDRESSES_MISSING_FROM_REQUESTS {
            seen = seen.and(false);
            assert_eq!(seen.show(), None);
        }
        seen = seen.and(false);
        assert_eq!(seen.show(), Some(AddressesArrive::Never));
        seen = seen.and(true);
        assert_eq!(seen.show(), Some(AddressesArrive::Yes));
        assert_eq!(seen.and(false).show(), Some(AddressesArrive::Yes));
        assert_eq!(AddressesSeen::default().and(true).show(), Some(AddressesArrive::Yes));
    }

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
