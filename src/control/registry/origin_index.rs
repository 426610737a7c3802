//! The index behind `GET /tokens?origin=…`: under which hosts a token's rules stand.
//!
//! Standard: DESIGN section 6 for what a rule is: a host exactly, or `*.` and a name; `any` stands under no name.
//! Invariants: written with the rules, in the same transaction; it only narrows down, so a rule's scheme, port and host
//! are still compared by `OriginRule::matches` alone.
//! What it must not know: which origins are admitted.
//! What a mistake costs: a token that an operator looks for by its site and does not find.

use super::database::{Database, Value};
use super::row::StorageError;
use crate::origin::{OriginRules, TupleOrigin};
use crate::token::Serial;

/// Where tokens with `"any"` stand: no host is empty.
const ANYWHERE: &str = "";

/// Puts the token under the hosts of `rules`, and under no other.
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
        database.query(
            "INSERT INTO token_host (host, serial) VALUES (?, ?)",
            &[Value::Text(host), serial.into()],
        )?;
    }
    Ok(())
}

/// Takes the token out of the index.
pub(super) fn forget<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.query("DELETE FROM token_host WHERE serial = ?", &[serial.into()])?;
    Ok(())
}

/// Every place where a rule that matches `origin` can stand: its host, `*.` before each parent of it, and `any`.
pub(super) fn places(origin: &TupleOrigin) -> Vec<String> {
    let text = origin.to_string();
    let host = host(&text);
    let parents = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
    let mut places: Vec<String> = parents.map(|tail| format!("*{tail}")).collect();
    places.extend([host.to_owned(), ANYWHERE.to_owned()]);
    places
}

/// The host in the canonical text `scheme://host[:port]` of an origin or a rule, which may start with `*.`.
fn host(text: &str) -> &str {
    let authority = text.split_once("://").map_or(text, |(_, authority)| authority);
    // The colons of an IPv6 address stand inside brackets.
    match authority.split_once(']') {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}
