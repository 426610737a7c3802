//! The kind of world that a seed makes: its size, its bound, and the frequency of faults.

use crate::chance::Chance;
use std::ops::RangeInclusive;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// Bounds that a deployment may have; each occurs in some worlds.
pub(crate) const BOUNDS: [i64; 4] = [5, 10, 60, 300];

#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// B at the start, in seconds.
    pub bound_seconds: i64,
    /// In seconds; 0: lists are not read from KV.
    pub heartbeat_seconds: i64,
    /// Isolates in each location.
    pub isolates: Vec<usize>,
    /// How long faults occur, in milliseconds; then follows the calm tail.
    pub lasts_ms: i64,
    /// Requests in addition to those that follow a change.
    pub requests: i64,
    /// Number of operators' changes.
    pub changes: i64,
    /// Number of tokens at the start.
    pub tokens: usize,
    /// The longest time that a write to KV takes to reach a location.
    pub kv_delay_max_ms: i64,
    /// These are percentages of reads or writes.
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
    /// Number of episodes of trouble, and their kinds.
    pub episodes: i64,
    pub troubles: Vec<Trouble>,
    /// Some clocks are off by up to an hour. Only where no list is read from KV, because those clocks would
    /// tell its age.
    pub far_clocks: bool,
    /// Some tokens end during the run.
    pub short_lives: bool,
    /// At some time another key begins to sign, and the first one is retired.
    pub rotates_keys: bool,
    /// For how long one request waits at the registry for changes; 0: none does.
    pub push_seconds: i64,
    /// How long the first request of a silent isolate waits.
    pub silent_wait_ms: i64,
    /// Relays; 0: isolates wait at the registry.
    pub relays: usize,
    /// Most calls that the registry holds, and each relay.
    pub held_calls_max: usize,
}

/// A kind of trouble, which lasts for a while or happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    KvDown,
    RegistryDown,
    BothDown,
    /// One location reaches neither KV nor the registry.
    CutOff,
    /// One location's copy of KV is frozen for up to 3 hours.
    Stall,
    /// KV loses its latest writes.
    Rollback,
    /// Somebody alters values in KV.
    Tamper,
    Crash,
    /// A second registry instance starts while the first one still runs.
    Supersede,
    Evict,
    /// Everything takes seconds.
    Slow,
    /// The registry restarts while KV is down.
    CrashInKvOutage,
    /// The registry's storage is restored from a backup.
    Restore,
    /// One isolate is not run for up to 3 hours.
    Sleep,
    /// A location's cache loses its value.
    CacheEvict,
    /// The registry's code is a release older than the locations'.
    EarlierRelease,
    /// Isolates run an older release besides new ones, and the registry may write a later format.
    EarlierLocations,
    /// A clock is set, within 1 s of true time.
    ClockStep,
    /// B is lowered or raised, at different times in different places.
    Deploy,
    /// A relay is started anew.
    RelayEnds,
    /// No relay can be reached.
    RelaysAway,
}

pub(crate) const TROUBLES: [Trouble; 19] = [
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

/// Troubles of worlds with relays.
const RELAY_TROUBLES: [Trouble; 2] = [Trouble::RelayEnds, Trouble::RelaysAway];

impl Shape {
    /// How long a call to the registry or its answer is on its way.
    pub(crate) fn registry_ms(&self) -> RangeInclusive<i64> {
        2..=100
    }

    pub(crate) fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }

    /// A world without faults.
    pub(crate) fn ordinary(bound_seconds: i64, locations: usize) -> Self {
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
            push_seconds: 0,
            silent_wait_ms: 250,
            relays: 0,
            held_calls_max: 2_000,
        }
    }

    pub(crate) fn draw(chance: &Chance) -> Self {
        let bound_seconds = chance.one_of(&BOUNDS);
        let crowd = chance.percent(2);
        let locations = chance.within(if crowd { 13..=50 } else { 3..=12 });
        let isolates = (0..locations).map(|_| 1 + chance.index(3)).collect();
        let long = chance.percent(10);
        // Long enough for bases to follow each other.
        let unit_s = bound_seconds.max(30);
        let lasts_ms = if long { 4 * HOUR } else { 30 * SECOND + unit_s * SECOND * chance.within(5..=12) };
        // Each kind of fault is absent in half of the worlds, so that each one also occurs without the
        // others.
        let often = |most: i64| match chance.percent(50) {
            true => 0,
            false => u32::try_from(chance.within(0..=most)).unwrap(),
        };
        let far_clocks = bound_seconds < 60 && chance.percent(30);
        // A restored registry does not know a larger bound from the lost period.
        let restores = chance.percent(25);
        let wanted = |trouble: &Trouble| match trouble {
            Trouble::Deploy => chance.percent(50) && !far_clocks && !restores,
            Trouble::Restore => restores,
            _ => chance.percent(50),
        };
        let drawn = Self {
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
            push_seconds: chance.one_of(&[20, 20, 20, 25, 5, 0]),
            silent_wait_ms: chance.one_of(&[250, 250, 250, 0]),
            held_calls_max: chance.one_of(&[2_000, 2_000, 3]),
            relays: 0,
        };
        drawn.with_relays()
    }

    /// Relays in half of the worlds. Not drawn: a seed makes the same world as before there were relays.
    fn with_relays(mut self) -> Self {
        self.relays = [1, 2, 0, 0][usize::try_from(self.requests % 4).unwrap()];
        if self.relays > 0 && self.requests % 8 < 4 {
            self.troubles.extend(RELAY_TROUBLES);
        }
        self
    }
}
