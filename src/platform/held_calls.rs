//! The calls that the registry's object holds. Each awaits a promise, which is resolved to wake it.
//!
//! Every call of an object shares the object's context, so one may resolve a promise that another awaits.
//! What it must not know: who is woken when. The registry's core decides that.
//! What a mistake costs: a call is answered only when its time is over.

use super::crossing;
use crate::control::registry::Ticket;
use js_sys::{Function, Promise};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::Request;

/// The calls that are held.
#[derive(Default)]
pub(super) struct HeldCalls {
    /// What resolves the promise of each.
    resolvers: RefCell<BTreeMap<Ticket, Function>>,
    waking: Rc<Cell<bool>>,
}

/// Held by the one task that wakes calls.
pub(super) struct Waking(Rc<Cell<bool>>);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It was woken before its time.
    Woken,
    /// Its time is over.
    Over,
    /// The caller is gone.
    HungUp,
}

/// One held call. Its entry is removed when it is dropped.
pub(super) struct Place<'a> {
    calls: &'a HeldCalls,
    ticket: Ticket,
    woken: Promise,
}

impl HeldCalls {
    /// Takes the place of `ticket`.
    pub(super) fn take(&self, ticket: Ticket) -> Place<'_> {
        let woken = Promise::new(&mut |resolve, _reject| {
            self.resolvers.borrow_mut().insert(ticket, resolve);
        });
        Place { calls: self, ticket, woken }
    }

    /// The right to wake calls; `None` while another task has it.
    pub(super) fn waking(&self) -> Option<Waking> {
        (!self.waking.replace(true)).then(|| Waking(Rc::clone(&self.waking)))
    }

    /// Resolves the promise of `ticket`.
    pub(super) fn wake(&self, ticket: Ticket) {
        let resolve = self.resolvers.borrow_mut().remove(&ticket);
        if let Some(resolve) = resolve {
            // A promise's resolve function does not throw.
            drop(resolve.call0(&JsValue::UNDEFINED));
        }
    }
}

impl Place<'_> {
    /// Waits until it is woken, for at most `for_ms`, or until the caller is gone.
    pub(super) async fn wait(&self, request: &Request, for_ms: u32) -> Waited {
        let waited = JsFuture::from(crossing::held(request.inner(), &self.woken, for_ms)).await;
        match waited.ok().and_then(|how| how.as_string()).as_deref() {
            Some("over") => Waited::Over,
            Some("gone") => Waited::HungUp,
            _ => Waited::Woken,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.calls.resolvers.borrow_mut().remove(&self.ticket);
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
