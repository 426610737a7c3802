//! What `q` searches for, as a condition and as a query of the search index.
//!
//! Invariants: the index may find too much, never too little; the condition decides.

use crate::base::database::{ReadError, Value, json};
use crate::control::registry::origin_index;
use crate::control::registry::token_index::trigrams;
use crate::formats::fingerprint::Sought;
use crate::formats::token::Serial;

/// The condition that a token has a fingerprint: what its first 12 characters name, then its first and last 8
/// characters. A row made by an earlier release stores only 8 and 8.
macro_rules! of_fingerprint {
    () => {
        "((? IS NULL OR (serial = ? AND key_id = ?)) AND substr(fingerprint, 1, 8) = ? \
         AND (? IS NULL OR substr(fingerprint, -8) = ?))"
    };
}
pub(super) const OF_FINGERPRINT: &str = of_fingerprint!();
const NAMED_OR_OF_FINGERPRINT: &str = concat!("(instr(search, ?) > 0 OR ", of_fingerprint!(), ")");
const NAMED_OR_OF_ID_OR_END: &str = "(instr(search, ?) > 0 OR serial = ? OR substr(fingerprint, -8) = ?)";
const NAMED_OR_OF_HOST: &str = "(instr(search, ?) > 0 OR EXISTS (SELECT 1 FROM token_host \
     WHERE token_host.serial = token.serial AND host IN (SELECT value FROM json_each(?))))";

/// What an operator may paste: an id, a fingerprint or a part of one, or part of a name.
pub(super) struct Text<'a> {
    text: &'a str,
    fingerprint: Option<Sought>,
}

impl<'a> Text<'a> {
    /// `None`: nothing is searched for.
    pub(super) fn of(q: Option<&'a str>) -> Option<Self> {
        let text = q.map(str::trim).filter(|text| !text.is_empty())?;
        Some(Self { text, fingerprint: Sought::parse(text) })
    }

    /// The condition, and its parameters.
    pub(super) fn condition(&self) -> Result<(&'static str, Vec<Value>), ReadError> {
        let name = Value::from(self.text.to_lowercase());
        let places = origin_index::places_of_host(self.text);
        Ok(match &self.fingerprint {
            Some(sought) => {
                let parameters = [name].into_iter().chain(fingerprint_parameters(sought));
                (NAMED_OR_OF_FINGERPRINT, parameters.collect())
            }
            // No id and no end of a token has a dot, as a host has.
            None if !places.is_empty() => (NAMED_OR_OF_HOST, vec![name, json(&places)?]),
            None => (NAMED_OR_OF_ID_OR_END, vec![name, self.serial().into(), self.text.into()]),
        })
    }

    /// Where rules may be that have the host that is searched for.
    pub(super) fn places(&self) -> Vec<String> {
        if self.fingerprint.is_some() { Vec::new() } else { origin_index::places_of_host(self.text) }
    }

    /// The query of the search index, and a token that is meant besides; `None` where only the whole table
    /// will do.
    pub(super) fn index_query(&self) -> Option<(String, Option<Serial>)> {
        let mut query = trigrams::query(self.text)?;
        if let Some(end) = self.fingerprint.as_ref().filter(|sought| sought.named.is_none()) {
            let end = trigrams::query(end.end.as_deref()?)?;
            query = format!("({query}) OR ({end})");
        }
        Some((query, self.serial()))
    }

    fn serial(&self) -> Option<Serial> {
        match &self.fingerprint {
            Some(sought) => sought.named.map(|(_, serial)| serial),
            None => self.text.strip_prefix("tok_").and_then(|digits| digits.parse().ok()).map(Serial),
        }
    }
}

pub(super) fn fingerprint_parameters(sought: &Sought) -> [Value; 6] {
    let (key_id, serial) = sought.named.unzip();
    let key_id = key_id.map(|key_id| u32::from(key_id.0));
    let end = sought.end.as_deref();
    [serial.into(), serial.into(), key_id.into(), sought.start.as_str().into(), end.into(), end.into()]
}
