//! Request bodies as vectors. tests/vectors/admin_requests.json keeps this code's verdict on each;
//! tests/vectors/openapi.test.mjs checks them against the published schemas, so that code and schemas cannot
//! diverge.

use super::support::{deployment, faults};
use super::vectors;
use serde_json::{Value, json};
use wayleave::control::admin::operation::ID;
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::formats::family::{FamilyId, RANDOM_BYTES};

/// Operation, method, path, and bodies.
fn requests() -> Vec<(&'static str, &'static str, &'static str, Vec<Value>)> {
    let long = "x".repeat(201);
    let token = deployment().token(5);
    vec![
        (
            "createToken",
            "POST",
            "/tokens",
            vec![
                json!({"label": "x", "origins": "any"}),
                json!({
                    "label": "x",
                    "origins": ["https://example.com", "*.example.org:*"],
                    "expires_in": 60,
                }),
                json!({
                    "label": "ü ",
                    "origins": "any",
                    "owner": null,
                    "external_id": null,
                    "metadata": null,
                    "rate": null,
                }),
                json!({
                    "label": "x",
                    "origins": "any",
                    "metadata": {"a": [1, {"b": null}]},
                    "protected": true,
                }),
                json!({
                    "label": "x",
                    "origins": "any",
                    "expires_at": "2030-01-01T00:00:00+02:00",
                    "origin_mode": "report",
                }),
                json!({"clone_of": "tok_5", "audiences": ["weather"], "missing_origin": "allow"}),
                json!({"label": "x", "origins": []}),
                json!({"label": "x", "origins": "all"}),
                json!({"label": "x", "origins": vec!["a.example"; 51]}),
                json!({"label": "x", "origins": [7]}),
                json!({"label": long, "origins": "any"}),
                json!({"label": "  ", "origins": "any"}),
                json!({"label": null, "origins": "any"}),
                json!({"label": "x", "origins": "any", "external_id": "é"}),
                json!({"label": "x", "origins": "any", "metadata": "text"}),
                json!({"label": "x", "origins": "any", "rate": "page"}),
                json!({"label": "x", "origins": "any", "rate": "Not a name"}),
                json!({"label": "x", "origins": "any", "quota": {"requests": 1, "per": "day"}}),
                json!({"label": "x", "origins": "any", "quota": {"requests": 0, "per": "day"}}),
                json!({"label": "x", "origins": "any", "quota": {"requests": 1.5, "per": "month"}}),
                json!({
                    "label": "x",
                    "origins": "any",
                    "quota": {"requests": 1_000_000_000_001_u64, "per": "day"},
                }),
                json!({"label": "x", "origins": "any", "quota": {"requests": "9", "per": "hour"}}),
                json!({"label": "x", "origins": "any", "quota": {"requests": 9}}),
                json!({"label": "x", "origins": "any", "quota": 9}),
                json!({
                    "label": "x",
                    "origins": "any",
                    "quota": {"requests": 9, "per": "day", "counts": "owner"},
                }),
                json!({"label": "x", "origins": "any", "expires_in": 59}),
                json!({"label": "x", "origins": "any", "expires_in": "60"}),
                json!({"label": "x", "origins": "any", "origin_mode": "off"}),
                json!({"label": "x", "origins": "any", "audiences": []}),
                json!({"label": "x", "origins": "any", "audiences": ["weather", "weather"]}),
                json!({"label": "x", "origins": "any", "protected": 1}),
                json!({"label": "x", "origins": "any", "distribute": true}),
                json!({"clone_of": "tok_05"}),
                json!({
                    "clone_of": "tok_5",
                    "methods": ["GET", "PUT"],
                    "paths": ["/v1/tiles/*", "/v1"],
                    "scope_mode": "report",
                    "claims": {"plan": "free", "max": 1.5, "of": [true, "x"]},
                }),
                json!({"clone_of": "tok_5", "methods": null, "paths": null, "claims": null}),
                json!({"clone_of": "tok_5", "methods": []}),
                json!({"clone_of": "tok_5", "methods": ["get"]}),
                json!({"clone_of": "tok_5", "methods": ["GET", "GET"]}),
                json!({"clone_of": "tok_5", "paths": "/v1"}),
                json!({"clone_of": "tok_5", "paths": ["v1"]}),
                json!({"clone_of": "tok_5", "paths": vec!["/v1"; 51]}),
                json!({"clone_of": "tok_5", "scope_mode": "off"}),
                json!({"clone_of": "tok_5", "claims": []}),
                json!({"clone_of": "tok_5", "claims": {"a": {}}}),
                json!({"clone_of": "tok_5", "claims": {"a": [[]]}}),
            ],
        ),
        (
            "editToken",
            "PATCH",
            "/tokens/tok_1",
            vec![
                json!({}),
                json!({"label": "x", "owner": null}),
                json!({"expires_in": 60}),
                json!({"clone_of": "tok_1"}),
            ],
        ),
        (
            "rotateToken",
            "POST",
            "/tokens/tok_1/rotate",
            vec![
                json!({}),
                json!({"revoke_old": {"when": "after"}}),
                json!({
                    "revoke_old": {"when": "after", "after_seconds": 0, "drain_seconds": 0, "strict": true},
                }),
                json!({"revoke_old": {"when": "first_use", "drain_seconds": 60, "deadline_seconds": 600}}),
                json!({"revoke_old": {"when": "never"}, "expires_in": 3_600, "label": "next"}),
                json!({
                    "revoke_old": {"when": "now"},
                    "supersede": "original",
                    "force": true,
                    "revoke_oldest": true,
                }),
                json!({"revoke_old": "now"}),
                json!({"revoke_old": {"drain_seconds": 60}}),
                json!({"revoke_old": {"when": "later"}}),
                json!({"revoke_old": {"when": "now", "drain_seconds": 60}}),
                json!({"revoke_old": {"when": "after", "deadline_seconds": 60}}),
                json!({"revoke_old": {"when": "after", "after_seconds": -1}}),
                json!({"supersede": "both"}),
                json!({"clone_of": "tok_1"}),
            ],
        ),
        (
            "rotateTokens",
            "POST",
            "/tokens/rotate",
            vec![
                json!({"filter": {"owner": "ann"}}),
                json!({
                    "filter": {"expiring_within_seconds": 86_400, "has_successor": false},
                    "dry_run": true,
                }),
                json!({"filter": {}}),
                json!({}),
                json!({"filter": {"state": "gone"}}),
                json!({"filter": {"limit": 5}}),
                json!({"filter": {"owner": "ann"}, "limit": 101}),
            ],
        ),
        (
            "disableTokens",
            "POST",
            "/tokens/disable",
            vec![
                json!({"filter": {"ids": ["tok_1", "tok_2"]}, "dry_run": true}),
                json!({"filter": {"warning": "unused", "rate": "page"}, "expect": 3, "limit": 7}),
                json!({"filter": {"ids": []}}),
                json!({"filter": {"ids": "tok_1"}}),
                json!({"filter": {"ids": ["tok_1", "1"]}}),
                json!({"filter": {"warning": "whim"}}),
                json!({"filter": {"q": "a"}, "reason": "leaked"}),
            ],
        ),
        ("enableTokens", "POST", "/tokens/enable", vec![json!({"filter": {"owner": "ann"}}), json!({})]),
        (
            "changeOwner",
            "POST",
            "/tokens/change-owner",
            vec![
                json!({"filter": {"owner": "ann"}, "owner": "bob"}),
                json!({"filter": {"owner": "ann"}, "owner": null, "dry_run": true}),
                json!({"filter": {"owner": "ann"}}),
                json!({"filter": {"owner": "ann"}, "owner": 7}),
            ],
        ),
        (
            "revokeTokens",
            "POST",
            "/tokens/revoke",
            vec![
                json!({"filter": {"key_id": 1, "unused_for_seconds": 1}, "reason": "leaked", "expect": 3}),
                json!({"filter": {"q": "a"}, "include_protected": true}),
                json!({"filter": {"owner": "ann"}, "kind": "owner_removed"}),
                json!({"filter": {"owner": "ann"}, "kind": "whim"}),
                json!({"filter": []}),
                json!({"filter": {"has_successor": "no"}}),
                json!({"filter": {"q": "a"}, "expect": -1}),
            ],
        ),
        (
            "revokeToken",
            "POST",
            "/tokens/tok_1/revoke",
            vec![
                json!({}),
                json!({"reason": "leaked", "force": true}),
                json!({"reason": null}),
                json!({"force": "yes"}),
            ],
        ),
        (
            "revokeFamily",
            "POST",
            "/families/{id}/revoke",
            vec![
                json!({}),
                json!({"reason": "leaked", "include_protected": true}),
                json!({"reason": 7}),
                json!({"force": true}),
            ],
        ),
        (
            "endToken",
            "POST",
            "/tokens/tok_1/end",
            vec![
                json!({"at": null}),
                json!({"at": "2030-01-01T00:00:00.5+02:00", "force": true}),
                json!({}),
                json!({"at": "tomorrow"}),
                json!({"at": 1_900_000_000}),
                json!({"at": null, "reason": "x"}),
            ],
        ),
        ("probeToken", "POST", "/tokens/tok_1/probe", vec![json!({}), json!({"force": true})]),
        ("testWebhook", "POST", "/notices/test", vec![json!({}), json!({"force": true})]),
        ("activateSigningKey", "POST", "/signing-keys/2/activate", vec![json!({}), json!({"force": true})]),
        (
            "retireSigningKey",
            "POST",
            "/signing-keys/2/retire",
            vec![json!({}), json!({"force": true}), json!({"force": null}), json!({"reason": "leaked"})],
        ),
        ("disableToken", "POST", "/tokens/tok_1/disable", vec![json!({}), json!({"reason": "x"})]),
        ("enableToken", "POST", "/tokens/tok_1/enable", vec![json!({}), json!({"force": true})]),
        (
            "lookupToken",
            "POST",
            "/tokens/lookup",
            vec![json!({"token": token}), json!({}), json!({"token": 7})],
        ),
        (
            "testOrigin",
            "POST",
            "/origin-test",
            vec![
                json!({"origins": "any"}),
                json!({
                    "origins": ["example.com"],
                    "origin": "null",
                    "referer": "",
                    "sec_fetch_site": "none",
                }),
                json!({"origin": "https://example.com"}),
                json!({"origins": "any", "origin": null}),
            ],
        ),
        (
            "setLicence",
            "POST",
            "/licences",
            vec![
                json!({"owner": "Ann", "ends_at": "2030-01-01T00:00:00Z"}),
                json!({"external_id": "c-1", "ends_at": null, "include_protected": true}),
                json!({"family": ID, "ends_at": "2030-01-01T00:00:00Z"}),
                json!({"owner": "Ann"}),
                json!({"owner": null, "ends_at": null}),
                json!({"owner": "  ", "ends_at": null}),
                json!({"external_id": "é", "ends_at": null}),
                json!({"owner": "Ann", "ends_at": "2030-01-01"}),
                json!({"owner": "Ann", "ends_at": 1_900_000_000}),
                json!({"owner": "Ann", "ends_at": null, "at": null}),
            ],
        ),
        (
            "switchOwnerOff",
            "POST",
            "/owners/switch-off",
            vec![
                json!({"owner": "Ann", "reason": "left", "include_protected": true}),
                json!({"owner": "Ann"}),
                json!({}),
                json!({"owner": "Ann", "reason": 7}),
            ],
        ),
        (
            "switchOwnerOn",
            "POST",
            "/owners/switch-on",
            vec![
                json!({"owner": "Ann"}),
                json!({}),
                json!({"owner": ""}),
                json!({"owner": "Ann", "reason": "x"}),
            ],
        ),
        (
            "createAdminKey",
            "POST",
            "/admin-keys",
            vec![
                json!({"label": "ci", "role": "viewer"}),
                json!({"label": "ci", "role": "owner", "expires_at": null}),
                json!({"label": "ci", "role": "distributor", "expires_at": "2030-01-01T00:00:00Z"}),
                json!({"label": "ci"}),
                json!({"label": "ci", "role": "root"}),
                json!({"label": "ci", "role": "viewer", "expires_in": 60}),
            ],
        ),
    ]
}

#[test]
fn what_is_said_to_each_body_is_kept() {
    let deployment = deployment();
    let mut rows = Vec::new();
    let family = FamilyId::mint([4; RANDOM_BYTES], &deployment.check_keys.family);
    for (operation, method, path, bodies) in requests() {
        let path = path.replace(ID, family.as_str());
        for body in bodies {
            let errors = match deployment.call(method, &path, &body.to_string()) {
                Ok(_) => Vec::new(),
                Err(problem) => faults(&problem),
            };
            rows.push(
                json!({"operation": operation, "body": body, "taken": errors.is_empty(), "errors": errors}),
            );
        }
    }
    vectors::check("admin_requests.json", &Value::from(rows));
}

/// An operation whose fields no vector shows would not be compared with its published schema.
#[test]
fn every_shape_of_a_body_has_vectors() {
    let named: Vec<_> = requests().into_iter().map(|(operation, ..)| operation).collect();
    let shapes = || OPERATIONS.iter().filter_map(|operation| Some((operation.id, operation.body?)));
    // Its body names the caller, and is never a command.
    for (id, shape) in shapes().filter(|(id, _)| *id != "createSession") {
        let shown = shapes().any(|(other, same)| named.contains(&other) && std::ptr::eq(same, shape));
        assert!(shown, "{id} has a body that no vector shows");
    }
}
