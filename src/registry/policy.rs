//! A token's settings: what can be given at creation, copied by `clone_of`, and edited.
//!
//! Standard: DESIGN section 7, `POST /tokens` and `PATCH /tokens/{id}`.
//! Invariants: a new token's settings are the clone's or the defaults, with the fields given laid over them; an audience
//! is one that the deployment has.
//! What it must not know: storage, status, time.
//! What a mistake costs: a setting lost in a clone or an edit is a policy that silently is not enforced (false accept).

use super::command::{AutoRotate, FieldFault, TokenEdit};
use crate::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::rate::ClassName;
use serde::Serialize;
use serde_json::{Map, Value};

/// Everything about a token that an operator chooses and can edit. Serialised as audit events show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Policy {
    pub(super) label: String,
    pub(super) owner: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) origins: OriginRules,
    pub(super) origin_mode: OriginMode,
    pub(super) missing_origin: MissingOrigin,
    pub(super) audiences: Vec<String>,
    pub(super) rate: Option<ClassName>,
    pub(super) protected: bool,
    pub(super) distribute: bool,
    pub(super) auto_rotate: Option<AutoRotate>,
}

impl Policy {
    /// The policy of a token that is no clone. That the audience may be left out where there is one is the admin API's to
    /// know: it has filled it in.
    pub(super) fn new(given: TokenEdit, deployment_audiences: &[String]) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let label = given.label.unwrap_or_else(|| {
            faults.push(required("label", "what people call the token"));
            String::new()
        });
        let origins = given.origins.unwrap_or_else(|| {
            faults.push(required("origins", "\"any\", or a list of 1 to 50 rules"));
            // Refused above; until then the policy that admits nothing.
            OriginRules::Rules(Vec::new())
        });
        let audiences = given.audiences.unwrap_or_default();
        let policy = Self {
            label,
            owner: given.owner.flatten(),
            external_id: given.external_id.flatten(),
            metadata: given.metadata.flatten(),
            origins,
            origin_mode: given.origin_mode.unwrap_or_default(),
            missing_origin: given.missing_origin.unwrap_or_default(),
            audiences: without_repeats(audiences),
            rate: given.rate.flatten(),
            protected: given.protected.unwrap_or_default(),
            distribute: given.distribute.unwrap_or_default(),
            auto_rotate: given.auto_rotate.flatten(),
        };
        faults.extend(audience_faults(&policy.audiences, deployment_audiences));
        faults.extend(policy.distribute_fault());
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// This policy with the fields given laid over it. Audiences are checked only when given: one that the deployment
    /// has dropped since must not stop an edit of the label.
    pub(super) fn edited(
        &self,
        given: TokenEdit,
        deployment_audiences: &[String],
    ) -> Result<Self, Vec<FieldFault>> {
        if let Some(audiences) = &given.audiences {
            let faults = audience_faults(audiences, deployment_audiences);
            if !faults.is_empty() {
                return Err(faults);
            }
        }
        let policy = Self {
            label: given.label.unwrap_or_else(|| self.label.clone()),
            owner: given.owner.unwrap_or_else(|| self.owner.clone()),
            external_id: given.external_id.unwrap_or_else(|| self.external_id.clone()),
            metadata: given.metadata.unwrap_or_else(|| self.metadata.clone()),
            origins: given.origins.unwrap_or_else(|| self.origins.clone()),
            origin_mode: given.origin_mode.unwrap_or(self.origin_mode),
            missing_origin: given.missing_origin.unwrap_or(self.missing_origin),
            audiences: given.audiences.map_or_else(|| self.audiences.clone(), without_repeats),
            rate: given.rate.unwrap_or_else(|| self.rate.clone()),
            protected: given.protected.unwrap_or(self.protected),
            distribute: given.distribute.unwrap_or(self.distribute),
            auto_rotate: given.auto_rotate.unwrap_or_else(|| self.auto_rotate.clone()),
        };
        policy.distribute_fault().map_or(Ok(policy), |fault| Err(vec![fault]))
    }

    /// A token that works from anywhere is not given out to whoever asks.
    fn distribute_fault(&self) -> Option<FieldFault> {
        let open = self.distribute && self.origins == OriginRules::Any;
        let detail = "not together with origins \"any\": name the sites that may fetch the token";
        open.then(|| field_fault("distribute", "needs_origins", detail))
    }

    /// A copy for a new token, the fields given laid over it. Here every audience is checked: a new token for one that
    /// no route has would be good for nothing.
    pub(super) fn cloned(
        &self,
        given: TokenEdit,
        deployment_audiences: &[String],
    ) -> Result<Self, Vec<FieldFault>> {
        let policy = self.edited(given, deployment_audiences)?;
        let faults = audience_faults(&policy.audiences, deployment_audiences);
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// What `q` is looked for in: label, owner and external id in lower case. A line end keeps them apart.
    pub(super) fn search_text(&self) -> String {
        let fields = [Some(&self.label), self.owner.as_ref(), self.external_id.as_ref()];
        let present: Vec<&str> = fields.into_iter().flatten().map(String::as_str).collect();
        present.join("\n").to_lowercase()
    }

    /// The fields of `self` that differ from `other`, as a JSON object, for the audit.
    pub(super) fn difference(&self, other: Option<&Self>) -> Value {
        let fields = |policy: &Self| match serde_json::to_value(policy) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let others = other.map(fields).unwrap_or_default();
        let differing = fields(self).into_iter().filter(|(name, value)| others.get(name) != Some(value));
        Value::Object(differing.collect())
    }
}

fn without_repeats(audiences: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(audiences.len());
    for audience in audiences {
        if !kept.contains(&audience) {
            kept.push(audience);
        }
    }
    kept
}

fn audience_faults(audiences: &[String], deployment_audiences: &[String]) -> Vec<FieldFault> {
    if audiences.is_empty() {
        return vec![required("audiences", "at least one audience of this deployment")];
    }
    let unknown =
        audiences.iter().enumerate().filter(|(_, audience)| !deployment_audiences.contains(audience));
    unknown
        .map(|(index, _)| {
            field_fault(
                &format!("audiences[{index}]"),
                "unknown_audience",
                "an audience that a route of this deployment has",
            )
        })
        .collect()
}

fn required(field: &str, detail: &str) -> FieldFault {
    field_fault(field, "required", detail)
}

pub(super) fn field_fault(field: &str, code: &str, detail: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}
