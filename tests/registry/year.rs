//! A year of sites under the default rotation. Sites deploy at once, late, never or twice, or are visited
//! only at weekends. Browsers' caches hold pages for a day. Jobs retry, lose answers and start again. No page
//! may break. `WAYLEAVE_SEED=<n>` replays a year.

use crate::model::fresh_seed;
use crate::world::{DAY, World, as_usual, idempotency, new_token};
use std::collections::BTreeMap;
use wayleave::control::registry::command::{Answer, Command, Fault, TokenState};
use wayleave::formats::token::Serial;

const HOUR: i64 = 3_600;
/// Time between visits: four hours.
const STEP: i64 = 4 * HOUR;
/// Lifetime of a token: a year, so that a page that never gets a new one works until the end.
const YEAR: i64 = 360 * DAY;
const SITES_OF_EACH_KIND: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    DeploysAtOnce,
    DeploysLate,
    DeploysNever,
    /// Deploys, rolls back to the earlier page, and deploys again.
    DeploysTwice,
    /// Deploys at once, but is visited only at weekends.
    VisitedAtWeekends,
}

struct Site {
    kind: Kind,
    family: String,
    /// Each token that the page carried, and since when (seconds from the start); the last one is the current
    /// one.
    pages: Vec<(i64, Serial)>,
    /// Deployments still to come.
    planned: Vec<(i64, Serial)>,
}

#[test]
fn no_page_breaks_in_a_year_of_the_default_rotation() {
    let fresh = fresh_seed();
    let seed = std::env::var("WAYLEAVE_SEED").ok().map_or(fresh, |seed| seed.parse().unwrap());
    println!("WAYLEAVE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new();
    let kinds = [
        Kind::DeploysAtOnce,
        Kind::DeploysLate,
        Kind::DeploysNever,
        Kind::DeploysTwice,
        Kind::VisitedAtWeekends,
    ];
    let mut sites: Vec<Site> = kinds
        .iter()
        .flat_map(|kind| (0..SITES_OF_EACH_KIND).map(move |_| *kind))
        .map(|kind| {
            let token = world.create(new_token("site")).0;
            Site { kind, family: token.family, pages: vec![(0, token.serial)], planned: Vec::new() }
        })
        .collect();
    let mut visits: BTreeMap<Kind, u64> = BTreeMap::new();
    let mut ended = 0;
    for hour in (0..YEAR).step_by(usize::try_from(STEP).unwrap()) {
        world.days_pass(0);
        for (index, site) in sites.iter_mut().enumerate() {
            // Each site's job runs once in 30 days, on a day of its own.
            let day = hour / DAY;
            if hour % DAY == 0 && (day + i64::try_from(index).unwrap()) % 30 == 29 {
                job(&mut world, site, hour, &mut random);
            }
            deploy(site, hour);
            let is_weekend = matches!(day % 7, 5 | 6);
            if site.kind == Kind::VisitedAtWeekends && !is_weekend {
                continue;
            }
            let carried = page_of(site, hour, &mut random);
            let state = world.get(carried).state;
            assert_eq!(
                state,
                TokenState::Active,
                "seed {seed}: a page of a site that {:?} broke on day {day}",
                site.kind
            );
            world.used(carried);
            *visits.entry(site.kind).or_default() += 1;
        }
        pass(&mut world, STEP);
    }
    for site in &sites {
        let tokens = world.family(&site.family).tokens;
        ended += tokens.iter().filter(|token| token.revoked_reason.as_deref() == Some("rotated")).count();
        assert!(tokens.len() > 1, "{:?} was never rotated", site.kind);
        if site.kind == Kind::DeploysNever {
            assert_eq!(tokens.last().map(|token| token.state), Some(TokenState::Active), "it is in use");
        }
    }
    assert!(ended >= 60, "old tokens did end: {ended}");
    assert!(visits.values().all(|visits| *visits > 1_500), "{visits:?}");
}

/// Rotates the family by default rules, as a job whose answers are sometimes lost. The site is to deploy the
/// token that it ends up with.
fn job(world: &mut World, site: &mut Site, now: i64, random: &mut fastrand::Rng) {
    let mut attempt = 0;
    let token = loop {
        // A job that crashed starts again, with another idempotency key.
        if random.u8(0..4) == 0 {
            attempt += 1;
        }
        let key = format!("{} {now} {attempt}", site.family);
        let command = Command::RotateFamily { family: site.family.clone(), rotate: Box::new(as_usual()) };
        let answer = world.ask_idempotent(command, idempotency(&key, "rotate"));
        if random.u8(0..3) == 0 {
            continue;
        }
        match answer {
            Answer::Rotated(made) => break made.token.serial,
            // A successor already waits, because an answer was lost or the site never deploys. That is the
            // one to deploy.
            Answer::Refused(Fault::SuccessorUnused { waiting, .. }) => break waiting.serial,
            // The last rotation has not finished; try again next month.
            Answer::Refused(Fault::MaxActiveTokens { .. }) => return,
            other => panic!("{other:?}"),
        }
    };
    let before = site.pages.last().map(|page| page.1);
    let late = random.i64(DAY..27 * DAY);
    match (site.kind, before) {
        (Kind::DeploysNever, _) => {}
        (Kind::DeploysLate, _) => site.planned.push((now + late, token)),
        (Kind::DeploysTwice, Some(before)) => {
            // Rolled back within the week in which the old token works in any case.
            let back = now + random.i64(HOUR..3 * DAY);
            site.planned.extend([(now, token), (back, before), (back + 2 * DAY, token)]);
        }
        _ => site.planned.push((now, token)),
    }
}

fn deploy(site: &mut Site, now: i64) {
    let pages = &mut site.pages;
    site.planned.retain(|(at, token)| {
        let is_due = *at <= now;
        if is_due && pages.last().is_none_or(|page| page.1 != *token) {
            pages.push((now, *token));
        }
        !is_due
    });
}

/// The token in a visitor's page. A fifth of the browsers show a page that they have cached for up to a day.
fn page_of(site: &Site, now: i64, random: &mut fastrand::Rng) -> Serial {
    let seen_at = if random.u8(0..5) == 0 { now - random.i64(0..DAY) } else { now };
    let seen = site.pages.iter().rev().find(|(since, _)| *since <= seen_at);
    seen.or(site.pages.first()).map(|page| page.1).unwrap()
}

fn pass(world: &mut World, seconds: i64) {
    let until = world.now.plus_ms(seconds * 1_000);
    for _ in 0..1_000 {
        let Some(due) = world.registry.next_alarm_at(world.now).filter(|at| *at <= until) else { break };
        world.now = world.now.max(due);
        for write in world.registry.due(world.now, 50) {
            world.registry.written(write.id, world.now);
        }
    }
    world.now = until;
}
