//! What the views of tokens take from their families and licences, read at once for all tokens of a page.
//!
//! Invariants: it says of each token what [`super::leaf`] and [`super::live`] say of its family.
//! What a mistake costs: an operator is told that a token can be rotated, or is current, when it is not.

use super::super::licence_row::Licences;
use super::super::retired_keys::key_retired;
use super::super::row::StorageError;
use super::super::token_row::{COLUMNS, TokenRow};
use crate::base::database::{Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use std::collections::{BTreeMap, BTreeSet};

/// SQL condition: the token is not revoked.
macro_rules! is_not_revoked {
    () => {
        concat!("status <> 'revoked' AND NOT ", key_retired!())
    };
}
pub(super) use is_not_revoked;

/// SQL condition: the token is neither revoked nor ended by an operator before its expiry.
macro_rules! may_be_leaf {
    () => {
        concat!("(own_end IS NULL OR own_end > ? OR expires_at <= ?) AND ", is_not_revoked!())
    };
}
pub(super) use may_be_leaf;

/// SQL condition: the token is active or disabled.
macro_rules! is_live {
    () => {
        concat!("expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND ", is_not_revoked!())
    };
}
pub(super) use is_live;

/// The families of some tokens, and the licences that end those tokens.
pub(in crate::control::registry) struct Relatives {
    leaves: BTreeMap<String, Serial>,
    /// By family, newest first.
    live: BTreeMap<String, Vec<TokenRow>>,
    pub(in crate::control::registry) licences: Licences,
}

impl Relatives {
    pub(in crate::control::registry) fn of<D: Database>(
        database: &D,
        rows: &[TokenRow],
        now: UnixMillis,
    ) -> Result<Self, StorageError> {
        let families: BTreeSet<&str> = rows.iter().map(|row| row.family.as_str()).collect();
        let families = json(&families)?;
        let sql = concat!(
            "SELECT family, MAX(serial) FROM token WHERE family IN (SELECT value FROM json_each(?)) AND ",
            may_be_leaf!(),
            " GROUP BY family"
        );
        let leaves = database.query_all(
            sql,
            &[families.clone(), now.into(), now.floor_seconds().into()],
            |columns| Ok((columns.text()?, Serial(columns.number()?))),
        )?;
        let sql = format!(
            "SELECT {COLUMNS} FROM token WHERE family IN (SELECT value FROM json_each(?)) AND {} \
             ORDER BY serial DESC",
            is_live!()
        );
        let parameters = [families, now.floor_seconds().into(), now.into()];
        let mut live: BTreeMap<String, Vec<TokenRow>> = BTreeMap::new();
        for row in database.query_all(&sql, &parameters, TokenRow::read)? {
            live.entry(row.family.as_str().to_owned()).or_default().push(row);
        }
        let licensed = rows.iter().map(|row| (row.family.as_str(), &row.policy));
        Ok(Self { leaves: leaves.into_iter().collect(), live, licences: Licences::of(database, licensed)? })
    }

    /// The leaf of `row`'s family.
    pub(in crate::control::registry) fn leaf(&self, row: &TokenRow) -> Option<Serial> {
        self.leaves.get(row.family.as_str()).copied()
    }

    /// The live tokens of `row`'s family, newest first.
    pub(in crate::control::registry) fn live(&self, row: &TokenRow) -> &[TokenRow] {
        self.live.get(row.family.as_str()).map_or(&[], Vec::as_slice)
    }
}
