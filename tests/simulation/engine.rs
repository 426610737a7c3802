//! Virtual time: tasks are plain futures, polled one at a time when they are due. There are no threads,
//! clocks or sleeps.
//!
//! Requests are written as `async`, so that they read like the platform's code, with the same awaits in the
//! same places. Dropping one cancels it between any two awaits, as the platform does.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Identifies one task, and no other ever.
pub(crate) type TaskId = usize;

#[derive(Default)]
pub(crate) struct Engine {
    now: Cell<i64>,
    /// When to poll which task. The middle number keeps the order of tasks due at the same instant.
    queue: RefCell<BinaryHeap<Reverse<(i64, u64, TaskId)>>>,
    order: Cell<u64>,
    tasks: RefCell<Vec<Option<Task>>>,
    current: Cell<TaskId>,
    polls: Cell<u64>,
    /// Tasks to be woken from [`Engine::sleep_or_wake`].
    woken: RefCell<BTreeSet<TaskId>>,
}

impl Engine {
    /// True time in milliseconds since the Unix epoch. Only judges may use it.
    pub(crate) fn now(&self) -> i64 {
        self.now.get()
    }

    /// The number of polls so far.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.get()
    }

    pub(crate) fn start_at(&self, now: i64) {
        self.now.set(now);
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) -> TaskId {
        let id = self.tasks.borrow().len();
        self.tasks.borrow_mut().push(Some(Box::pin(task)));
        self.poll_at(self.now.get(), id);
        id
    }

    /// The task is never polled again. Must not be the running task.
    pub(crate) fn cancel(&self, id: TaskId) {
        let task = self.tasks.borrow_mut().get_mut(id).and_then(Option::take);
        drop(task);
    }

    /// Runs until `end`, or until `stop` returns true.
    pub(crate) fn run_until(&self, end: i64, stop: impl Fn() -> bool) {
        while !stop() {
            let Some(&Reverse((at, _, id))) = self.queue.borrow().peek() else { break };
            if at > end {
                break;
            }
            self.queue.borrow_mut().pop();
            self.now.set(self.now.get().max(at));
            self.poll(id);
            self.polls.set(self.polls.get() + 1);
        }
        self.now.set(self.now.get().max(end));
    }

    /// Tasks hold the world that holds them, so they must be dropped at its end.
    pub(crate) fn clear(&self) {
        let tasks = self.tasks.take();
        drop(tasks);
        self.queue.take();
    }

    fn poll(&self, id: TaskId) {
        let Some(mut task) = self.tasks.borrow_mut()[id].take() else { return };
        self.current.set(id);
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.tasks.borrow_mut()[id] = Some(task);
        }
    }

    fn poll_at(&self, at: i64, id: TaskId) {
        let order = self.order.get();
        self.order.set(order + 1);
        self.queue.borrow_mut().push(Reverse((at, order, id)));
    }

    /// The task that runs.
    pub(crate) fn current(&self) -> TaskId {
        self.current.get()
    }

    /// Ends the task's [`Engine::sleep_or_wake`].
    pub(crate) fn wake(&self, task: TaskId) {
        self.woken.borrow_mut().insert(task);
        self.poll_at(self.now.get(), task);
    }

    /// As [`Engine::sleep`], or until another task wakes this one: then true.
    pub(crate) async fn sleep_or_wake(&self, ms: i64) -> bool {
        let task = self.current.get();
        self.woken.borrow_mut().remove(&task);
        let mut sleep = self.sleep(ms);
        std::future::poll_fn(|context| {
            if self.woken.borrow_mut().remove(&task) {
                return Poll::Ready(true);
            }
            Pin::new(&mut sleep).poll(context).map(|()| false)
        })
        .await
    }

    /// Completes after `ms` milliseconds, but never at once: other tasks always run in between.
    pub(crate) fn sleep(&self, ms: i64) -> Sleep<'_> {
        Sleep { engine: self, until: self.now.get() + ms.max(0), asked: false }
    }
}

pub(crate) struct Sleep<'a> {
    engine: &'a Engine,
    until: i64,
    asked: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if !self.asked {
            self.asked = true;
            self.engine.poll_at(self.until, self.engine.current.get());
            return Poll::Pending;
        }
        if self.engine.now() >= self.until { Poll::Ready(()) } else { Poll::Pending }
    }
}
