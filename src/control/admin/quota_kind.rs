//! `{requests, per, counts}`: a quota as a field of a request.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: a quota allows one request at least: to end a token it is revoked or disabled.
//! What a mistake costs: a quota that is larger, or counts less, than its sender meant (false accept).

use super::context::Context;
use super::fields::{Faults, Kind};
use super::kinds::{Choice, WholeNumber};
use crate::control::registry::command::{Quota, QuotaCounts};
use crate::formats::usage::period::Per;
use crate::limits;
use serde_json::{Value, json};

pub(super) struct QuotaKind;

const REQUESTS: WholeNumber = WholeNumber { min: 1, max: limits::QUOTA_REQUESTS_MAX };
const PER: Choice<Per> = Choice(&[("day", Per::Day), ("month", Per::Month)]);
const COUNTS: Choice<QuotaCounts> = Choice(&[("token", QuotaCounts::Token), ("family", QuotaCounts::Family)]);

impl Kind for QuotaKind {
    type Value = Quota;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<Quota> {
        let Some(members) = value.as_object() else {
            faults.add(at, "wrong_type", "null, or an object with requests and per");
            return None;
        };
        let unknown = members.keys().filter(|name| !["requests", "per", "counts"].contains(&name.as_str()));
        let unknown: Vec<_> = unknown.collect();
        for name in &unknown {
            faults.add(&format!("{at}.{name}"), "unknown_field", "no such field here");
        }
        let mut needed = |name: &str| {
            let value = members.get(name);
            if value.is_none() {
                faults.add(&format!("{at}.{name}"), "required", "this field must be given");
            }
            value
        };
        let (requests, per) = (needed("requests"), needed("per"));
        let requests = requests.and_then(|it| REQUESTS.read(it, &format!("{at}.requests"), context, faults));
        let per = per.and_then(|it| PER.read(it, &format!("{at}.per"), context, faults));
        let counts = match members.get("counts") {
            Some(it) => COUNTS.read(it, &format!("{at}.counts"), context, faults),
            None => Some(QuotaCounts::default()),
        };
        let quota =
            Quota { requests: requests.and_then(|it| u64::try_from(it).ok())?, per: per?, counts: counts? };
        unknown.is_empty().then_some(quota)
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object", "required": ["requests", "per"], "additionalProperties": false,
            "properties": {
                "requests": REQUESTS.schema(), "per": PER.schema(), "counts": COUNTS.schema(),
            },
        })
    }
}
