//! By which index tokens are found.
//!
//! Each filter that has an index is a *source* of serials. If one of them has few, those rows are read and
//! sorted. Else the list is read in its order, along a source that has that order, or along the order's own
//! index, or through the table: of many tokens, the first page is found soon.
//!
//! Invariants: a source contains at least every token that its filter keeps; the conditions decide. Until the
//! list's index is filled, its tables are no sources.
//! What a mistake costs: a slow list holds up the registry.

use super::conditions::{Conditions, seconds_of};
use super::order::{self, Order};
use super::question::{Only, Question};
use super::sought::Text;
use crate::base::database::{Columns, Database, Rows, Value, json};
use crate::base::time::UnixMillis;
use crate::control::registry::command::token_warnings::{self, ROTATION_OVERDUE, UNUSED};
use crate::control::registry::command::{Sort, SortKey, TokenFilter, TokenState};
use crate::control::registry::origin_index;
use crate::control::registry::row::StorageError;
use crate::control::registry::token_index::fill::{self, Filled};
use crate::control::registry::token_index::{self, trigrams};
use crate::formats::fingerprint::Sought;
use crate::formats::token::Serial;
use crate::limits::{LIST_FEW_TOKENS, MS_PER_SECOND, UNUSED_NOTICE_MS};

/// Serials that an index yields.
#[derive(Clone, Debug)]
struct Source {
    from: &'static str,
    serial: &'static str,
    clause: &'static str,
    /// In the order of the text.
    parameters: Vec<Value>,
    /// Whether the index yields serials in their order, each once.
    in_order: bool,
}

impl Source {
    const fn new(from: &'static str, serial: &'static str, clause: &'static str) -> Self {
        Self { from, serial, clause, parameters: Vec::new(), in_order: false }
    }

    /// In an index of `token` itself.
    const fn of_token(clause: &'static str) -> Self {
        Self::new("token", "token.serial", clause)
    }

    /// In `token_order`.
    const fn of_order(clause: &'static str) -> Self {
        Self::new("token_order", "token_order.of_serial", clause)
    }

    fn facet(facet: &'static str, value: &str) -> Self {
        let clause = "facet = ? AND facet_value = ?";
        Self::new("token_facet", "token_facet.of_serial", clause).with([facet.into(), value.into()]).ordered()
    }

    fn with(self, parameters: impl IntoIterator<Item = Value>) -> Self {
        Self { parameters: parameters.into_iter().collect(), ..self }
    }

    fn ordered(self) -> Self {
        Self { in_order: true, ..self }
    }

    /// How many serials it has, counted up to one more than a few.
    fn size<D: Database>(&self, database: &D) -> Result<u64, StorageError> {
        let Self { from, clause, .. } = self;
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {from} WHERE {clause} LIMIT ?)");
        let most = Value::from(i64::try_from(LIST_FEW_TOKENS + 1).unwrap_or(i64::MAX));
        let parameters: Vec<Value> = self.parameters.iter().cloned().chain([most]).collect();
        Ok(database.query_one(&sql, &parameters, Columns::number)?)
    }
}

/// The row after which the next ones are wanted.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) serial: Serial,
    /// What it is sorted by; without one that is looked up.
    pub(super) key: Option<&'a SortKey>,
}

impl Place<'_> {
    /// After a row that was just read.
    pub(super) const fn of(serial: Serial) -> Option<Self> {
        Some(Self { serial, key: None })
    }
}

/// How the rows are reached, and in which order.
pub(super) struct Way {
    sort: Sort,
    order: Option<Order>,
    path: Path,
}

enum Path {
    /// Reads the rows of these serials, and sorts them.
    Few(Source),
    /// Reads along a source in the order of serials.
    Along(Source),
    /// Reads along the index of the order.
    Sorted(Order),
    /// Reads the table in the order of serials, or all of it where it must be sorted.
    Table,
}

impl Way {
    pub(super) fn choose<D: Database>(
        database: &D,
        question: Question<'_>,
        conditions: &Conditions,
    ) -> Result<Self, StorageError> {
        let sort = question.filter.sort;
        let order = order::of(sort.by);
        let filled = fill::filled(database)?;
        let mut least: Option<(u64, Source)> = None;
        let mut along = None;
        for source in sources(question, filled, conditions.keys_are_retired)? {
            let size = source.size(database)?;
            if source.in_order && along.is_none() {
                along = Some(source.clone());
            }
            if least.as_ref().is_none_or(|(known, _)| size < *known) {
                least = Some((size, source));
            }
        }
        let few = least.filter(|(size, _)| *size <= LIST_FEW_TOKENS).map(|(_, source)| source);
        let path = match (few, order, along) {
            (Some(source), _, _) => Path::Few(source),
            (None, Some(order), _) if filled.orders => Path::Sorted(order),
            (None, None, Some(source)) => Path::Along(source),
            _ => Path::Table,
        };
        Ok(Self { sort, order, path })
    }

    /// To the tokens that may have a fingerprint of an earlier release, which names no serial.
    pub(super) fn to_fingerprint<D: Database>(database: &D, sought: &Sought) -> Result<Self, StorageError> {
        let query = sought.end.as_deref().and_then(trigrams::query);
        let path = match query {
            Some(query) if fill::filled(database)?.orders => Path::Few(searched(query)),
            _ => Path::Table,
        };
        Ok(Self { sort: Sort::default(), order: None, path })
    }

    /// What follows FROM, up to ORDER BY, and the parameters.
    pub(super) fn body(&self, conditions: &Conditions, place: Option<Place<'_>>) -> (String, Vec<Value>) {
        let mut clauses = Vec::new();
        let mut parameters = Vec::new();
        let from = match &self.path {
            Path::Few(Source { from, serial, clause, .. }) => {
                clauses.push(format!("token.serial IN (SELECT {serial} FROM {from} WHERE {clause})"));
                "token NOT INDEXED".to_owned()
            }
            Path::Along(Source { from, serial, clause, .. }) => {
                clauses.push((*clause).to_owned());
                format!("{from} CROSS JOIN token ON token.serial = {serial}")
            }
            Path::Sorted(_) => {
                "token_order CROSS JOIN token ON token.serial = token_order.of_serial".to_owned()
            }
            Path::Table => "token".to_owned(),
        };
        if let Path::Few(source) | Path::Along(source) = &self.path {
            parameters.extend(source.parameters.iter().cloned());
        }
        if let Some(place) = place {
            let (clause, after) = self.position(place);
            clauses.push(clause);
            parameters.extend(after);
        }
        clauses.extend(conditions.clauses.iter().map(|clause| (*clause).to_owned()));
        parameters.extend(conditions.parameters.iter().cloned());
        let condition = if clauses.is_empty() { "TRUE".to_owned() } else { clauses.join(" AND ") };
        (format!("{from} WHERE {condition}"), parameters)
    }

    /// The condition that a row comes after a place, and its parameters.
    fn position(&self, Place { serial, key }: Place<'_>) -> (String, Vec<Value>) {
        let (_, after) = order::direction(self.sort);
        let serial_of_row = self.serial();
        let Some(Order { expression, column }) = self.order else {
            return (format!("{serial_of_row} {after} ?"), vec![serial.into()]);
        };
        let key_of_row = match self.path {
            Path::Sorted(_) => format!("token_order.{column}"),
            _ => expression.to_owned(),
        };
        let (key, key_parameter) = match key {
            Some(key) => ("?".to_owned(), order::value(key)),
            None => (format!("(SELECT {expression} FROM token WHERE serial = ?)"), serial.into()),
        };
        (format!("({key_of_row}, {serial_of_row}) {after} ({key}, ?)"), vec![key_parameter, serial.into()])
    }

    pub(super) fn order_by(&self) -> String {
        let (direction, _) = order::direction(self.sort);
        let serial = self.serial();
        match (&self.path, self.order) {
            (Path::Sorted(Order { column, .. }), _) => {
                format!("token_order.{column} {direction}, {serial} {direction}")
            }
            (_, Some(Order { expression, .. })) => format!("{expression} {direction}, {serial} {direction}"),
            (_, None) => format!("{serial} {direction}"),
        }
    }

    fn serial(&self) -> &'static str {
        match &self.path {
            Path::Along(source) => source.serial,
            Path::Sorted(_) => "token_order.of_serial",
            Path::Few(_) | Path::Table => "token.serial",
        }
    }
}

/// The sources of a question, those first along which the list is best read.
fn sources(
    question: Question<'_>,
    filled: Filled,
    keys_are_retired: bool,
) -> Result<Vec<Source>, StorageError> {
    let mut all = of_table(question.filter)?;
    if filled.orders {
        all.extend(of_index(question, filled)?);
        all.extend(of_state(question, keys_are_retired));
    }
    Ok(all)
}

/// By the indices of `token`, and of its hosts.
fn of_table(filter: &TokenFilter) -> Result<Vec<Source>, StorageError> {
    let mut all = Vec::new();
    if let Some(serials) = &filter.serials {
        let serials: Vec<u32> = serials.iter().map(|serial| serial.0).collect();
        all.push(Source::new("json_each(?)", "value", "TRUE").with([json(&serials)?]));
    }
    let texts = [
        (&filter.owner, "token.owner = ?"),
        (&filter.family, "token.family = ?"),
        (&filter.external_id, "token.external_id = ?"),
        (&filter.rate, "token.rate = ?"),
    ];
    let texts = texts.into_iter().filter_map(|(text, clause)| Some((text.as_deref()?, clause)));
    all.extend(texts.map(|(text, clause)| Source::of_token(clause).with([text.into()])));
    if let Some(serial) = filter.serial {
        all.push(Source::of_token("token.serial = ?").with([serial.into()]));
    }
    if let Some(origin) = &filter.origin {
        let clause = "host IN (SELECT value FROM json_each(?))";
        let places = json(&origin_index::places(origin))?;
        all.push(Source::new("token_host", "token_host.serial", clause).with([places]));
    }
    Ok(all)
}

/// By the list's index.
fn of_index(question: Question<'_>, filled: Filled) -> Result<Vec<Source>, StorageError> {
    let Question { filter, now, .. } = question;
    let mut all = Vec::new();
    if let Some(text) = Text::of(filter.q.as_deref())
        && let Some((query, serial)) = text.index_query()
    {
        let places = text.places();
        all.push(if let Some(serial) = serial {
            Source::new(SEARCHED_OR_ONE, "one_of", "TRUE").with([query.into(), serial.into()])
        } else if places.is_empty() {
            searched(query).ordered()
        } else {
            Source::new(SEARCHED_OR_AT, "one_of", "TRUE").with([query.into(), json(&places)?])
        });
    }
    match filter.warning.as_deref() {
        Some(UNUSED) => all.push(idle(now.plus_ms(-UNUSED_NOTICE_MS))),
        // Whatever is older than a year and has not ended was made for longer than a year.
        Some(ROTATION_OVERDUE) if filled.facets => {
            all.push(Source::facet(token_index::WARNING, token_warnings::LONG_LIVED));
        }
        Some(code) if filled.facets && token_warnings::is_of_settings(code) => {
            all.push(Source::facet(token_index::WARNING, code));
        }
        _ => {}
    }
    if filter.has_successor == Some(true) {
        all.push(Source::new(SUCCEEDED, "succeeded.of_serial", "TRUE").ordered());
    }
    if let Some(key_id) = filter.key_id {
        all.push(Source::of_order("by_key = ?").with([u32::from(key_id.0).into()]).ordered());
    }
    if let Some(audience) = &filter.audience {
        all.push(Source::facet(token_index::AUDIENCE, audience));
    }
    if let Some(seconds) = filter.expiring_within_seconds {
        let until = now.plus_ms(seconds_of(seconds) * MS_PER_SECOND);
        all.push(Source::of_order("by_end > ? AND by_end <= ?").with([now.into(), until.into()]));
    }
    if let Some(seconds) = filter.unused_for_seconds {
        all.push(idle(now.plus_ms(-seconds_of(seconds) * MS_PER_SECOND)));
    }
    Ok(all)
}

fn of_state(question: Question<'_>, keys_are_retired: bool) -> Option<Source> {
    let now = Value::from(question.now);
    let works = Source::of_order("by_end > ?").with([now.clone()]);
    match (question.filter.state, question.only) {
        (Some(TokenState::Revoked), _) if !keys_are_retired => {
            Some(Source::of_token("token.status = 'revoked'"))
        }
        (Some(TokenState::Revoked), _) => {
            let clause = "of_serial IN (SELECT serial FROM token WHERE status = 'revoked') \
                          OR by_key IN (SELECT key_id FROM retired_key)";
            Some(Source::of_order(clause))
        }
        (Some(TokenState::Expired), _) => Some(Source::of_order("by_end <= ?").with([now])),
        (Some(TokenState::Disabled), _) | (_, Only::Disabled) => {
            Some(Source::of_token("token.status = 'disabled'"))
        }
        (Some(TokenState::Active), _) => Some(works),
        (None, Only::Active | Only::ActiveLeaves | Only::NotEnded) => Some(works),
        (None, Only::All) => None,
    }
}

fn searched(query: String) -> Source {
    let clause = "token_search MATCH ?";
    Source::new("token_search", "token_search.rowid", clause).with([query.into()])
}

// ALL: to leave out what stands twice, all would be found before the first is counted.
const SEARCHED_OR_ONE: &str =
    "(SELECT rowid AS one_of FROM token_search WHERE token_search MATCH ? UNION ALL SELECT ?)";
const SEARCHED_OR_AT: &str = "(SELECT rowid AS one_of FROM token_search WHERE token_search MATCH ? \
     UNION ALL SELECT serial FROM token_host WHERE host IN (SELECT value FROM json_each(?)))";

/// Under a name of its own, so that the list can be read along it.
const SUCCEEDED: &str = "(SELECT serial AS of_serial FROM token INDEXED BY token_by_successor \
     WHERE successor IS NOT NULL) AS succeeded";

/// Tokens without a use since then, and those without any.
fn idle(since: UnixMillis) -> Source {
    Source::of_order("by_use <= ?").with([since.into()])
}
