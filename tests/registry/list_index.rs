//! The list's index: that a list is the same with it, without it and while it is filled; in every order; and
//! that it follows each change of a token.

use crate::world::{World, all, as_usual, edit_label, new_token, rules, settings};
use wayleave::base::database::{Database, Value};
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    Answer, Bulk, BulkChange, Command, Fault, Sort, SortBy, SortKey, TokenEdit, TokenFilter, TokenState,
    TokensTotal,
};
use wayleave::formats::key::KeyId;
use wayleave::formats::origin::{MissingOrigin, Origin, OriginMode, OriginRules, TupleOrigin};
use wayleave::formats::rate_class::RateClasses;
use wayleave::formats::token::Serial;
use wayleave::limits::{LIST_FEW_TOKENS, LIST_INDEX_STEP_MAX, LIST_USE_STEP_MS, TOTAL_EXAMINED_MAX};

const DAY_MS: i64 = 86_400_000;
/// More than are read and sorted for one page.
const MANY: u64 = 2 * LIST_FEW_TOKENS + 600;

pub(crate) const SORTS: [SortBy; 5] =
    [SortBy::Created, SortBy::Label, SortBy::Owner, SortBy::Ends, SortBy::Used];

fn origin(text: &str) -> TupleOrigin {
    match Origin::parse_header(text) {
        Some(Origin::Tuple(origin)) => origin,
        other => panic!("{other:?}"),
    }
}

fn two_audiences() -> RegistrySettings {
    let rate_classes =
        RateClasses::parse(r#"{"page":{"requests":300,"per_seconds":60}}"#, |_| false).unwrap();
    let audiences = vec!["api".to_owned(), "tiles".to_owned()];
    RegistrySettings { audiences, rate_classes, ..settings() }
}

fn many() -> World {
    world_of(MANY)
}

/// Seven tokens of different kinds, then `many` copies of them, put there as by an earlier release.
pub(crate) fn world_of(many: u64) -> World {
    let mut world = World::with(two_audiences());
    let settings = |change: fn(&mut TokenEdit)| {
        let mut new = new_token("a");
        change(&mut new.settings);
        new
    };
    for new in [
        settings(|edit| edit.owner = Some(Some("Ann".into()))),
        settings(|edit| edit.origins = Some(OriginRules::Any)),
        settings(|edit| edit.audiences = Some(vec!["tiles".into()])),
        settings(|edit| edit.rate = Some(Some(serde_json::from_str("\"page\"").unwrap()))),
        settings(|edit| edit.origin_mode = Some(OriginMode::Report)),
        settings(|edit| edit.missing_origin = Some(MissingOrigin::Allow)),
        settings(|edit| edit.protected = Some(true)),
    ] {
        world.create(new);
    }
    world.receipt(Command::DisableToken(Serial(3)));
    let changed = [
        ("serial", "n".to_owned()),
        ("family", "'fam_' || n".to_owned()),
        ("label", "'Site ' || (n * 7919 % 10007)".to_owned()),
        ("search", "'site ' || (n * 7919 % 10007)".to_owned()),
        ("fingerprint", "printf('wlp_AQEAAAAA…%08d', n)".to_owned()),
        ("expires_at", "expires_at - n % 500000 * 40".to_owned()),
        ("ends_at", "CASE WHEN n % 50 = 0 THEN (expires_at - n % 20000 * 600) * 1000 END".to_owned()),
        ("last_used_at", format!("CASE WHEN n % 3 > 0 THEN {} - n % 90000 * 100000 END", world.now.0)),
        ("successor", "CASE WHEN n % 2 = 1 THEN 1 END".to_owned()),
        ("key_id", "CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END".to_owned()),
    ];
    let columns = world.database.query("SELECT name FROM pragma_table_info('token')", &[]).unwrap();
    let columns: Vec<String> = columns.into_iter().map(|row| format!("{:?}", row[0])).collect();
    let columns: Vec<&str> = columns.iter().map(|column| column.split('"').nth(1).unwrap()).collect();
    let values: Vec<&str> = columns
        .iter()
        .map(|column| changed.iter().find(|(name, _)| name == column).map_or(*column, |(_, value)| value))
        .collect();
    let numbers =
        format!("WITH RECURSIVE k (n) AS (SELECT 8 UNION ALL SELECT n + 1 FROM k WHERE n < {many} + 7)");
    for copy in [
        format!(
            "{numbers} INSERT INTO token ({}) SELECT {} FROM k JOIN token ON serial = 1 + n % 7",
            columns.join(", "),
            values.join(", ")
        ),
        format!(
            "{numbers} INSERT INTO token_host (host, serial) SELECT host, n FROM k \
             JOIN token_host ON serial = 1 + n % 7"
        ),
        "UPDATE registry SET highest_serial = 10000000".to_owned(),
        "UPDATE token SET status = 'revoked' WHERE serial % 1000 = 1".to_owned(),
    ] {
        world.database.query(&copy, &[]).unwrap();
    }
    world
}

/// As after the migration of an earlier release's database.
pub(crate) fn empty_index(world: &mut World) {
    for sql in [
        "DELETE FROM token_order",
        "DELETE FROM token_facet",
        "DELETE FROM token_search",
        "UPDATE index_fill SET after_serial = 0, is_filled = 0",
    ] {
        world.database.query(sql, &[]).unwrap();
    }
}

fn position(world: &World) -> Value {
    world.database.one("SELECT after_serial FROM index_fill")
}

/// Lets the registry fill its index, and returns the number of steps.
pub(crate) fn fill(world: &mut World) -> u64 {
    let mut steps = 0;
    while position(world) != Value::Null {
        assert!(world.registry.next_alarm_at(world.now).is_some_and(|at| at <= world.now));
        world.registry.due(world.now, 0);
        steps += 1;
        assert!(steps < 10_000, "it ends");
    }
    steps
}

pub(crate) fn filters() -> Vec<TokenFilter> {
    let with = |change: &dyn Fn(&mut TokenFilter)| {
        let mut filter = all();
        change(&mut filter);
        filter
    };
    let text = |text: &str| Some(text.to_owned());
    let mut filters = vec![
        all(),
        with(&|filter| filter.owner = text("Ann")),
        with(&|filter| filter.audience = text("tiles")),
        with(&|filter| filter.audience = text("api")),
        with(&|filter| filter.rate = text("page")),
        with(&|filter| filter.has_successor = Some(true)),
        with(&|filter| {
            filter.state = Some(TokenState::Active);
            filter.has_successor = Some(true);
        }),
        with(&|filter| filter.key_id = Some(KeyId(2))),
        with(&|filter| filter.key_id = Some(KeyId(1))),
        with(&|filter| filter.origin = Some(origin("https://nowhere.example"))),
        with(&|filter| filter.origin = Some(origin("https://site.example"))),
        with(&|filter| filter.expiring_within_seconds = Some(340 * 86_400)),
        with(&|filter| filter.unused_for_seconds = Some(0)),
        with(&|filter| filter.unused_for_seconds = Some(10 * 86_400)),
        with(&|filter| filter.serials = Some(vec![Serial(9), Serial(7), Serial(12_000), Serial(70_000)])),
        with(&|filter| {
            filter.q = text("SITE 1");
            filter.owner = text("Ann");
        }),
    ];
    filters.extend(
        [
            "site",
            "site 10",
            "te 777",
            "777",
            "7",
            "tok_77",
            "00000777",
            "wlp_AQEA…00000777",
            "\"",
            "site\"",
            "site.example",
            "a.b",
        ]
        .map(|q| with(&|filter| filter.q = text(q))),
    );
    filters.extend(
        [TokenState::Active, TokenState::Disabled, TokenState::Revoked, TokenState::Expired]
            .map(|state| with(&|filter| filter.state = Some(state))),
    );
    filters.extend(
        ["origin_any", "report_mode", "unused", "ends_though_protected"]
            .map(|code| with(&|filter| filter.warning = text(code))),
    );
    filters
}

/// The first pages of a list, and its total.
fn pages(world: &mut World, filter: &TokenFilter) -> (Vec<Vec<u32>>, TokensTotal) {
    let mut filter = TokenFilter { limit: 40, wants_total: true, ..filter.clone() };
    let mut pages = Vec::new();
    loop {
        let Answer::Tokens { items, next, next_key, total } = world.ask(Command::ListTokens(filter.clone()))
        else {
            panic!("{filter:?}")
        };
        pages.push(items.iter().map(|token| token.serial.0).collect());
        if next.is_none() || pages.len() == 3 {
            return (pages, total.unwrap());
        }
        (filter.below, filter.below_key) = (next, next_key);
    }
}

#[test]
fn a_list_is_the_same_with_its_index_without_it_and_while_it_is_filled() {
    let mut world = many();
    empty_index(&mut world);
    let mut questions = Vec::new();
    for filter in filters() {
        // Without the index a warning is found by looking at every token, which takes long.
        let sorts = if filter.warning.is_some() { &SORTS[..1] } else { &SORTS[..] };
        for by in sorts.iter().copied() {
            let ascending = questions.len() % 2 == 0;
            questions.push(TokenFilter { sort: Sort { by, ascending }, ..filter.clone() });
        }
    }
    let without: Vec<_> = questions.iter().map(|question| pages(&mut world, question)).collect();
    world.registry.due(world.now, 0);
    assert_eq!(position(&world), Value::Integer(LIST_INDEX_STEP_MAX.into()));
    for (question, expected) in questions.iter().zip(&without).step_by(17) {
        assert_eq!(pages(&mut world, question), *expected, "while it is filled: {question:?}");
    }
    fill(&mut world);
    let mut found = 0;
    for (question, expected) in questions.iter().zip(&without) {
        let (listed, total) = pages(&mut world, question);
        assert_eq!(listed, expected.0, "{question:?}");
        // Where each row must be looked at, it is counted up to a limit.
        let is_same = total == expected.1 || !expected.1.is_exact && total.count >= expected.1.count;
        assert!(is_same, "{question:?}: {total:?} and {:?}", expected.1);
        found += u32::from(expected.1.count > 0);
    }
    assert!(found > 100, "most of these questions find something: {found}");
}

/// In its first step and in a later one.
#[test]
fn a_bulk_call_finds_the_same_with_the_index_and_without_it() {
    let mut world = many();
    empty_index(&mut world);
    let steps = |world: &mut World| -> Vec<_> {
        let dry = |world: &mut World, filter| {
            let bulk = Box::new(Bulk { filter, dry_run: true, expect: None });
            match world.ask(Command::ChangeTokens { bulk, change: BulkChange::Disable }) {
                Answer::ChangedInBulk(step) => step,
                other => panic!("{other:?}"),
            }
        };
        let both = filters().into_iter().map(|filter| {
            let first = dry(world, TokenFilter { limit: 7, ..filter.clone() });
            let place = TokenFilter { limit: 7, below: first.next, until: first.until, ..filter };
            let second = first.next.is_some().then(|| dry(world, place));
            (first, second)
        });
        both.collect()
    };
    let without = steps(&mut world);
    fill(&mut world);
    for ((filter, expected), found) in filters().iter().zip(&without).zip(steps(&mut world)) {
        assert_eq!(found, *expected, "{filter:?}");
    }
    let found = without.iter().filter(|(_, second)| second.is_some()).count();
    assert!(found > 15, "most of these filters find more than a step: {found}");
}

#[test]
fn each_order_is_the_one_that_its_name_says() {
    let mut world = many();
    empty_index(&mut world);
    fill(&mut world);
    for (by, key) in [
        (SortBy::Created, "serial"),
        (SortBy::Label, "lower(label)"),
        (SortBy::Owner, "lower(COALESCE(owner, ''))"),
        (SortBy::Ends, "MIN(expires_at * 1000, COALESCE(ends_at, 9e15))"),
        (SortBy::Used, "COALESCE(last_used_at - last_used_at % 3600000, 0)"),
    ] {
        for (ascending, direction) in [(true, "ASC"), (false, "DESC")] {
            let rows = world
                .database
                .query(
                    &format!(
                        "SELECT serial FROM token ORDER BY {key} {direction}, serial {direction} \
                         LIMIT 120"
                    ),
                    &[],
                )
                .unwrap();
            let expected: Vec<_> = rows.into_iter().map(|mut row| row.remove(0)).collect();
            let (pages, total) = pages(&mut world, &TokenFilter { sort: Sort { by, ascending }, ..all() });
            let listed: Vec<_> =
                pages.concat().into_iter().map(|serial| Value::Integer(serial.into())).collect();
            assert_eq!(listed, expected, "{by:?} {direction}");
            assert_eq!(total, TokensTotal { count: MANY + 7, is_exact: true });
        }
    }
}

#[test]
fn an_index_is_filled_in_bounded_steps_and_goes_on_after_a_restart() {
    let mut world = many();
    empty_index(&mut world);
    let written = world.database.rows_written();
    world.registry.due(world.now, 0);
    let rows = world.database.rows_written() - written;
    assert!(rows < u64::from(LIST_INDEX_STEP_MAX) * 12, "{rows} rows in a step");
    world.restart(two_audiences());
    assert_eq!(position(&world), Value::Integer(LIST_INDEX_STEP_MAX.into()));
    let steps = fill(&mut world);
    assert_eq!(steps, (MANY + 7) / u64::from(LIST_INDEX_STEP_MAX), "one was taken before");
    for table in ["token_order", "token_search"] {
        let count = world.database.one(&format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(count, Value::Integer(i64::try_from(MANY + 7).unwrap()), "{table}");
    }
}

/// A token that is edited before its turn is written twice, with the same result.
#[test]
fn a_change_while_the_index_is_filled_is_not_lost() {
    let mut world = World::new();
    let tokens: Vec<_> = (0..3).map(|_| world.token().serial).collect();
    empty_index(&mut world);
    world.edit(tokens[1], edit_label("Edited meanwhile"));
    let made = world.create(new_token("Made meanwhile")).0.serial;
    fill(&mut world);
    let search = |world: &mut World, q: &str| world.tokens(TokenFilter { q: Some(q.into()), ..all() }).0;
    assert_eq!(search(&mut world, "meanwhile"), [made.0, tokens[1].0]);
    assert_eq!(world.tokens(all()).0.len(), 4);
}

#[test]
fn the_index_follows_each_change_of_a_token() {
    let mut world = World::new();
    let (first, second) = (world.create(new_token("first site")).0, world.create(new_token("second site")).0);
    let sorted =
        |world: &mut World, by| world.tokens(TokenFilter { sort: Sort { by, ascending: true }, ..all() }).0;
    let indexed = |world: &World, column: &str| {
        let rows = world.database.query(&format!("SELECT of_serial FROM token_order ORDER BY {column}"), &[]);
        rows.unwrap().into_iter().map(|row| format!("{:?}", row[0])).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sorted(&mut world, SortBy::Label), [1, 2]);
    world.edit(first.serial, edit_label("The first site"));
    assert_eq!(
        (sorted(&mut world, SortBy::Label), indexed(&world, "by_label")),
        (vec![2, 1], "Integer(2) Integer(1)".into())
    );
    // An end, and its cancellation.
    let soon = world.now.plus_ms(DAY_MS);
    world.receipt(Command::EndToken { serial: second.serial, at: Some(soon), force: true });
    assert_eq!(indexed(&world, "by_end"), "Integer(2) Integer(1)");
    world.receipt(Command::EndToken { serial: second.serial, at: None, force: true });
    assert_eq!(indexed(&world, "by_end, of_serial"), "Integer(1) Integer(2)");
    // A use, by the hour.
    world.seconds_pass(2 * LIST_USE_STEP_MS / 1_000);
    world.used(first.serial);
    assert_eq!(indexed(&world, "by_use"), "Integer(2) Integer(1)");
    // A rotation ends the predecessor, and makes a token.
    let made = world.rotate(first.serial, as_usual()).token.serial;
    assert_eq!(
        world.tokens(TokenFilter { q: Some("the first".into()), ..all() }).0,
        [made.0, first.serial.0]
    );
    // Settings with warnings.
    let warned =
        |world: &mut World| world.tokens(TokenFilter { warning: Some("report_mode".into()), ..all() }).0;
    assert_eq!(warned(&mut world), [0_u32; 0]);
    let mode = |mode| TokenEdit { origin_mode: Some(mode), ..TokenEdit::default() };
    world.edit(second.serial, mode(OriginMode::Report));
    assert_eq!(warned(&mut world), [second.serial.0]);
    let facets = "SELECT COUNT(*) FROM token_facet WHERE facet = 'warning'";
    assert_eq!(world.database.one(facets), Value::Integer(1));
    world.edit(second.serial, mode(OriginMode::Enforce));
    assert_eq!((warned(&mut world), world.database.one(facets)), (vec![], Value::Integer(0)));
}

#[test]
fn what_retention_deletes_leaves_the_index() {
    let mut world = World::with(RegistrySettings { retention_days: 1, ..settings() });
    world.token();
    world.days_pass(400);
    world.token();
    for table in ["token_order", "token_search", "token_facet"] {
        assert_eq!(
            world.database.one(&format!("SELECT COUNT(*) FROM {table}")),
            Value::Integer(1),
            "{table}"
        );
    }
}

/// A release may judge settings in another way, for example with a newer Public Suffix List.
#[test]
fn another_release_finds_its_own_warnings() {
    let mut world = World::new();
    world.token();
    let mut new = new_token("a");
    new.settings.origins = Some(rules(&["https://site.example"]));
    new.settings.origin_mode = Some(OriginMode::Report);
    let warned = world.create(new).0.serial;
    for sql in [
        "DELETE FROM token_facet WHERE facet = 'warning'",
        "INSERT INTO token_facet VALUES ('warning', 'report_mode', 1)",
        "UPDATE index_fill SET warnings_by = 0",
    ] {
        world.database.query(sql, &[]).unwrap();
    }
    world.restart(settings());
    let found =
        |world: &mut World| world.tokens(TokenFilter { warning: Some("report_mode".into()), ..all() }).0;
    assert_eq!(found(&mut world), [warned.0], "while they are sought");
    fill(&mut world);
    assert_eq!(found(&mut world), [warned.0]);
    let facets = "SELECT of_serial FROM token_facet WHERE facet = 'warning'";
    assert_eq!(world.database.one(facets), Value::Integer(warned.0.into()));
    world.restart(settings());
    assert_eq!(position(&world), Value::Null, "once is enough");
}

/// A cursor of another order names no place.
#[test]
fn a_page_after_a_token_is_refused_where_its_place_is_unknown() {
    let mut world = World::new();
    world.token();
    let after = |by, below_key| TokenFilter {
        sort: Sort { by, ascending: false },
        below: Some(Serial(9)),
        below_key,
        ..all()
    };
    assert_eq!(world.fault(Command::ListTokens(after(SortBy::Label, None))), Fault::NotFound);
    let other = Some(SortKey::Owner("ann".into()));
    assert_eq!(world.fault(Command::ListTokens(after(SortBy::Label, other))), Fault::NotFound);
    assert_eq!(world.tokens(after(SortBy::Created, None)).0, [1]);
}

/// The last token of a page may be edited, used or deleted before the next page is asked for.
#[test]
fn a_page_begins_where_the_one_before_has_ended_whatever_became_of_its_last_token() {
    for by in [SortBy::Label, SortBy::Owner, SortBy::Ends, SortBy::Used] {
        for deleted in [false, true] {
            let mut world = World::new();
            let serials: Vec<_> = ["a", "b", "c", "d"]
                .map(|label| {
                    let mut new = new_token(label);
                    new.settings.owner = Some(Some(label.into()));
                    world.create(new).0.serial
                })
                .into();
            let sort = Sort { by, ascending: true };
            let mut page = TokenFilter { sort, limit: 2, ..all() };
            let Answer::Tokens { items, next, next_key, .. } = world.ask(Command::ListTokens(page.clone()))
            else {
                panic!("no list")
            };
            assert_eq!(items.len(), 2);
            let last = serials[1];
            if deleted {
                world.database.query("DELETE FROM token WHERE serial = 2", &[]).unwrap();
                world.database.query("DELETE FROM token_order WHERE of_serial = 2", &[]).unwrap();
            } else {
                let owner = Some(Some("z".into()));
                world.edit(last, TokenEdit { label: Some("z".into()), owner, ..TokenEdit::default() });
                world.seconds_pass(2 * LIST_USE_STEP_MS / 1_000);
                world.used(last);
                let soon = Some(world.now.plus_ms(DAY_MS));
                world.receipt(Command::EndToken { serial: last, at: soon, force: true });
            }
            (page.below, page.below_key, page.limit) = (next, next_key, 10);
            let rest = world.tokens(page).0;
            let others: Vec<_> = rest.iter().copied().filter(|serial| *serial != last.0).collect();
            assert_eq!(others, [3, 4], "{by:?}, deleted: {deleted}");
        }
    }
}

/// With many tokens, no list reads or sorts all of them.
#[test]
fn lists_use_their_indices() {
    let mut world = many();
    empty_index(&mut world);
    fill(&mut world);
    for filter in filters() {
        for by in SORTS {
            let question = TokenFilter { sort: Sort { by, ascending: true }, limit: 50, ..filter.clone() };
            world.database.take_statements();
            world.ask(Command::ListTokens(question.clone()));
            let statements = world.database.take_statements();
            let list =
                statements.iter().find(|(sql, _)| sql.contains("ORDER BY") && sql.contains("fingerprint, v"));
            let (sql, _) = list.unwrap_or_else(|| panic!("no list: {statements:?}"));
            let plan = world.database.plan(sql);
            let short = filter.q.as_deref().is_some_and(|q| q.chars().count() < 3);
            let is_sorted = plan.contains("TEMP B-TREE FOR ORDER BY");
            let is_few = sql.contains("NOT INDEXED WHERE token.serial IN");
            assert!(!is_sorted || is_few, "{question:?} sorts: {sql}\n{plan}");
            let scans = plan.contains("SCAN token\"") || plan.contains("SCAN token NOT");
            assert!(!scans || short || by == SortBy::Created, "{question:?} scans: {sql}\n{plan}");
        }
    }
}

/// What a view needs of families and licences is read at once for all of them.
#[test]
fn a_page_takes_as_many_statements_for_many_tokens_as_for_few() {
    let mut world = many();
    let mut statements = |limit| {
        world.database.take_statements();
        world.ask(Command::ListTokens(TokenFilter { limit, ..all() }));
        world.database.take_statements().len()
    };
    assert_eq!(statements(50), statements(7));
}

/// Where only the rows tell whether they are wanted, so many are read for the total, whatever they say.
#[test]
fn a_total_that_only_rows_tell_is_counted_among_the_first() {
    let examined = u64::try_from(TOTAL_EXAMINED_MAX).unwrap();
    let total = |tokens| {
        let from = Some(origin("https://nowhere.example"));
        let filter = TokenFilter { origin: from, wants_total: true, limit: 1, ..all() };
        match world_of(tokens).ask(Command::ListTokens(filter)) {
            Answer::Tokens { total: Some(total), .. } => (total.count, total.is_exact),
            other => panic!("{other:?}"),
        }
    };
    let (few, is_exact) = total(20);
    assert!(few > 0 && is_exact, "{few}");
    // Every seventh token admits every origin.
    let (some, is_exact) = total(8 * examined);
    assert!(some > few && some <= examined && !is_exact, "{some}");
}

/// A page may show tokens that come after the rows which are read for the total.
#[test]
fn a_total_is_not_less_than_what_is_shown() {
    let mut world = world_of(8 * u64::try_from(TOTAL_EXAMINED_MAX).unwrap());
    // All may have the warning. Those that do are the oldest, and the newest are looked at first.
    let protected = "UPDATE token SET protected = 1".to_owned();
    let oldest = format!("UPDATE token SET ends_at = NULL WHERE serial > {TOTAL_EXAMINED_MAX}");
    for sql in [protected, oldest] {
        world.database.query(&sql, &[]).unwrap();
    }
    let warning = Some("ends_though_protected".to_owned());
    let filter = TokenFilter { warning, wants_total: true, limit: 5, ..all() };
    let Answer::Tokens { items, total: Some(total), .. } = world.ask(Command::ListTokens(filter)) else {
        panic!("no list")
    };
    assert_eq!((items.len(), total.count, total.is_exact), (5, 5, false));
}

/// `/status` and `/metrics` are asked for again and again. Only their counts read all tokens, and are kept.
#[test]
fn metrics_find_ends_quotas_and_fetches_by_their_indices() {
    let mut world = many();
    world.database.take_statements();
    world.ask(Command::Metrics);
    let statements = world.database.take_statements();
    for (of, begins_with) in [
        ("ORDER BY expires_at", "SEARCH token USING INDEX token_by_expiry"),
        ("ORDER BY ends_at", "SEARCH token USING INDEX token_by_end"),
        ("FROM meter CROSS JOIN token", "SCAN meter"),
        ("COUNT(DISTINCT fetch.family)", "SCAN token USING INDEX token_by_successor"),
    ] {
        let (sql, _) = statements.iter().find(|(sql, _)| sql.contains(of)).unwrap();
        let plan = world.database.plan(sql);
        assert!(plan.contains(begins_with) && !plan.contains("FOR ORDER BY"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN token\""), "{sql}\n{plan}");
    }
}
