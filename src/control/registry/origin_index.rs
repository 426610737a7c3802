//! The index for `GET /tokens?origin=…`: the hosts in each token's rules.
//!
//! Standard: docs/http.md, "Rules" defines rules. The index contains an exact host, `*.` and a name, or `*`;
//! `any` is indexed under the empty name.
//! Invariants: an entry is written in the same transaction as the rules. The index only narrows the search;
//! `OriginRule::matches` alone compares a rule's scheme, host and port.
//! What it must not know: which origins are admitted.
//! What a mistake costs: an operator does not find a token by its site.

use super::row::StorageError;
use crate::base::database::{Database, Rows};
use crate::formats::origin::{OriginRules, TupleOrigin};
use crate::formats::token::Serial;

/// The entry of tokens with `"any"`. It is empty, because no host is.
const ANYWHERE: &str = "";
/// The entry of rules for every installation of an extension.
const EVERY_INSTALLATION: &str = "*";

/// Replaces the token's entries by the hosts of `rules`.
pub(super) fn write<D: Database>(
    database: &D,
    serial: Serial,
    rules: &OriginRules,
) -> Result<(), StorageError> {
    forget(database, serial)?;
    let mut hosts: Vec<String> = match rules {
        OriginRules::Any => vec![ANYWHERE.to_owned()],
        OriginRules::Rules(rules) => rules.iter().map(|rule| host(&rule.to_string()).to_owned()).collect(),
    };
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        database
            .execute("INSERT INTO token_host (host, serial) VALUES (?, ?)", &[host.into(), serial.into()])?;
    }
    Ok(())
}

/// Removes the token from the index.
pub(super) fn forget<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.execute("DELETE FROM token_host WHERE serial = ?", &[serial.into()])?;
    Ok(())
}

/// The entries that a rule matching `origin` can have: its host, `*.` before each of its parents, `*`, and
/// `any`.
pub(super) fn places(origin: &TupleOrigin) -> Vec<String> {
    let text = origin.to_string();
    let host = host(&text);
    let parents = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
    let mut places: Vec<String> = parents.map(|tail| format!("*{tail}")).collect();
    places.extend([host, EVERY_INSTALLATION, ANYWHERE].map(str::to_owned));
    places
}

/// The entries of rules that name this host or a subdomain of it, or admit it by a wildcard: for a search.
/// Empty for a text that is no host.
pub(super) fn places_of_host(text: &str) -> Vec<String> {
    let is_host = text.contains('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'*'));
    if !is_host {
        return Vec::new();
    }
    let host = text.to_ascii_lowercase();
    let parents = host.match_indices('.').filter_map(|(at, _)| host.get(at..)).map(|tail| format!("*{tail}"));
    parents.chain([host.clone(), format!("*.{host}")]).collect()
}

/// The host in `scheme://host[:port]`, the canonical text of an origin or a rule. It may start with `*.`.
fn host(text: &str) -> &str {
    let authority = text.split_once("://").map_or(text, |(_, authority)| authority);
    // The colons of an IPv6 address are inside brackets.
    match authority.split_once(']') {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}
