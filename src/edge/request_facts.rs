//! The facts of a request that the data plane reads, as the platform read them in one call.
//!
//! What it must not know: routes, tokens, decisions.

use crate::base::headers::Headers;
use crate::edge::credential::Carriers;
use crate::formats::origin::OriginEvidence;
use crate::http::cors::RequestingPage;

/// The facts of a request, as read in one call to JavaScript.
#[derive(Clone, Debug)]
pub struct RequestFacts<'a> {
    /// The method as sent. Methods are case-sensitive.
    pub method: &'a str,
    /// The absolute URL, as [`url_as_called`](crate::edge::receive::url_as_called) gives it.
    pub url: &'a str,
    /// The headers named by [`header_names`](crate::edge::receive::header_names).
    pub headers: Headers<'a>,
    /// Names of all other headers whose value contains the prefix of a token: lower case, separated by
    /// commas.
    pub token_headers: &'a str,
}

impl<'a> RequestFacts<'a> {
    /// The parts of the request that may hold a credential.
    pub(crate) fn carriers<'h>(&'h self, query: Option<&'a str>) -> Carriers<'a, 'h> {
        Carriers { headers: &self.headers, others: self.token_headers, query }
    }

    /// What the request says of where it comes from. `own_origin`: the origin that it was sent to.
    pub(crate) fn evidence(&self, own_origin: &'a str) -> OriginEvidence<'a> {
        OriginEvidence {
            origin: self.headers.get("origin"),
            referer: self.headers.get("referer"),
            sec_fetch_site: self.headers.get("sec-fetch-site"),
            own_origin,
        }
    }

    /// The requesting page, when no record says whether its origin is named.
    pub(crate) fn unnamed_page(&self) -> RequestingPage<'a> {
        RequestingPage { origin: self.headers.get("origin"), is_named: false }
    }
}
