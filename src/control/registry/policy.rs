//! A token's settings: given at creation, copied by `clone_of`, and edited.
//!
//! Standard: docs/lifecycle.md, "Life".
//! Invariants: a new token has the settings of the clone, or the defaults, overridden by the fields given. An
//! audience is one that the deployment has. A token for routes to which pages may send cookies names the
//! origins that may use it.
//! What it must not know: storage, status, time.
//! What a mistake costs: a setting lost in a clone or an edit is a policy that is silently not enforced
//! (false accept).

use super::command::{FieldFault, TokenEdit, TokenPolicy};
use super::settings::RegistrySettings;
use crate::formats::origin::{OriginMode, OriginRules, RuleError};
use serde_json::{Map, Value};

impl TokenPolicy {
    /// The policy of a token that is not a clone. Audiences are required here. The admin API has filled them
    /// in if the deployment has only one.
    pub(super) fn new(given: TokenEdit, settings: &RegistrySettings) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let label = given.label.unwrap_or_else(|| {
            faults.push(required("label", "what people call the token"));
            String::new()
        });
        let origins = given.origins.unwrap_or_else(|| {
            faults.push(required("origins", "\"any\", or a list of 1 to 50 rules"));
            // The request is refused below because of the fault. Until then the policy admits nothing.
            OriginRules::Rules(Vec::new())
        });
        let given = TokenEdit { label: Some(label), origins: Some(origins), ..given };
        let policy = Self::laid_over(None, given);
        faults.extend(audience_faults(&policy.audiences, settings));
        faults.extend(policy.distribute_fault());
        faults.extend(policy.cookie_faults(settings));
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// This policy with the fields given laid over it. Audiences, and what they ask of origins, are checked
    /// only when they are given: one that the deployment has dropped since, or opened to cookies, must not
    /// stop an edit of the label.
    pub(super) fn edited(
        &self,
        given: TokenEdit,
        settings: &RegistrySettings,
    ) -> Result<Self, Vec<FieldFault>> {
        let mut faults =
            given.audiences.as_ref().map_or(Vec::new(), |audiences| audience_faults(audiences, settings));
        let is_about_origins =
            given.audiences.is_some() || given.origins.is_some() || given.origin_mode.is_some();
        let policy = Self::laid_over(Some(self), given);
        faults.extend(policy.distribute_fault());
        if is_about_origins {
            faults.extend(policy.cookie_faults(settings));
        }
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// The settings given, laid over those of `base`, or over the defaults. Every setting is named here once.
    fn laid_over(base: Option<&Self>, given: TokenEdit) -> Self {
        let origins = given.origins.or_else(|| base.map(|base| base.origins.clone()));
        Self {
            label: given.label.or_else(|| base.map(|base| base.label.clone())).unwrap_or_default(),
            owner: given.owner.unwrap_or_else(|| base?.owner.clone()),
            external_id: given.external_id.unwrap_or_else(|| base?.external_id.clone()),
            metadata: given.metadata.unwrap_or_else(|| base?.metadata.clone()),
            // Without any, the policy admits nothing.
            origins: origins.unwrap_or(OriginRules::Rules(Vec::new())),
            origin_mode: given.origin_mode.or(base.map(|base| base.origin_mode)).unwrap_or_default(),
            missing_origin: given.missing_origin.or(base.map(|base| base.missing_origin)).unwrap_or_default(),
            audiences: match given.audiences {
                Some(audiences) => without_repeats(audiences),
                None => base.map(|base| base.audiences.clone()).unwrap_or_default(),
            },
            rate: given.rate.unwrap_or_else(|| base?.rate.clone()),
            quota: given.quota.unwrap_or_else(|| base?.quota),
            methods: given.methods.unwrap_or_else(|| base?.methods),
            paths: given.paths.unwrap_or_else(|| base?.paths.clone()),
            scope_mode: given.scope_mode.or(base.map(|base| base.scope_mode)).unwrap_or_default(),
            claims: given.claims.unwrap_or_else(|| base?.claims.clone()),
            protected: given.protected.or(base.map(|base| base.protected)).unwrap_or_default(),
            distribute: given.distribute.or(base.map(|base| base.distribute)).unwrap_or_default(),
            auto_rotate: given.auto_rotate.unwrap_or_else(|| base?.auto_rotate.clone()),
        }
    }

    /// The faults of a token for cookie routes that names no origins. If it worked from any origin, every
    /// site could read what a visitor's cookies give access to.
    fn cookie_faults(&self, settings: &RegistrySettings) -> Vec<FieldFault> {
        let takes_cookies = |audience| settings.credential_audiences.contains(audience);
        if !self.audiences.iter().any(takes_cookies) {
            return Vec::new();
        }
        // A missing list of origins has a fault of its own already, and is empty here.
        let names_none = !self.origins.name_origins() && self.origins != OriginRules::Rules(Vec::new());
        let is_report = self.origin_mode == OriginMode::Report;
        let faults = [("origins", names_none, NAME_ORIGINS), ("origin_mode", is_report, ENFORCE_ORIGINS)];
        let faults = faults.into_iter().filter(|(_, holds, _)| *holds);
        faults.map(|(field, _, detail)| field_fault(field, "needs_origins", detail)).collect()
    }

    /// A token that works from any origin must not be handed out to every page.
    fn distribute_fault(&self) -> Option<FieldFault> {
        let open = self.distribute && self.origins == OriginRules::Any;
        let detail = "not together with origins \"any\": name the sites that may fetch the token";
        open.then(|| field_fault("distribute", "needs_origins", detail))
    }

    /// A copy for a new token, overridden by the fields given. All audiences are checked: a new token for an
    /// audience without a route would be useless.
    pub(super) fn cloned(
        &self,
        given: TokenEdit,
        settings: &RegistrySettings,
    ) -> Result<Self, Vec<FieldFault>> {
        let policy = self.edited(given, settings)?;
        let mut faults = audience_faults(&policy.audiences, settings);
        faults.extend(policy.cookie_faults(settings));
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// Returns this policy, unless it contains a rule that would be refused today. For clones: a token and
    /// its successors keep their rules, but no other token is made with them.
    pub(super) fn without_public_suffix_rules(self) -> Result<Self, Vec<FieldFault>> {
        let OriginRules::Rules(rules) = &self.origins else { return Ok(self) };
        let refused = rules.iter().enumerate().filter(|(_, rule)| rule.covers_sites_of_others());
        let error = RuleError::PublicSuffix;
        let faults: Vec<_> = refused
            .map(|(at, _)| field_fault(&format!("origins[{at}]"), error.code(), error.detail()))
            .collect();
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// The text that `q` searches: label, owner and external id in lower case, separated by line ends.
    pub(super) fn search_text(&self) -> String {
        let fields = [Some(&self.label), self.owner.as_ref(), self.external_id.as_ref()];
        let present: Vec<&str> = fields.into_iter().flatten().map(String::as_str).collect();
        present.join("\n").to_lowercase()
    }

    /// The fields of `self` that differ from `other`, as a JSON object for the audit.
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

fn audience_faults(audiences: &[String], settings: &RegistrySettings) -> Vec<FieldFault> {
    if audiences.is_empty() {
        return vec![required("audiences", "at least one audience of this deployment")];
    }
    let unknown = audiences.iter().enumerate().filter(|(_, audience)| !settings.audiences.contains(audience));
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

const NAME_ORIGINS: &str = "a list that names the sites that may use it, not \"any\" or every extension \
    alone: pages may send cookies to a route of its audiences (credentials in ROUTES), and a site that no \
    rule names must not read what those open. Or leave that audience out";
const ENFORCE_ORIGINS: &str = "\"enforce\": pages may send cookies to a route of its audiences (credentials \
    in ROUTES), and a site that no rule names must not read what those open. Or leave that audience out";
