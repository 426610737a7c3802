//! A deployment of many tokens, some revoked or edited, as its revocation list describes them.

use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::formats::key::{KeyId, KeyRing, sha256};
use wayleave::formats::list::{
    Base, Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, RevocationList, SerialStatus, seal_base,
};
use wayleave::formats::token::Serial;
use wayleave::limits::FOLD_AT_CHANGES;
use zeroize::Zeroizing;

/// The number of tokens, and of those revoked or edited. Which ones is drawn from a fixed seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    pub issued: u32,
    pub revoked_percent: u32,
    pub edited_percent: u32,
}

pub(crate) const NUMBER: Number = Number { epoch: 1, n: 7 };

pub(crate) fn ring() -> KeyRing {
    KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "growth")
}

impl Population {
    pub(crate) fn base(self) -> Base {
        let mut random = fastrand::Rng::with_seed(7);
        let mut happens = |percent: u32| random.u32(0..100) < percent;
        let changes = (1..=self.issued).filter_map(|serial| {
            let status =
                if happens(self.revoked_percent) { SerialStatus::Revoked } else { SerialStatus::Good };
            let version = if happens(self.edited_percent) { 2 } else { 1 };
            let changed = status != SerialStatus::Good || version > 1;
            changed.then_some(Change { serial: Serial(serial), status, version })
        });
        Base::empty(NUMBER.epoch).fold(changes, [], NUMBER)
    }

    /// The sealed base, as KV has it.
    pub(crate) fn sealed_base(self) -> Vec<u8> {
        seal_base(&ring(), KeyId(1), NUMBER, &self.base().body().unwrap()).unwrap()
    }

    /// The longest delta in ordinary operation: twice as many changes as make a new base.
    pub(crate) fn sealed_delta(self) -> Vec<u8> {
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
            status: if at % 2 == 0 { SerialStatus::Revoked } else { SerialStatus::Good },
            version: 2,
        });
        Delta::new(head, changes, []).seal(&ring(), KeyId(1)).unwrap()
    }
}

/// Combines both as an isolate does.
pub(crate) fn list(base: &[u8], delta: &[u8]) -> RevocationList {
    let opened: OpenedDelta = Delta::open(&ring(), delta).unwrap();
    RevocationList::of(Rc::new(OpenedBase::open(&ring(), NUMBER, base).unwrap()), opened).unwrap()
}
