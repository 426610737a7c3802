//! Several futures of one request under way at the same time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// What a request has under way.
pub type UnderWay<'a, T> = Vec<Pin<Box<dyn Future<Output = T> + 'a>>>;

/// Waits until one of them ends, and removes it. Never ends when there is none.
pub async fn first_of<T>(under_way: &mut UnderWay<'_, T>) -> T {
    poll_fn(|context| {
        for at in 0..under_way.len() {
            let polled = under_way.get_mut(at).map(|future| future.as_mut().poll(context));
            if let Some(Poll::Ready(value)) = polled {
                drop(under_way.swap_remove(at));
                return Poll::Ready(value);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    #[test]
    fn the_first_that_ends_is_taken_out_and_the_others_stay() {
        let mut under_way: UnderWay<'_, u8> =
            vec![Box::pin(pending()), Box::pin(ready(2)), Box::pin(ready(3))];
        let mut next = || {
            let mut first = Box::pin(first_of(&mut under_way));
            first.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        assert_eq!([next(), next(), next()], [Poll::Ready(2), Poll::Ready(3), Poll::Pending]);
        assert_eq!(under_way.len(), 1);
    }
}
