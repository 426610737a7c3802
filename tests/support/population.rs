//! A deployment of many tokens, some of them revoked or edited, as its revocation list has them.

use std::rc::Rc;
use wayleave::key::{KeyId, KeyRing, sha256};
use wayleave::limits::FOLD_AT_CHANGES;
use wayleave::list::{
    Base, Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, RevocationList, Status, seal_base,
};
use wayleave::time::UnixMillis;
use wayleave::token::Serial;
use zeroize::Zeroizing;

/// How many tokens there are, and what became of them. Which ones is drawn from a fixed seed.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    pub issued: u32,
    pub revoked_percent: u32,
    pub edited_percent: u32,
}

pub const NUMBER: Number = Number { epoch: 1, n: 7 };

pub fn ring() -> KeyRing {
    KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "growth")
}

impl Population {
    pub fn base(self) -> Base {
        let mut random = fastrand::Rng::with_seed(7);
        let mut happens = |percent: u32| random.u32(0..100) < percent;
        let changes = (1..=self.issued).filter_map(|serial| {
            let status = if happens(self.revoked_percent) { Status::Revoked } else { Status::Good };
            let version = if happens(self.edited_percent) { 2 } else { 1 };
            let changed = status != Status::Good || version > 1;
            changed.then_some(Change { serial: Serial(serial), status, version })
        });
        Base::empty(NUMBER.epoch).fold(changes, [], NUMBER)
    }

    /// The sealed base, as KV has it.
    pub fn sealed_base(self) -> Vec<u8> {
        seal_base(&ring(), KeyId(1), NUMBER, &self.base().body().unwrap()).unwrap()
    }

    /// The longest delta that ordinarily occurs: as many changes as make a new base, twice.
    pub fn sealed_delta(self) -> Vec<u8> {
        let body = self.base().body().unwrap();
        let head = DeltaHead {
            number: Number { n: 9_000, ..NUMBER },
            this_update: UnixMillis(1_795_312_800_250),
            next_update: UnixMillis(1_795_312_860_250),
            base: NUMBER,
            base_sha256: sha256(&body),
            since: NUMBER.n,
            since_sha256: sha256(&body),
            changed: 8_999,
            highest_serial: Serial(self.issued),
        };
        let mut random = fastrand::Rng::with_seed(8);
        let changes = (0..2 * FOLD_AT_CHANGES).map(|at| Change {
            serial: Serial(random.u32(1..=self.issued)),
            status: if at % 2 == 0 { Status::Revoked } else { Status::Good },
            version: 2,
        });
        Delta::new(head, changes, []).seal(&ring(), KeyId(1)).unwrap()
    }
}

/// What an isolate does with what it read.
pub fn list(base: &[u8], delta: &[u8]) -> RevocationList {
    let opened: OpenedDelta = Delta::open(&ring(), delta).unwrap();
    RevocationList::of(Rc::new(OpenedBase::open(&ring(), NUMBER, base).unwrap()), opened).unwrap()
}
