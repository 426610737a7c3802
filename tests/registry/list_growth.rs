//! How long lists of very many tokens take: `WAYLEAVE_TOKENS=1000000 cargo test --release --test registry
//! list_growth -- --nocapture`, which `make growth` runs. It prints times and asserts none of them.

use crate::list_index::{SORTS, empty_index, fill, filters, world_of};
use crate::world::{World, all};
use std::time::{Duration, Instant};
use wayleave::control::admin::{Rendering, UsageSeen, render};
use wayleave::control::registry::command::{Answer, Command, Sort, SortBy, TokenFilter};

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let made = act();
    (made, began.elapsed())
}

fn ms(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}

/// The time of the first page, with and without its total, and of a page further down.
fn list(world: &mut World, filter: &TokenFilter) -> (usize, [Duration; 3]) {
    let page = |(below, below_key), wants_total| {
        Command::ListTokens(TokenFilter { limit: 50, below, below_key, wants_total, ..filter.clone() })
    };
    let mut ask = |command| match world.ask(command) {
        Answer::Tokens { items, next, next_key, .. } => (items.len(), (next, next_key)),
        other => panic!("{other:?}"),
    };
    let ((count, next), first) = timed(|| ask(page((None, None), false)));
    let (_, with_total) = timed(|| ask(page((None, None), true)));
    let (_, second) = timed(|| ask(page(next, false)));
    (count, [first, with_total, second])
}

#[test]
fn lists_of_many_tokens() {
    let given = std::env::var("WAYLEAVE_TOKENS").ok().map(|tokens| tokens.parse::<u64>().unwrap());
    let (mut world, made) = timed(|| world_of(given.unwrap_or(2_000)));
    empty_index(&mut world);
    println!("{} tokens, made in {}", given.unwrap_or(2_000), ms(made));
    let (steps, filled) = timed(|| fill(&mut world));
    println!("index filled in {steps} steps, {} each", ms(filled / u32::try_from(steps).unwrap()));
    println!("| list | rows | first page | with its total | next page |");
    println!("|---|---|---|---|---|");
    let sorted = |by, ascending| TokenFilter { sort: Sort { by, ascending }, ..all() };
    let questions = SORTS.into_iter().flat_map(|by| [sorted(by, true), sorted(by, false)]);
    let of_filters = filters().into_iter().flat_map(|filter| {
        let by_label = Sort { by: SortBy::Label, ascending: true };
        [filter.clone(), TokenFilter { sort: by_label, ..filter }]
    });
    for question in questions.chain(of_filters) {
        let (count, [first, with_total, second]) = list(&mut world, &question);
        let what = format!("{question:?}").replace("None", "");
        let what: Vec<_> = what.split(", ").filter(|part| !part.ends_with(": ")).collect();
        println!("| {} | {count} | {} | {} | {} |", what.join(" "), ms(first), ms(with_total), ms(second));
    }
    for what in ["first", "again"] {
        let now = world.now;
        let (text, took) = timed(|| {
            render(world.ask(Command::Metrics), &Rendering::Metrics, UsageSeen::Off, now).body.unwrap()
        });
        println!("/metrics, {what}: {}, {} bytes", ms(took), text.len());
    }
    let (_, took) = timed(|| world.ask(Command::Status));
    println!("/status: {}", ms(took));
}
