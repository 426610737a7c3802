//! What kind of world a seed makes: its size, its bound, and how often what goes wrong.

use crate::chance::Chance;
use std::ops::RangeInclusive;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// Bounds that a deployment may have; all of them are met by some worlds.
pub const BOUNDS: [i64; 4] = [5, 10, 60, 300];

#[derive(Clone, Debug)]
pub struct Shape {
    /// B at the start, seconds.
    pub bound_seconds: i64,
    /// 0: KV is left out for lists.
    pub heartbeat_seconds: i64,
    /// Isolates of each location.
    pub isolates: Vec<usize>,
    /// How long things go wrong, milliseconds; then comes the calm tail.
    pub lasts_ms: i64,
    /// Requests beside those that probe a change.
    pub requests: i64,
    /// Operators' changes.
    pub changes: i64,
    /// Tokens at the start.
    pub tokens: usize,
    /// How long a write to KV is on its way to a location at most.
    pub kv_delay_max_ms: i64,
    /// Of a hundred reads or writes each.
    pub kv_slow: u32,
    pub kv_fails: u32,
    pub kv_write_fails: u32,
    pub kv_write_fails_late: u32,
    pub kv_write_lost: u32,
    pub kv_write_doubled: u32,
    pub kv_stale: u32,
    pub cache_fails: u32,
    pub cache_lies: u32,
    pub registry_slow: u32,
    pub registry_fails: u32,
    pub answer_lost: u32,
    pub crash_in_call: u32,
    pub cancelled: u32,
    pub alarm_late: u32,
    pub alarm_dropped: u32,
    /// Episodes of trouble, and which kinds.
    pub episodes: i64,
    pub troubles: Vec<Trouble>,
    /// Some clocks are off by up to an hour. Only where no list is read from KV: that age would be told by them.
    pub far_clocks: bool,
    /// Some tokens end while the world runs.
    pub short_lives: bool,
    /// Another key signs from some moment on, and the first is retired.
    pub rotates_keys: bool,
}

/// Something that lasts a while, or happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    KvDown,
    RegistryDown,
    BothDown,
    /// One location reaches neither.
    CutOff,
    /// One location's copy of KV stands still, up to 3 hours.
    Stall,
    /// KV gives up what it was told lately.
    Rollback,
    /// Somebody alters what KV holds.
    Tamper,
    Crash,
    /// A second registry instance starts while the first still runs.
    Supersede,
    Evict,
    /// Everything takes seconds.
    Slow,
    /// The registry starts anew while KV is down.
    CrashInKvOutage,
    /// The registry's storage is put back from a backup.
    Restore,
    /// One isolate is not run for up to 3 hours.
    Sleep,
    /// A location's cache forgets.
    CacheEvict,
    /// The registry's code is a release older than the locations'.
    EarlierRelease,
    /// Isolates run an older release beside new ones, and what the registry writes may be of a later one.
    EarlierLocations,
    /// A clock is set, within 1 s of true time.
    ClockStep,
    /// B is lowered or raised, here sooner, there later.
    Deploy,
}

pub const TROUBLES: [Trouble; 19] = [
    Trouble::KvDown,
    Trouble::RegistryDown,
    Trouble::BothDown,
    Trouble::CutOff,
    Trouble::Stall,
    Trouble::Rollback,
    Trouble::Tamper,
    Trouble::Crash,
    Trouble::Supersede,
    Trouble::Evict,
    Trouble::Slow,
    Trouble::CrashInKvOutage,
    Trouble::Restore,
    Trouble::Sleep,
    Trouble::CacheEvict,
    Trouble::EarlierRelease,
    Trouble::EarlierLocations,
    Trouble::ClockStep,
    Trouble::Deploy,
];

impl Shape {
    /// How long a call is on its way to the registry, or an answer back.
    pub fn registry_ms(&self) -> RangeInclusive<i64> {
        2..=100
    }

    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }

    /// Nothing goes wrong.
    pub fn ordinary(bound_seconds: i64, locations: usize) -> Self {
        Self {
            bound_seconds,
            heartbeat_seconds: 10,
            isolates: vec![1; locations],
            lasts_ms: 0,
            requests: 0,
            changes: 0,
            tokens: 0,
            kv_delay_max_ms: 5_000,
            kv_slow: 0,
            kv_fails: 0,
            kv_write_fails: 0,
            kv_write_fails_late: 0,
            kv_write_lost: 0,
            kv_write_doubled: 0,
            kv_stale: 0,
            cache_fails: 0,
            cache_lies: 0,
            registry_slow: 0,
            registry_fails: 0,
            answer_lost: 0,
            crash_in_call: 0,
            cancelled: 0,
            alarm_late: 0,
            alarm_dropped: 0,
            episodes: 0,
            troubles: Vec::new(),
            far_clocks: false,
            short_lives: false,
            rotates_keys: false,
        }
    }

    pub fn draw(chance: &Chance) -> Self {
        let bound_seconds = chance.one_of(&BOUNDS);
        let crowd = chance.percent(2);
        let locations = chance.within(if crowd { 13..=50 } else { 3..=12 });
        let isolates = (0..locations).map(|_| 1 + chance.index(3)).collect();
        let long = chance.percent(10);
        // Long enough for bases to follow each other.
        let unit_s = bound_seconds.max(30);
        let lasts_ms = if long { 4 * HOUR } else { 30 * SECOND + unit_s * SECOND * chance.within(5..=12) };
        // Half of the faults are unknown to a world, so that each is also met without the others.
        let often = |most: i64| match chance.percent(50) {
            true => 0,
            false => u32::try_from(chance.within(0..=most)).unwrap(),
        };
        let far_clocks = bound_seconds < 60 && chance.percent(30);
        // Of a bound that was larger in the lost time a restored registry knows nothing.
        let restores = chance.percent(25);
        let wanted = |trouble: &Trouble| match trouble {
            Trouble::Deploy => chance.percent(50) && !far_clocks && !restores,
            Trouble::Restore => restores,
            _ => chance.percent(50),
        };
        Self {
            bound_seconds,
            heartbeat_seconds: chance.one_of(&[10, 10, 10, 30, 0]),
            isolates,
            lasts_ms,
            requests: chance.within(100..=400),
            changes: chance.within(4..=20),
            tokens: 3 + chance.index(6),
            kv_delay_max_ms: chance.one_of(&[200, 2_000, 10_000, 60_000, 600_000]),
            kv_slow: often(30),
            kv_fails: often(30),
            kv_write_fails: often(40),
            kv_write_fails_late: often(30),
            kv_write_lost: often(10),
            kv_write_doubled: often(20),
            kv_stale: often(20),
            cache_fails: often(40),
            cache_lies: often(20),
            registry_slow: often(30),
            registry_fails: often(30),
            answer_lost: often(20),
            crash_in_call: often(15),
            cancelled: often(15),
            alarm_late: often(30),
            alarm_dropped: often(15),
            episodes: chance.within(0..=12),
            troubles: TROUBLES.iter().copied().filter(wanted).collect(),
            far_clocks,
            short_lives: !far_clocks && chance.percent(40),
            rotates_keys: chance.percent(20),
        }
    }
}
