//! Chance from one seed, printed, so that a run can be had again: `WAYLEAVE_SEED=…`.

/// A source of chance.
pub fn chance() -> fastrand::Rng {
    let seed = match std::env::var("WAYLEAVE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("WAYLEAVE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
