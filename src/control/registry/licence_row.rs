//! The rows of licences and of owners who are switched off, and which tokens they concern.
//!
//! Standard: docs/lifecycle.md, "Licences"; docs/storage.md, "Licences".
//! Invariants: owners are compared in their folded form, external ids and families exactly. A row whose
//! tokens did not all get its end yet says up to which serial they did.
//! What it must not know: what ends a token.
//! What a mistake costs: a token escapes the end of its licence (false accept).

use super::command::{LicenceOf, LicenceView, ListPage, OwnerOffView, TokenPolicy};
use super::retired_keys::key_retired;
use super::row::StorageError;
use super::token_row::{COLUMNS, TokenRow};
use crate::base::database::{Columns, Database, ReadError, Rows, Value, json};
use crate::base::folded_name::folded;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::token::Serial;
use crate::limits::LICENCE_STEP_MAX;
use std::collections::{BTreeMap, BTreeSet};

impl LicenceOf {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Family(_) => "family",
            Self::Owner(_) => "owner",
            Self::ExternalId(_) => "external_id",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Family(name) | Self::Owner(name) | Self::ExternalId(name) => name,
        }
    }

    /// What equal subjects have in common.
    fn key(&self) -> String {
        match self {
            Self::Owner(name) => folded(name),
            Self::Family(name) | Self::ExternalId(name) => name.clone(),
        }
    }

    fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        let (kind, name) = (columns.text()?, columns.text()?);
        match kind.as_str() {
            "family" => Ok(Self::Family(name)),
            "owner" => Ok(Self::Owner(name)),
            "external_id" => Ok(Self::ExternalId(name)),
            _ => Err(ReadError::Unreadable),
        }
    }
}

const LICENCE: &str = "id, kind, name, ends_at, set_at, set_by, applied_to IS NOT NULL";
const OWNER_OFF: &str = "id, name, reason, off_at, off_by, applied_to IS NOT NULL";

fn read_licence(columns: &mut Columns) -> Result<LicenceView, ReadError> {
    Ok(LicenceView {
        id: columns.integer()?,
        of: LicenceOf::read(columns)?,
        ends_at: columns.optional_seconds()?,
        set_at: columns.millis()?,
        set_by: columns.text()?,
        pending: columns.flag()?,
        effective_by: None,
    })
}

fn read_owner(columns: &mut Columns) -> Result<OwnerOffView, ReadError> {
    Ok(OwnerOffView {
        id: columns.integer()?,
        owner: columns.text()?,
        reason: columns.optional_text()?,
        off_at: columns.millis()?,
        off_by: columns.text()?,
        pending: columns.flag()?,
        effective_by: None,
    })
}

/// The licence of `of`, also one that was taken back and whose tokens did not all learn of it yet.
pub(super) fn find<D: Database>(database: &D, of: &LicenceOf) -> Result<Option<LicenceView>, StorageError> {
    let sql = format!("SELECT {LICENCE} FROM licence WHERE kind = ? AND key = ?");
    Ok(database.query_optional(&sql, &[of.kind().into(), of.key().into()], read_licence)?)
}

/// Stores the licence, as one that no token has yet.
pub(super) fn store<D: Database>(database: &D, licence: &LicenceView) -> Result<LicenceView, StorageError> {
    let sql = format!(
        "INSERT INTO licence (kind, key, name, ends_at, set_at, set_by, applied_to) \
         VALUES (?, ?, ?, ?, ?, ?, 0) \
         ON CONFLICT (kind, key) DO UPDATE SET name = excluded.name, ends_at = excluded.ends_at, \
         set_at = excluded.set_at, set_by = excluded.set_by, applied_to = 0 RETURNING {LICENCE}"
    );
    let values = [
        licence.of.kind().into(),
        licence.of.key().into(),
        licence.of.name().into(),
        licence.ends_at.into(),
        licence.set_at.into(),
        licence.set_by.as_str().into(),
    ];
    Ok(database.query_one(&sql, &values, read_licence)?)
}

/// The licences that concern some tokens, and which of their owners are switched off.
pub(super) struct Licences {
    /// By kind and key.
    ends: BTreeMap<(String, String), UnixSeconds>,
    off: BTreeSet<String>,
}

impl Licences {
    /// Those of tokens of these families with these settings. Reads as often for many as for one.
    pub(super) fn of<'a, D: Database>(
        database: &D,
        tokens: impl IntoIterator<Item = (&'a str, &'a TokenPolicy)>,
    ) -> Result<Self, StorageError> {
        let (mut sought, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for (family, policy) in tokens {
            sought.extend(keys(family, policy));
            owners.extend(policy.owner.as_deref().map(folded));
        }
        // `licence.key`: json_each has a column of that name too.
        let sql = "SELECT licence.kind, licence.key, licence.ends_at FROM json_each(?) AS sought \
                   CROSS JOIN licence ON licence.kind = json_extract(sought.value, '$[0]') \
                   AND licence.key = json_extract(sought.value, '$[1]') WHERE licence.ends_at IS NOT NULL";
        let ends = database.query_all(sql, &[json(&sought)?], |columns| {
            Ok(((columns.text()?, columns.text()?), columns.seconds()?))
        })?;
        let sql = "SELECT owner_off.key FROM json_each(?) AS sought \
                   CROSS JOIN owner_off ON owner_off.key = sought.value";
        let off = match owners.is_empty() {
            true => Vec::new(),
            false => database.query_all(sql, &[json(&owners)?], Columns::text)?,
        };
        Ok(Self { ends: ends.into_iter().collect(), off: off.into_iter().collect() })
    }

    /// The earliest end of a token of this family with these settings.
    pub(super) fn end_for(&self, family: &str, policy: &TokenPolicy) -> Option<UnixMillis> {
        let ends = keys(family, policy).filter_map(|(kind, key)| self.ends.get(&(kind.to_owned(), key)));
        ends.min().map(|at| at.to_millis())
    }

    /// Whether the owner in these settings is switched off.
    pub(super) fn has_switched_off(&self, policy: &TokenPolicy) -> bool {
        policy.owner.as_deref().is_some_and(|owner| self.off.contains(&folded(owner)))
    }
}

/// Kind and key of each licence that may end a token.
fn keys(family: &str, policy: &TokenPolicy) -> impl Iterator<Item = (&'static str, String)> {
    let owner = policy.owner.as_deref().map(folded);
    [("family", Some(family.to_owned())), ("owner", owner), ("external_id", policy.external_id.clone())]
        .into_iter()
        .filter_map(|(kind, key)| Some((kind, key?)))
}

/// A page of the licences that were not taken back, and where the next page starts.
pub(super) fn licences<D: Database>(
    database: &D,
    page: ListPage,
) -> Result<(Vec<LicenceView>, Option<i64>), StorageError> {
    let sql = format!(
        "SELECT {LICENCE} FROM licence WHERE ends_at IS NOT NULL AND id < ? ORDER BY id DESC LIMIT ?"
    );
    let items = database.query_all(&sql, &of_page(page), read_licence)?;
    Ok(cut(items, page, |licence| licence.id))
}

/// A page of the owners who are switched off, and where the next page starts.
pub(super) fn owners<D: Database>(
    database: &D,
    page: ListPage,
) -> Result<(Vec<OwnerOffView>, Option<i64>), StorageError> {
    let sql = format!("SELECT {OWNER_OFF} FROM owner_off WHERE id < ? ORDER BY id DESC LIMIT ?");
    let items = database.query_all(&sql, &of_page(page), read_owner)?;
    Ok(cut(items, page, |owner| owner.id))
}

fn of_page(page: ListPage) -> [Value; 2] {
    let below = page.below.unwrap_or(super::events::NUMBER_MAX).min(super::events::NUMBER_MAX);
    [below.into(), i64::from(page.limit).saturating_add(1).into()]
}

/// One item more than the page holds shows that another page follows.
fn cut<T>(mut items: Vec<T>, page: ListPage, id: impl Fn(&T) -> i64) -> (Vec<T>, Option<i64>) {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(id);
    (items, next)
}

/// The row of an owner who is switched off; `None` while the owner is not.
pub(super) fn owner_off<D: Database>(
    database: &D,
    owner: &str,
) -> Result<Option<OwnerOffView>, StorageError> {
    let sql = format!("SELECT {OWNER_OFF} FROM owner_off WHERE key = ?");
    Ok(database.query_optional(&sql, &[folded(owner).into()], read_owner)?)
}

/// Stores that an owner is switched off, with all revocations pending.
pub(super) fn store_owner<D: Database>(
    database: &D,
    owner: &OwnerOffView,
) -> Result<OwnerOffView, StorageError> {
    let sql = format!(
        "INSERT INTO owner_off (key, name, reason, off_at, off_by, applied_to) VALUES (?, ?, ?, ?, ?, 0) \
         RETURNING {OWNER_OFF}"
    );
    let values = [
        folded(&owner.owner).into(),
        owner.owner.as_str().into(),
        owner.reason.as_deref().into(),
        owner.off_at.into(),
        owner.off_by.as_str().into(),
    ];
    Ok(database.query_one(&sql, &values, read_owner)?)
}

/// Forgets that an owner is switched off.
pub(super) fn forget_owner<D: Database>(database: &D, id: i64) -> Result<(), StorageError> {
    database.execute("DELETE FROM owner_off WHERE id = ?", &[id.into()])?;
    Ok(())
}

/// A row whose tokens did not all get its end, and the serial up to which they did.
pub(super) fn next_licence<D: Database>(database: &D) -> Result<Option<(LicenceView, Serial)>, StorageError> {
    let sql =
        format!("SELECT {LICENCE}, applied_to FROM licence WHERE applied_to IS NOT NULL ORDER BY id LIMIT 1");
    Ok(database.query_optional(&sql, &[], |columns| Ok((read_licence(columns)?, columns.serial()?)))?)
}

/// An owner whose tokens were not all revoked, and the serial up to which they were.
pub(super) fn next_owner<D: Database>(database: &D) -> Result<Option<(OwnerOffView, Serial)>, StorageError> {
    let sql = format!(
        "SELECT {OWNER_OFF}, applied_to FROM owner_off WHERE applied_to IS NOT NULL ORDER BY id LIMIT 1"
    );
    Ok(database.query_optional(&sql, &[], |columns| Ok((read_owner(columns)?, columns.serial()?)))?)
}

/// Notes that all tokens up to `serial` have the licence's end; `None`: all have it. One that was taken back
/// leaves then.
pub(super) fn licence_applied<D: Database>(
    database: &D,
    id: i64,
    to: Option<Serial>,
) -> Result<(), StorageError> {
    database.execute("UPDATE licence SET applied_to = ? WHERE id = ?", &[to.into(), id.into()])?;
    database.execute("DELETE FROM licence WHERE ends_at IS NULL AND applied_to IS NULL", &[])?;
    Ok(())
}

/// Notes that the owner's tokens up to `serial` were revoked; `None`: all were.
pub(super) fn owner_applied<D: Database>(
    database: &D,
    id: i64,
    to: Option<Serial>,
) -> Result<(), StorageError> {
    database.execute("UPDATE owner_off SET applied_to = ? WHERE id = ?", &[to.into(), id.into()])?;
    Ok(())
}

/// Tokens of `of` that have not ended, above the serial `after`, oldest first: one step of them.
pub(super) fn tokens_of<D: Database>(
    database: &D,
    of: &LicenceOf,
    after: Serial,
    now: UnixMillis,
) -> Result<Vec<TokenRow>, StorageError> {
    let (condition, name) = concerned(database, of)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM token WHERE {condition} AND serial > ? AND {NOT_ENDED} ORDER BY serial LIMIT ?"
    );
    let values = [name, after.into(), now.floor_seconds().into(), now.into(), LICENCE_STEP_MAX.into()];
    Ok(database.query_all(&sql, &values, TokenRow::read)?)
}

/// Whether a token of `of` that has not ended is protected.
pub(super) fn has_protected<D: Database>(
    database: &D,
    of: &LicenceOf,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let (condition, name) = concerned(database, of)?;
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM token WHERE {condition} AND protected = 1 AND {NOT_ENDED})");
    Ok(database.query_one(&sql, &[name, now.floor_seconds().into(), now.into()], Columns::flag)?)
}

const NOT_ENDED: &str = concat!(
    "status <> 'revoked' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
    key_retired!()
);

/// The condition on the tokens of `of`, and its parameter. An owner's tokens have every spelling that folds
/// alike; SQL cannot fold, so the spellings in use are read from the index of owners.
fn concerned<D: Database>(database: &D, of: &LicenceOf) -> Result<(&'static str, Value), StorageError> {
    match of {
        LicenceOf::Family(family) => Ok(("family = ?", family.as_str().into())),
        LicenceOf::ExternalId(id) => Ok(("external_id = ?", id.as_str().into())),
        LicenceOf::Owner(owner) => {
            let mut spellings = database.query_all(SPELLINGS_OF_OWNERS, &[], Columns::text)?;
            let key = folded(owner);
            spellings.retain(|spelling| folded(spelling) == key);
            Ok(("owner IN (SELECT value FROM json_each(?))", json(&spellings)?))
        }
    }
}

/// From one owner to the next in the index: a step for each owner, and not for each of an owner's tokens as
/// DISTINCT takes.
const SPELLINGS_OF_OWNERS: &str = "WITH RECURSIVE named (owner) AS (\
     SELECT MIN(owner) FROM token UNION ALL \
     SELECT (SELECT MIN(owner) FROM token WHERE owner > named.owner) FROM named \
     WHERE named.owner IS NOT NULL) \
     SELECT owner FROM named WHERE owner IS NOT NULL";
