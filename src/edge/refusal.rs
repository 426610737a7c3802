//! Wayleave's own answers to the data plane's callers, with the headers that let a page read them.

use crate::edge::request_facts::RequestFacts;
use crate::edge::route::Route;
use crate::http::cors;
use crate::http::cors::{HeaderEdits, RequestingPage};
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// A problem as an answer that the requesting page may read. `route` is `None` when no route matches.
#[must_use]
pub(crate) fn refusal(problem: impl Into<Problem>, route: Option<&Route>, facts: &RequestFacts<'_>) -> Reply {
    refusal_to(problem, route, facts.unnamed_page())
}

/// As [`refusal`], for a page of which more is known than its origin.
pub(crate) fn refusal_to(
    problem: impl Into<Problem>,
    route: Option<&Route>,
    page: RequestingPage<'_>,
) -> Reply {
    edited(Reply::problem(problem), cors::refused(route.map(Route::cors), page))
}

/// The same answer, so that the requesting page may read it.
pub(crate) fn readable(reply: Reply, route: Option<&Route>, facts: &RequestFacts<'_>) -> Reply {
    edited(reply, cors::refused(route.map(Route::cors), facts.unnamed_page()))
}

/// The same answer with these headers set.
pub(crate) fn edited(mut reply: Reply, edits: HeaderEdits<'_>) -> Reply {
    for (name, value) in edits.set {
        reply.set(name, value.into_owned());
    }
    reply
}
