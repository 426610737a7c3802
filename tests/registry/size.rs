//! The size of the registry after a year in which tokens are rotated every month, used, and ended by the
//! registry. `WAYLEAVE_TOKENS=10000 cargo test --release --test registry size -- --nocapture` sets the number
//! of tokens.

use crate::world::{DAY, World, as_usual, new_token};
use wayleave::base::database::Value;
use wayleave::control::registry::command::{Answer, Command, Lifetime, NewToken, TokenState};

/// Most bytes that a rotation may take: two rows of tokens and some events. At this size 10,000 tokens
/// rotated monthly fill the 10 GB of a Durable Object in twelve years; retention deletes rows long before.
const BYTES_PER_ROTATION_MAX: i64 = 7_000;
const ROTATIONS: i64 = 12;

/// The size of the database in bytes after a year with `tokens` tokens.
fn bytes_after_a_year(tokens: i64) -> i64 {
    let mut world = World::new();
    let families: Vec<_> = (0..tokens)
        .map(|_| {
            let new =
                NewToken { lifetime: Some(Lifetime::ExpiresIn(60 * DAY)), ..new_token("a customer's site") };
            world.create(new).0.family
        })
        .collect();
    for _ in 0..ROTATIONS {
        for family in &families {
            let rotate = Command::RotateFamily { family: family.clone(), rotate: Box::new(as_usual()) };
            let Answer::Rotated(made) = world.ask(rotate) else { panic!() };
            world.used(made.token.serial);
        }
        world.days_pass(30);
    }
    for family in &families {
        let states: Vec<_> = world.family(family).tokens.iter().map(|token| token.state).collect();
        assert_eq!(states[..2], [TokenState::Active, TokenState::Revoked]);
    }
    let bytes =
        world.database.one("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()");
    let Value::Integer(bytes) = bytes else { panic!("{bytes:?}") };
    bytes
}

#[test]
fn a_year_of_rotations_is_bounded_and_grows_with_their_number_alone() {
    let given = std::env::var("WAYLEAVE_TOKENS").ok().map(|tokens| tokens.parse::<i64>().unwrap());
    let tokens = given.unwrap_or(40);
    let (half, whole) = (bytes_after_a_year(tokens / 2), bytes_after_a_year(tokens));
    let per_rotation = (whole - half) / (tokens / 2 * ROTATIONS);
    println!("{tokens} tokens rotated {ROTATIONS} times: {whole} bytes, {per_rotation} a rotation");
    assert!(per_rotation <= BYTES_PER_ROTATION_MAX, "{per_rotation}");
    assert!(whole <= half * 2 + half / 4, "{half} bytes for half as many, {whole} for all");
}
