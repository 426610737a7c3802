//! No request makes the API panic, whatever it contains, and every refusal has a stable code.

use super::support::deployment;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;
use wayleave::control::admin::operation::{ID, Operation};
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::admin::{AdminRequest, OPENAPI_JSON, RequestBody};

/// JSON of any form. It uses the names of real fields often enough that their values are read.
fn any_json() -> impl Strategy<Value = Value> {
    let names: Vec<&'static str> = OPERATIONS
        .iter()
        .flat_map(|operation| operation.body.into_iter().chain([operation.query]))
        .flat_map(|shape| shape.fields().map(|field| field.name()))
        .collect();
    let name = prop_oneof![4 => proptest::sample::select(names).prop_map(str::to_owned), 1 => ".{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "(\\*\\.)?(https?://)?[a-z.\\[\\]:@/-]{0,20}".prop_map(Value::from),
        "tok_[0-9]{1,11}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Whether the document lists this answer for the operation.
fn is_documented(operation: &Operation, status: u16, code: &Value) -> bool {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(OPENAPI_JSON).unwrap());
    let described = &DOCUMENT["paths"][operation.path][operation.method.to_lowercase()];
    let problem =
        &described["responses"][status.to_string()]["content"]["application/problem+json"]["schema"];
    problem["properties"]["code"]["enum"].as_array().is_some_and(|codes| codes.contains(code))
}

/// Sends the request to the API. A refusal must be a problem with a 4xx status, whose `errors` name fields.
/// If the operation is known, its documentation must list the refusal.
fn send(request: &AdminRequest<'_>, operation: Option<&Operation>) {
    if let Err(problem) = deployment().parse(request) {
        let named = problem.errors.iter().all(|fault| !fault.code.is_empty() && !fault.detail.is_empty());
        let response = problem.into_reply();
        assert!((400..500).contains(&response.status) && named, "{response:?}");
        let body: Value = serde_json::from_str(response.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["status"], response.status);
        if let Some(operation) = operation {
            assert!(is_documented(operation, response.status, &body["code"]), "{}: {body}", operation.id);
        }
    }
}

proptest! {
    #[test]
    fn random_json_never_panics(body in any_json()) {
        let deployment = deployment();
        let body = body.to_string();
        for operation in OPERATIONS.iter().filter(|operation| operation.body.is_some()) {
            let path = format!("/_wayleave/api{}", operation.path.replace(ID, "tok_1"));
            send(&deployment.request(operation.method, &path, body.as_bytes()), Some(operation));
        }
    }

    #[test]
    fn random_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        send(&deployment().request("POST", "/_wayleave/api/tokens", &body), None);
    }

    #[test]
    fn random_requests_never_panic(
        method in "[A-Z]{0,7}",
        path in ".{0,40}",
        query in proptest::option::of(".{0,60}"),
        authorization in proptest::option::of(".{0,60}"),
        if_match in proptest::option::of(".{0,20}"),
        idempotency_key in proptest::option::of(".{0,20}"),
    ) {
        let deployment = deployment();
        let api_path = format!("/_wayleave/api{path}");
        let random = AdminRequest {
            method: &method,
            path: &api_path,
            query: query.as_deref(),
            authorization: authorization.as_deref(),
            cookie: authorization.as_deref(),
            origin: None,
            sec_fetch_site: None,
            content_type: None,
            if_match: if_match.as_deref(),
            idempotency_key: idempotency_key.as_deref(),
            body: RequestBody::Bytes(b""),
        };
        send(&random, None);
        let known = format!("Bearer {}", deployment.bearer.strip_prefix("Bearer ").unwrap());
        send(&AdminRequest { authorization: Some(&known), ..random }, None);
        send(
            &AdminRequest {
                authorization: Some(&known),
                method: "GET",
                path: "/_wayleave/api/tokens",
                ..random
            },
            None,
        );
        send(
            &AdminRequest {
                authorization: Some(&known),
                method: "PATCH",
                path: "/_wayleave/api/tokens/tok_1",
                ..random
            },
            None,
        );
    }
}
