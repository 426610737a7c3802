//! Tests of `formats/list`.

use super::*;

fn change(serial: u32, status: SerialStatus, version: u32) -> Change {
    Change { serial: Serial(serial), status, version }
}

#[test]
fn the_delta_has_the_last_word_and_the_base_the_rest() {
    let number = |n| Number { epoch: 1, n };
    let base = Base::empty(1).fold(
        [
            change(1, SerialStatus::Revoked, 2),
            change(2, SerialStatus::Disabled, 3),
            change(3, SerialStatus::Good, 4),
        ],
        [],
        number(5),
    );
    let sha256 = crate::formats::key::sha256(&base.body().unwrap());
    let head = DeltaHead {
        number: number(9),
        this_update: UnixMillis(1_000),
        next_update: UnixMillis(61_000),
        base: number(5),
        base_sha256: sha256,
        since: 5,
        since_sha256: sha256,
        changed: 9,
        highest_serial: Serial(9),
    };
    let changes = [change(2, SerialStatus::Good, 3), change(3, SerialStatus::Revoked, 5)];
    let opened = OpenedDelta { delta: Delta::new(head, changes, [KeyId(4)]), sealed_by: KeyId(1) };
    assert_eq!(RevocationList::of(Rc::new(OpenedBase::empty(1)), opened.clone()), None);
    let base = Rc::new(OpenedBase { base, sha256 });
    let list = RevocationList::of(base, opened).unwrap();
    let says = |serial| (list.status(Serial(serial)), list.record_version(Serial(serial)));
    assert_eq!(
        [1, 2, 3, 4].map(says),
        [
            (SerialStatus::Revoked, 2),
            (SerialStatus::Good, 3),
            (SerialStatus::Revoked, 5),
            (SerialStatus::Good, 1)
        ]
    );
    assert!(list.retires(KeyId(4)) && !list.retires(KeyId(1)));
    assert_eq!(list.number().to_string(), "1.9");
}
