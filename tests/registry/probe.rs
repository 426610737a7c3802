//! Probes: a list at once, and where it has arrived.

use crate::world::{START, World, edit_label, holding, settings};
use wayleave::control::registry::command::{
    Answer, Call, Command, ListAskedBy, ProbeView, Subscribe, TokenState,
};
use wayleave::formats::holding::{Holding, Took};
use wayleave::formats::key::KeyId;
use wayleave::formats::list::Number;
use wayleave::formats::token::Serial;
use wayleave::limits::TRAFFIC_LASTS_MS;

impl World {
    fn probed(&mut self, command: Command) -> ProbeView {
        let begins = matches!(command, Command::BeginProbe(_));
        match self.ask(command) {
            Answer::Probe { probe, begun } => {
                assert_eq!(begun, begins);
                *probe
            }
            other => panic!("{other:?}"),
        }
    }

    fn owes_list(&mut self) -> bool {
        let writes = self.registry.due(self.now, 100);
        for write in &writes {
            self.registry.written(write.id, self.now);
        }
        writes.iter().any(|write| write.key == "list/delta")
    }

    fn report(&mut self, location: &str, number: Number) {
        let took = vec![Took { after: 0, changed: number.n, ago_ms: 0 }];
        let holding = holding(number, took);
        assert_eq!(self.request(Call::Report { location: location.into(), holding }), Answer::Reported);
    }
}

#[test]
fn a_probe_publishes_a_list_that_locations_tell_of() {
    let mut world = World::new();
    let serial = world.token().serial;
    let revoked = world.revoke(serial);
    assert!(world.owes_list());
    world.seconds_pass(3_600);
    let before = world.list();
    let read = world.probed(Command::GetProbe(serial));
    assert_eq!((&read.receipt, read.probe_list_number), (&revoked, (1, before.delta().head.changed)));
    assert!(!world.owes_list(), "reading publishes nothing");

    let begun = world.probed(Command::BeginProbe(serial));
    assert_eq!(begun.receipt, revoked, "the change is the same");
    assert!(world.owes_list());
    let list = world.list();
    assert_eq!(begun.probe_list_number, (1, list.number().n));
    assert_eq!(list.delta().head.changed, list.number().n, "new to locations, so they tell");
    // Not more often than locations report.
    world.seconds_pass(4);
    assert_eq!(world.probed(Command::BeginProbe(serial)).probe_list_number, begun.probe_list_number);
    assert!(!world.owes_list());
    world.seconds_pass(1);
    assert!(world.probed(Command::BeginProbe(serial)).probe_list_number > begun.probe_list_number);
    assert_eq!(world.actions().iter().filter(|action| action.contains("probe")).count(), 0);
}

#[test]
fn locations_and_idleness_are_told() {
    let mut world = World::new();
    let serial = world.token().serial;
    assert!(world.probed(Command::GetProbe(serial)).is_idle, "there never was any traffic");
    let number = world.list().number();
    assert!(!world.probed(Command::GetProbe(serial)).is_idle);
    world.report("FRA", number);
    world.seconds_pass(60);
    world.report("NRT", number);
    let probe = world.probed(Command::GetProbe(serial));
    let told: Vec<_> = probe.locations.iter().map(|one| (one.id.as_str(), one.list_number, one.at)).collect();
    assert_eq!(told, [("FRA", (1, number.n), START), ("NRT", (1, number.n), world.now)]);
    // Another instance still knows of them.
    world.restart(settings());
    let probe = world.probed(Command::GetProbe(serial));
    assert_eq!((probe.locations.len(), probe.is_idle), (2, false));
    world.now = world.now.plus_ms(TRAFFIC_LASTS_MS + 1);
    assert!(world.probed(Command::GetProbe(serial)).is_idle);
}

#[test]
fn the_receipt_is_that_of_the_latest_change_of_any_kind() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.list();
    let never = world.probed(Command::GetProbe(serial));
    assert_eq!(
        (never.receipt.state, never.receipt.list_number),
        (TokenState::Active, never.probe_list_number)
    );
    assert_eq!(never.receipt.effective_by, START.plus_ms(60_000).ceil_seconds().plus_seconds(2));
    world.seconds_pass(100);
    assert_eq!(world.probed(Command::GetProbe(serial)).receipt, never.receipt);

    let disabled = world.receipt(Command::DisableToken(serial));
    world.list();
    let (_, edited) = world.edit(serial, edit_label("b"));
    assert!(edited.list_number > disabled.list_number);
    assert_eq!(world.probed(Command::GetProbe(serial)).receipt, edited);
    assert_eq!(world.get(serial).effective_by, Some(disabled.effective_by), "the disabling's own");
    world.activate(KeyId(2));
    let retired = world.retire(KeyId(1));
    let receipt = world.probed(Command::GetProbe(serial)).receipt;
    assert_eq!((receipt.state, receipt.list_number), (TokenState::Revoked, retired.list_number));
    assert_eq!(world.probed(Command::GetProbe(Serial(1))).receipt.reason.as_deref(), Some("key_retired"));
}

/// Each isolate that was heard from in the last minute counts, whatever it was heard by.
#[test]
fn a_location_is_confirmed_only_when_every_isolate_that_was_heard_from_lately_has_the_change() {
    let mut world = World::new();
    let serial = world.token().serial;
    let before = world.list().number();
    let hears = |world: &mut World, isolate, number| {
        let holding = Holding { isolate, ..holding(number, vec![]) };
        world.request(Call::Report { location: "FRA".into(), holding });
    };
    let asks = |world: &mut World, isolate, held| {
        let asked_by = ListAskedBy::Isolate { location: "FRA".into(), isolate, held };
        world.request(Call::List { bound_seconds: 60, asked_by });
    };
    let subscribes = |world: &mut World, isolate, number| {
        let holding = Some(Holding { isolate, ..holding(number, vec![]) });
        let (location, wait_ms) = ("FRA".to_owned(), 1_000);
        let call = Subscribe { location, isolate, bound_seconds: 60, wait_ms, holding };
        world.registry.subscribe(call, world.now);
    };
    hears(&mut world, 1, before);
    subscribes(&mut world, 2, before);
    asks(&mut world, 3, Some(before));
    // It holds no list, so it admits nothing.
    asks(&mut world, 4, None);
    let after = Number { n: world.revoke(serial).list_number.1, ..before };
    world.list();
    let confirmed = |world: &mut World| {
        let probe = world.probed(Command::GetProbe(serial));
        let location = probe.locations.first().unwrap().clone();
        assert_eq!(probe.locations.len(), 1);
        assert_eq!(location.list_number >= (1, after.n), location.isolates_holding == location.isolates);
        (location.isolates, location.isolates_holding)
    };
    assert_eq!(confirmed(&mut world), (3, 0));
    hears(&mut world, 1, after);
    assert_eq!(confirmed(&mut world), (3, 1));
    subscribes(&mut world, 2, after);
    // A line that ended without a report, and one that only asked for a list, may still hold the older one.
    assert_eq!(confirmed(&mut world), (3, 2));
    // After another instance took over too.
    world.seconds_pass(60);
    hears(&mut world, 1, after);
    world.restart(settings());
    assert_eq!(confirmed(&mut world), (3, 2));
    asks(&mut world, 3, Some(after));
    assert_eq!(confirmed(&mut world), (3, 3));
}
