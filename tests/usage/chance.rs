//! Randomness from one seed. The seed is printed, so that a run can be repeated: `WAYLEAVE_SEED=…`.

/// A random generator with the run's seed.
pub(crate) fn chance() -> fastrand::Rng {
    let seed = match std::env::var("WAYLEAVE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("WAYLEAVE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
