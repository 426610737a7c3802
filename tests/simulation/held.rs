//! Calls that wait at the registry for a change: the registry's side of the shell, which holds them.
//!
//! Mirrors `subscribe` and `wake` of `platform/registry_object.rs` await for await.

use crate::control::Instance;
use crate::engine::TaskId;
use crate::mutation::Mutation;
use crate::truth::Judge;
use crate::world::World;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wayleave::control::registry::command::{Answer, Call, Fault};
use wayleave::control::registry::{Reception, Ticket};
use wayleave::limits::WAKE_BATCH_MAX;

/// The tasks of the calls that an instance holds.
#[derive(Default)]
pub(crate) struct HeldCalls(pub RefCell<BTreeMap<Ticket, TaskId>>);

impl World {
    /// Holds a call as long as the registry says; `None` when no answer is sent.
    pub(crate) async fn subscribed(
        self: &Rc<Self>,
        instance: &Rc<Instance>,
        request: Call,
    ) -> Option<Answer> {
        if self.control.is_earlier_release.get() {
            return Some(Answer::Refused(Fault::Internal));
        }
        let now = instance.now(self);
        let (number, mut reception) = match request.clone() {
            Call::Subscribe(call) => (call.isolate, instance.registry.borrow_mut().subscribe(call, now)),
            Call::Relay(call) => (call.relay, instance.registry.borrow_mut().relay(call, now)),
            _ => return None,
        };
        instance.database.take_statements();
        // The call is a report too.
        if instance.answers_leave(self) {
            self.learn_retirements(instance);
        }
        self.set_alarm(instance);
        self.wake(instance);
        self.judge_held(instance);
        while let Reception::Waits { ticket, for_ms } = reception {
            let place = Place { world: self, instance, ticket };
            instance.held.0.borrow_mut().insert(ticket, self.engine.current());
            self.log(|| format!("registry: holds a call of isolate {number} for {for_ms} ms"));
            let timed_ms = if self.engine.sleep_or_wake(for_ms.into()).await { 0 } else { for_ms };
            if instance.dead.get() {
                return None;
            }
            place.leave();
            reception = instance.registry.borrow_mut().resume(ticket, timed_ms, instance.now(self));
            instance.database.take_statements();
        }
        let Reception::Answered(answer) = reception else { return None };
        let answer = instance.altered_push(self, answer);
        self.set_alarm(instance);
        let early = self.mutation() == Some(Mutation::PushedBeforeCommit);
        (early || instance.answers_leave(self)).then(|| self.answer_as_written(&request, answer))
    }

    /// Wakes the calls that lack a change, some at a time.
    pub(crate) fn wake(self: &Rc<Self>, instance: &Rc<Instance>) {
        if self.mutation() == Some(Mutation::NeverWakes) {
            return;
        }
        let (world, instance) = (Rc::clone(self), Rc::clone(instance));
        self.engine.spawn(async move {
            loop {
                let now = instance.now(&world);
                let random = &mut || world.chance.number();
                let due = instance.registry.borrow_mut().due_calls(now, WAKE_BATCH_MAX, random);
                instance.database.take_statements();
                if due.is_empty() {
                    return;
                }
                world.engine.sleep(0).await;
                for ticket in due {
                    if let Some(task) = instance.held.0.borrow_mut().remove(&ticket) {
                        world.engine.wake(task);
                    }
                }
            }
        });
    }

    /// The object that held these calls has ended: its callers notice at once, or when their time is over.
    pub(crate) fn hang_up(&self, held: &HeldCalls) {
        let tasks: Vec<TaskId> = held.0.borrow().values().copied().collect();
        for task in tasks {
            if self.chance.percent(50) {
                self.engine.wake(task);
            }
        }
    }

    fn judge_held(&self, instance: &Instance) {
        let (held, most) = (instance.registry.borrow().held_calls(), self.shape.held_calls_max);
        if held > most {
            self.violated(Judge::Load, format!("the registry holds {held} calls, at most {most}"));
        }
    }
}

/// The place of a held call. A caller that is cut off leaves it.
struct Place<'a> {
    world: &'a World,
    instance: &'a Instance,
    ticket: Ticket,
}

impl Place<'_> {
    /// The call goes on.
    fn leave(self) {
        self.instance.held.0.borrow_mut().remove(&self.ticket);
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.instance.held.0.borrow_mut().remove(&self.ticket);
        // The platform need not say that a caller is gone.
        if self.world.chance.percent(50)
            && let Ok(mut registry) = self.instance.registry.try_borrow_mut()
        {
            registry.hung_up(self.ticket);
        }
    }
}
