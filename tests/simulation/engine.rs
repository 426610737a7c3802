//! Virtual time: tasks are plain futures, polled one at a time when their instant comes. No thread, no clock, no sleep.
//!
//! Written as `async` so that a request here reads as the platform's own code does, with the same awaits in the same
//! places, and can be cancelled between any two of them by dropping it, as the platform does.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Names a task for ever.
pub type TaskId = usize;

#[derive(Default)]
pub struct Engine {
    now: Cell<i64>,
    /// When which task is to be polled; the middle number keeps the order of those at one instant.
    queue: RefCell<BinaryHeap<Reverse<(i64, u64, TaskId)>>>,
    order: Cell<u64>,
    tasks: RefCell<Vec<Option<Task>>>,
    current: Cell<TaskId>,
    polls: Cell<u64>,
}

impl Engine {
    /// True time, milliseconds since the Unix epoch. Nobody in the world may see it; judges do.
    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// How often a task went on.
    pub fn polls(&self) -> u64 {
        self.polls.get()
    }

    pub fn start_at(&self, now: i64) {
        self.now.set(now);
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) -> TaskId {
        let id = self.tasks.borrow().len();
        self.tasks.borrow_mut().push(Some(Box::pin(task)));
        self.poll_at(self.now.get(), id);
        id
    }

    /// The task never goes on. Not for the task that is running.
    pub fn cancel(&self, id: TaskId) {
        let task = self.tasks.borrow_mut().get_mut(id).and_then(Option::take);
        drop(task);
    }

    /// Runs until `end` or until `stop` says so.
    pub fn run_until(&self, end: i64, stop: impl Fn() -> bool) {
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

    /// Tasks hold the world that holds them: at its end they must go.
    pub fn clear(&self) {
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

    /// Ready in `ms` milliseconds. Never at once: others always come between.
    pub fn sleep(&self, ms: i64) -> Sleep<'_> {
        Sleep { engine: self, until: self.now.get() + ms.max(0), asked: false }
    }
}

pub struct Sleep<'a> {
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
