//! The settings of the data plane, checked and complete.
//!
//! What it must not know: variables and their names; settings that only the control plane uses.
//! What a mistake costs: a guarded API is served on the console's host, or the admin API on every host.

use crate::base::time::UnixMillis;
use crate::edge::credential::CredentialSources;
use crate::edge::decide::{Known, OnUnknown, RecordFact};
use crate::edge::freshness::{ListHolder, PushTerms, Terms};
use crate::edge::plane::Plane;
use crate::edge::route::{Route, Routes, ServedHost};
use crate::formats::key::{KeyRing, TagKey};
use crate::formats::origin::Origin;
use crate::formats::rate_class::RateClasses;

/// What the data plane needs to decide and to forward.
#[derive(Debug)]
pub struct EdgeSettings {
    /// The APIs behind the gateway, by host and path.
    pub routes: Routes,
    /// Which planes this service has.
    pub plane: Plane,
    /// Hosts, with port if written, that serve only admin API and console. If empty, every host serves the
    /// admin API.
    pub control_hosts: Vec<ServedHost>,
    /// The places in which a request may carry its token, unless its route has its own.
    pub credential_sources: CredentialSources,
    /// The revocation bound B and the durations derived from it.
    pub terms: Terms,
    /// The durations of calls that wait at the registry for a change. `None`: there are none.
    pub push: Option<PushTerms>,
    /// The decision when a location cannot know whether a token is revoked.
    pub on_unknown: OnUnknown,
    /// The rate classes that a token can have.
    pub rate_classes: RateClasses,
    /// The header, in lower case, in which the proxy in front gives the caller's address.
    pub client_ip_header: String,
    /// The header, in lower case, in which the proxy in front gives the scheme of the caller's URL. `None`:
    /// the scheme of the request's own URL is used.
    pub client_scheme_header: Option<String>,
    /// Whether some refused requests are kept for the tail of refusals.
    pub keeps_refusals: bool,
    /// The keys that sign tokens.
    pub ring: KeyRing,
    /// The key that recognises family ids.
    pub family_key: TagKey,
}

impl EdgeSettings {
    /// The places in which a request may carry its token: the route's own, or else the deployment's. `None`
    /// is a request to Wayleave itself.
    pub(crate) fn sources<'a>(&'a self, route: Option<&'a Route>) -> &'a CredentialSources {
        route.and_then(Route::credential_sources).unwrap_or(&self.credential_sources)
    }

    /// What is known when a decision is made. `now` must have been read after the last await.
    pub(crate) fn known<'k>(
        &'k self,
        lists: &'k ListHolder,
        record: &'k RecordFact,
        now: UnixMillis,
    ) -> Known<'k> {
        Known { lists, terms: &self.terms, on_unknown: self.on_unknown, record, now }
    }

    /// The headers, in lower case, in which the proxy in front tells of the caller.
    pub fn headers_of_the_proxy(&self) -> impl Iterator<Item = &str> {
        let scheme = self.client_scheme_header.as_deref();
        std::iter::once(self.client_ip_header.as_str()).chain(scheme)
    }

    /// Whether the guarded APIs are served at this origin (`scheme://host[:port]`). Never on control hosts,
    /// since an upstream's content would share the console's origin.
    #[must_use]
    pub fn has_apis(&self, own_origin: &str) -> bool {
        self.plane.has_data() && !self.is_control_host(own_origin)
    }

    /// Whether the admin API is served at this origin: on control hosts, or everywhere if there are none.
    #[must_use]
    pub fn has_admin_api(&self, own_origin: &str) -> bool {
        self.plane.has_control() && (self.control_hosts.is_empty() || self.is_control_host(own_origin))
    }

    /// Whether console and sessions are served at this origin: on control hosts. Without control hosts, only
    /// on loopback, since elsewhere an upstream's content would share the console's origin.
    #[must_use]
    pub fn has_console(&self, own_origin: &str) -> bool {
        if !self.plane.has_control() || !self.control_hosts.is_empty() {
            return self.plane.has_control() && self.is_control_host(own_origin);
        }
        match Origin::parse_header(own_origin) {
            Some(Origin::Tuple(origin)) => origin.is_loopback(),
            _ => false,
        }
    }

    fn is_control_host(&self, own_origin: &str) -> bool {
        self.control_hosts.iter().any(|host| host.serves_origin(own_origin))
    }
}
