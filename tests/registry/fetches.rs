//! Which jobs and pages last fetched which token of a family, and who learns of a successor that nobody has.

use crate::world::{DAY, START, World, as_usual, how, new_token};
use serde_json::{Value, json};
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    Answer, Call, Command, Fault, FetchView, Lifetime, NewToken, RevokeOld, TokenView,
};
use wayleave::formats::admin_key::Role;
use wayleave::formats::page_fetch::PageFetch;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::token_use::TokenUse;

const TEN_MINUTES: i64 = 600;

impl World {
    fn fetch(&mut self, family: &str) -> Serial {
        match self.ask(Command::GetFamilyToken(family.to_owned())) {
            Answer::FamilyToken { token, .. } => token.serial,
            other => panic!("{other:?}"),
        }
    }

    fn page_fetches(&mut self, family: &str, serial: Serial, origin: &str, at: UnixMillis) {
        let (family, origin) = (family.to_owned(), origin.to_owned());
        let fetches = vec![PageFetch { family, serial, origin, at }];
        assert_eq!(self.request(Call::PageFetches { fetches }), Answer::Noted);
    }

    fn fetches(&mut self, family: &str) -> Vec<FetchView> {
        self.family(family).fetches
    }

    /// The data of notices about successors that were not fetched, by the sweep of each day.
    fn unfetched_after(&mut self, days: i64) -> Vec<(i64, Value)> {
        let start = self.now;
        let mut seen = 0;
        let mut told = Vec::new();
        for day in 0..=days {
            self.now = start.plus_ms(day * DAY * 1_000 + 1_000);
            assert_eq!(self.request(Call::Sweep), Answer::Noted);
            self.alarms();
            told.extend(self.unfetched_so_far().drain(seen..).map(|data| (day, data)));
            seen = told.len();
        }
        told
    }

    /// The data of all notices about successors that were not fetched, also of one that has just been queued.
    fn unfetched_so_far(&mut self) -> Vec<Value> {
        self.seconds_pass(10);
        self.alarms();
        let mut notices = self.notices();
        notices.retain(|notice| notice["type"] == "token.successor_unfetched");
        notices.into_iter().map(|notice| notice["data"].clone()).collect()
    }

    /// A token that lives for 30 days, which a page and a job have fetched.
    fn fetched(&mut self) -> TokenView {
        let lifetime = Some(Lifetime::ExpiresIn(30 * DAY));
        let token = self.create(NewToken { lifetime, ..new_token("a") }).0;
        self.fetch(&token.family);
        self.page_fetches(&token.family, token.serial, "https://slow.example", self.now);
        token
    }
}

fn seen(by: &str, serial: Serial, at: UnixMillis) -> FetchView {
    FetchView { by: by.into(), serial, at }
}

#[test]
fn a_family_says_who_last_fetched_which_token_to_ten_minutes() {
    let mut world = World::new();
    let old = world.token();
    assert_eq!(world.fetches(&old.family), []);
    let (id, job) = world.admin_key(Role::Distributor);
    let by = format!("key_{id}");
    let owner = std::mem::replace(&mut world.key, job.clone());
    let first_at = world.now;
    world.fetch(&old.family);
    world.seconds_pass(TEN_MINUTES - 1);
    world.fetch(&old.family);
    world.call_as(&owner);
    assert_eq!(world.fetches(&old.family), [seen(&by, old.serial, first_at)], "coarse");
    let new = world.rotate(old.serial, as_usual()).token.serial;
    world.call_as(&job);
    assert_eq!(world.fetch(&old.family), new);
    let second_at = world.now;
    world.call_as(&owner);
    assert_eq!(world.fetches(&old.family), [seen(&by, new, second_at)], "another token at once");
    world.page_fetches(&old.family, old.serial, "https://a.example", world.now.plus_ms(1));
    let page = seen("https://a.example", old.serial, world.now);
    assert_eq!(world.fetches(&old.family), [page, seen(&by, new, second_at)], "never ahead of the clock");
    // Reading the family is no fetch, nor is revealing a token.
    world.ask(Command::RevealToken(new));
    assert_eq!(world.fetches(&old.family).len(), 2);
    assert_eq!(world.fault(Command::GetFamilyToken("fam_x".into())), Fault::NotFound);
    let fetched = world.expiries().fetched;
    assert_eq!(fetched, [(old.family, world.now.floor_seconds())]);
}

#[test]
fn what_is_told_of_pages_is_taken_only_for_tokens_of_that_family() {
    let mut world = World::new();
    let (one, other) = (world.token(), world.token());
    world.page_fetches(&one.family, other.serial, "https://a.example", world.now);
    world.page_fetches(&one.family, Serial(99), "https://a.example", world.now);
    assert_eq!(world.fetches(&one.family), []);
    assert_eq!(world.fetches(&other.family), []);
    // A report that comes late takes no newer one's place.
    let new = world.rotate(one.serial, as_usual()).token.serial;
    world.page_fetches(&one.family, new, "https://a.example", world.now);
    world.page_fetches(&one.family, one.serial, "https://a.example", world.now.plus_ms(-1_000));
    assert_eq!(world.fetches(&one.family), [seen("https://a.example", new, world.now)]);
}

#[test]
fn pages_are_bounded_and_push_out_no_job() {
    let mut world = World::new();
    let token = world.token();
    world.fetch(&token.family);
    for n in 0..50 {
        world.seconds_pass(1);
        world.page_fetches(&token.family, token.serial, &format!("https://p{n}.example"), world.now);
    }
    let fetches = world.fetches(&token.family);
    assert_eq!(fetches.len(), 21);
    assert_eq!(fetches[0].by, "https://p49.example");
    assert_eq!(fetches[20].by, "key_1");
}

#[test]
fn a_successor_that_a_consumer_has_not_fetched_is_told_after_two_days_and_before_the_end() {
    let mut world = World::new();
    let long = NewToken { lifetime: Some(Lifetime::ExpiresIn(300 * DAY)), ..new_token("a") };
    let old = world.create(long).0;
    world.fetch(&old.family);
    world.page_fetches(&old.family, old.serial, "https://slow.example", world.now);
    let plan = RevokeOld::After { after_seconds: 20 * DAY, drain_seconds: DAY, strict: true };
    let new = world.rotate(old.serial, how(plan)).token;
    world.fetch(&old.family);
    assert_eq!(world.expiries().unfetched, 1);
    let told = world.unfetched_after(21);
    let days: Vec<_> = told.iter().map(|(day, data)| (*day, data["within_days"].as_u64())).collect();
    assert_eq!(days, [(2, None), (13, Some(7)), (19, Some(1))]);
    for (_, data) in &told {
        let about = &data["tokens"][0];
        assert_eq!(about["id"], format!("tok_{}", old.serial.0));
        assert_eq!(about["successor"], format!("tok_{}", new.serial.0));
        assert_eq!(about["successor_created_at"], new.created_at.to_rfc3339());
        assert_eq!(about["consumers"], json!(["https://slow.example"]));
        let end = START.plus_ms(20 * DAY * 1_000).to_rfc3339();
        assert_eq!(about["ends_at"], end);
    }
    assert_eq!(world.expiries().unfetched, 0, "the old one has ended");
}

/// What a notice says of an end: within how many days, and who lacks the successor.
fn said(notices: &[Value]) -> Vec<(u64, Value)> {
    let of =
        |data: &Value| (data["within_days"].as_u64().unwrap_or(0), data["tokens"][0]["consumers"].clone());
    notices.iter().map(of).collect()
}

#[test]
fn an_end_that_comes_sooner_than_two_days_after_the_successor_is_told_at_once_and_once() {
    let hours = |hours: i64| hours * 3_600;
    let strict = |after_seconds| RevokeOld::After { after_seconds, drain_seconds: 0, strict: true };
    let both = || json!(["https://slow.example", "key_1"]);
    for (overlap, told) in [(hours(3), vec![1]), (hours(47), vec![2]), (hours(48), vec![])] {
        let mut world = World::new();
        let old = world.fetched();
        world.seconds_pass(1);
        world.rotate(old.serial, how(strict(overlap)));
        let expected: Vec<_> = told.into_iter().map(|days: u64| (days, both())).collect();
        assert_eq!(said(&world.unfetched_so_far()), expected, "{overlap} s");
        if overlap < hours(48) {
            assert_eq!(world.unfetched_after(4).len(), 1, "the sweeps tell of it no more");
        }
    }
    // Its own end comes as soon, whatever the rotation plans.
    let mut world = World::new();
    let old = world.fetched();
    world.seconds_pass(29 * DAY + 60);
    world.rotate(old.serial, as_usual());
    assert_eq!(said(&world.unfetched_so_far()), [(1, both())]);
    // Nobody has fetched this one.
    let alone = world.token();
    world.rotate(alone.serial, how(strict(60)));
    assert_eq!(world.unfetched_so_far().len(), 1);
}

#[test]
fn an_end_that_becomes_known_late_is_told_at_once_and_once() {
    let mut world = World::new();
    let old = world.fetched();
    let plan = RevokeOld::FirstUse { drain_seconds: 3_600, deadline_seconds: None, strict: false };
    let new = world.rotate(old.serial, how(plan)).token;
    world.fetch(&old.family);
    assert_eq!(world.unfetched_after(5).len(), 1, "after two days");
    world.used(new.serial);
    let slow = || json!(["https://slow.example"]);
    assert_eq!(said(&world.unfetched_so_far()), [(0, slow()), (1, slow())]);
    // An isolate tells late of a use some seconds before. That moves the end, and is nothing new.
    let first_at = world.now.plus_ms(-30_000);
    let uses = vec![TokenUse { serial: new.serial, first_at, last_at: first_at }];
    assert_eq!(world.request(Call::Uses { uses, counted_at: None, meters: None }), Answer::Noted);
    assert_eq!(world.unfetched_so_far().len(), 2);
    // An operator moves it to a day ahead, and then back: each is another end.
    for (ahead, count) in [(DAY, 3), (7_200, 4), (7_200, 4)] {
        let at = Some(world.now.plus_ms(ahead * 1_000));
        world.receipt(Command::EndToken { serial: old.serial, at, force: false });
        assert_eq!(world.unfetched_so_far().len(), count, "{ahead}");
    }
    // Once all have the successor, no end is news.
    world.page_fetches(&old.family, new.serial, "https://slow.example", world.now);
    let at = Some(world.now.plus_ms(60_000));
    world.receipt(Command::EndToken { serial: old.serial, at, force: false });
    assert_eq!(world.unfetched_so_far().len(), 4);
}

#[test]
fn nobody_is_told_of_a_successor_that_all_have_or_that_nobody_ever_fetches() {
    let mut world = World::new();
    let fetched = world.token();
    world.fetch(&fetched.family);
    world.rotate(fetched.serial, how(RevokeOld::Never));
    world.fetch(&fetched.family);
    let never = world.token();
    world.rotate(never.serial, how(RevokeOld::Never));
    // It fetched the old one, and nothing for 30 days since.
    let gone = world.token();
    world.page_fetches(&gone.family, gone.serial, "https://gone.example", world.now);
    world.seconds_pass(31 * DAY);
    world.rotate(gone.serial, how(RevokeOld::Never));
    assert_eq!((world.unfetched_after(10), world.expiries().unfetched), (vec![], 0));
}

#[test]
fn what_is_known_of_a_family_leaves_with_its_last_token() {
    let mut world = World::new();
    let short = || NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") };
    let (gone, kept) = (world.create(short()).0, world.token());
    world.fetch(&gone.family);
    world.fetch(&kept.family);
    world.seconds_pass(401 * DAY);
    world.registry.due(world.now, 10);
    assert_eq!(world.fault(Command::GetFamily(gone.family)), Fault::NotFound);
    let rows = world.database.one("SELECT COUNT(*) FROM fetch");
    assert_eq!(rows, wayleave::base::database::Value::Integer(1));
}
