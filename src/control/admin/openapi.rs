//! The OpenAPI document, generated from the operation table and the types of the responses.
//!
//! Standard: OpenAPI 3.1.1, whose schemas are JSON Schema 2020-12. This module is native only; the Worker
//! serves the generated file. It repeats nothing that the table or a type already says.

use super::admin_key_views::{AdminKeyJson, CreatedAdminKey, Session};
use super::all_usage_view::AllUsage;
use super::bulk_views::{BulkChanged, BulkRevoked, BulkRotated};
use super::configuration_view::Configuration;
use super::event_views::EventJson;
use super::family_views::{EditedFamily, FamilyJson, FamilyToken, RotatedToken};
use super::fields::Shape;
use super::licence_views::{LicenceJson, OwnerOffJson};
use super::notice_views::Notice;
use super::operation::{ID, Operation};
use super::operations::OPERATIONS;
use super::page::PageJson;
use super::probe_view::Probe;
use super::problem_members::ProblemMembers;
use super::refusals_view::RefusalPageJson;
use super::request::API_PATH;
use super::signing_key_views::{KeyReceiptJson, SigningKey};
use super::status_view::StatusJson;
use super::token_page::TokenPage;
use super::token_views::{CreatedToken, EditedToken, ReceiptJson, RevealedToken, Token};
use super::usage_view::TokenUsageJson;
use super::{ids, session_requests};
use crate::formats::origin::RuleWarning;
use crate::http::problem;
use crate::http::problem::{Code, Reason};
use crate::limits;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Problems that every operation which needs a key may answer with.
const COMMON: [Code; 6] = [
    Code::InvalidRequest,
    Code::Unauthorized,
    Code::Forbidden,
    Code::MethodNotAllowed,
    Code::Internal,
    Code::RegistryUnavailable,
];
/// Further problems that every operation with a body may answer with.
const WITH_BODY: [Code; 3] = [Code::PayloadTooLarge, Code::UnsupportedMediaType, Code::InvalidFields];

#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in &OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(operation.method.to_ascii_lowercase(), described(operation));
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Wayleave admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Issues public API tokens and withdraws them.",
            "description": "Generated from the operation table in src/control/admin/operations.rs. Fields \
                that are not listed are errors. Instants are RFC 3339 in UTC, durations whole seconds.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": API_PATH, "description": "The deployment that serves this document."}],
        "security": [{"adminKey": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"adminKey": {
                "type": "http", "scheme": "bearer", "bearerFormat": "wla_",
                "description": "An admin key: wla_ and 50 more characters.",
            }, "session": {
                "type": "apiKey", "in": "cookie", "name": crate::formats::session::COOKIE_NAME,
                "description": "A console session. Accepted only from the console's own pages, on a control \
                    host or on loopback.",
            }},
            "schemas": schemas(),
        },
    })
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    let Some(members) = described.as_object_mut() else { return described };
    match operation.least_role {
        Some(role) => members
            .insert("description".to_owned(), json!(format!("Needs the role {} or more.", role.as_str()))),
        None => members.insert("security".to_owned(), json!([])),
    };
    if operation.id == session_requests::SIGN_IN {
        members.insert("security".to_owned(), json!([]));
    }
    if let Some(shape) = operation.body {
        let body = json!({
            "required": !shape.required.is_empty() || operation.id == "createToken",
            "content": {"application/json": {"schema": request_schema(shape)}},
        });
        members.insert("requestBody".to_owned(), body);
    }
    described
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.path.contains(ID) {
        let pattern = match operation.path.split('/').nth(1) {
            Some("tokens") => ids::TOKEN_ID_PATTERN,
            Some("families") => ids::FAMILY_ID_PATTERN,
            Some("signing-keys") => ids::SIGNING_KEY_ID_PATTERN,
            _ => ids::ADMIN_KEY_ID_PATTERN,
        };
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": pattern},
        }));
    }
    if operation.idempotent_by_key {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "description": "A retry with the same key and the same request changes nothing a second time. \
                Keys are kept for 7 days.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": limits::IDEMPOTENCY_KEY_MAX_CHARS,
                "pattern": "^[!-~]+$",
            },
        }));
    }
    if operation.conditional {
        parameters.push(json!({
            "name": "If-Match", "in": "header",
            "description": "The ETag of the version that was read, or *. If the token has another version by \
                now, the call is refused with 412.",
            "schema": {"type": "string", "pattern": "^(\\*|\"[^\"]*\")$"},
        }));
    }
    for field in operation.query.fields() {
        parameters.push(json!({"name": field.name(), "in": "query", "schema": field.schema()}));
    }
    parameters
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let mut success = json!({"description": "Done.", "headers": success_headers(operation)});
    if let (Some(schema), Some(members)) = (operation.success.schema, success.as_object_mut()) {
        let content = json!({operation.success.media_type: {"schema": reference(schema)}});
        members.insert("content".to_owned(), content);
    }
    responses.insert(operation.success.status.to_string(), success);
    for (status, codes) in problems(operation) {
        let schema = json!({
            "allOf": [reference("Problem")],
            "properties": {"code": {"enum": codes}, "status": {"const": status}},
        });
        responses.insert(
            status.to_string(),
            json!({"description": codes.join(", "), "content": {problem::MEDIA_TYPE: {"schema": schema}}}),
        );
    }
    Value::Object(responses)
}

fn success_headers(operation: &Operation) -> Value {
    let mut headers = Map::new();
    let text = |about: &str| json!({"description": about, "schema": {"type": "string"}});
    headers.insert("Cache-Control".to_owned(), text("no-store"));
    if matches!(operation.id, session_requests::SIGN_IN | "deleteSession") {
        headers.insert("Set-Cookie".to_owned(), text("The session cookie, or its deletion."));
    } else if operation.success.status == 201 {
        headers.insert("Location".to_owned(), text("The path of what was created."));
    }
    if matches!(operation.success.schema, Some("Token" | "CreatedToken" | "EditedToken" | "RotatedToken")) {
        headers.insert("ETag".to_owned(), text("The version in quotes, for If-Match."));
    }
    Value::Object(headers)
}

/// Codes grouped by status, ascending.
fn problems(operation: &Operation) -> Vec<(u16, Vec<&'static str>)> {
    let common: &[Code] = if operation.least_role.is_some() { &COMMON } else { &[Code::InvalidRequest] };
    let with_body: &[Code] = if operation.body.is_some() { &WITH_BODY } else { &[] };
    let mut codes: Vec<Code> = [common, with_body, operation.problems].concat();
    codes.sort_by_key(|code| code.status());
    let mut by_status: Vec<(u16, Vec<&'static str>)> = Vec::new();
    for code in codes {
        match by_status.last_mut() {
            Some((status, names)) if *status == code.status() => {
                if !names.contains(&code.code()) {
                    names.push(code.code());
                }
            }
            _ => by_status.push((code.status(), vec![code.code()])),
        }
    }
    by_status
}

fn request_schema(shape: &Shape) -> Value {
    let properties: Map<_, _> =
        shape.fields().map(|field| (field.name().to_owned(), field.schema())).collect();
    let required: Vec<_> = shape.required.iter().map(|field| field.name()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn schemas() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = SchemaGenerator::new(settings);
    let mut schemas = Map::new();
    insert::<Token>(&mut schemas, &mut generator, "Token");
    insert::<CreatedToken>(&mut schemas, &mut generator, "CreatedToken");
    insert::<EditedToken>(&mut schemas, &mut generator, "EditedToken");
    insert::<RotatedToken>(&mut schemas, &mut generator, "RotatedToken");
    insert::<FamilyJson>(&mut schemas, &mut generator, "Family");
    insert::<FamilyToken>(&mut schemas, &mut generator, "FamilyToken");
    insert::<EditedFamily>(&mut schemas, &mut generator, "EditedFamily");
    insert::<BulkRevoked>(&mut schemas, &mut generator, "BulkRevoked");
    insert::<BulkChanged>(&mut schemas, &mut generator, "BulkChanged");
    insert::<BulkRotated>(&mut schemas, &mut generator, "BulkRotated");
    insert::<RevealedToken>(&mut schemas, &mut generator, "RevealedToken");
    insert::<ReceiptJson>(&mut schemas, &mut generator, "Receipt");
    insert::<Probe>(&mut schemas, &mut generator, "Probe");
    insert::<SigningKey>(&mut schemas, &mut generator, "SigningKey");
    insert::<KeyReceiptJson>(&mut schemas, &mut generator, "KeyReceipt");
    insert::<PageJson<SigningKey>>(&mut schemas, &mut generator, "SigningKeyPage");
    insert::<CreatedAdminKey>(&mut schemas, &mut generator, "CreatedAdminKey");
    insert::<TokenPage>(&mut schemas, &mut generator, "TokenPage");
    insert::<PageJson<AdminKeyJson>>(&mut schemas, &mut generator, "AdminKeyPage");
    insert::<LicenceJson>(&mut schemas, &mut generator, "Licence");
    insert::<PageJson<LicenceJson>>(&mut schemas, &mut generator, "LicencePage");
    insert::<OwnerOffJson>(&mut schemas, &mut generator, "SwitchedOffOwner");
    insert::<PageJson<OwnerOffJson>>(&mut schemas, &mut generator, "SwitchedOffOwnerPage");
    insert::<PageJson<EventJson>>(&mut schemas, &mut generator, "EventPage");
    insert::<Configuration>(&mut schemas, &mut generator, "Configuration");
    insert::<Session>(&mut schemas, &mut generator, "Session");
    insert::<PageJson<Notice>>(&mut schemas, &mut generator, "NoticePage");
    insert::<TokenUsageJson>(&mut schemas, &mut generator, "TokenUsage");
    insert::<AllUsage>(&mut schemas, &mut generator, "AllUsage");
    insert::<RefusalPageJson>(&mut schemas, &mut generator, "RefusalPage");
    insert::<StatusJson>(&mut schemas, &mut generator, "Status");
    let members = ProblemMembers::json_schema(&mut generator).to_value();
    for (name, schema) in generator.take_definitions(true) {
        schemas.entry(name).or_insert(schema);
    }
    schemas
        .insert("OpenApi".to_owned(), json!({"type": "object", "description": "An OpenAPI 3.1 document."}));
    let about = "The OpenMetrics text format, which Prometheus reads.";
    schemas.insert("Metrics".to_owned(), json!({"type": "string", "description": about}));
    schemas.insert("OriginTest".to_owned(), origin_test_schema());
    schemas.insert("Problem".to_owned(), problem_schema(&members));
    Value::Object(schemas)
}

fn insert<T: JsonSchema>(schemas: &mut Map<String, Value>, generator: &mut SchemaGenerator, name: &str) {
    schemas.insert(name.to_owned(), T::json_schema(generator).to_value());
}

/// Written by hand: `crate::formats::origin::OriginTest` is also used by the data plane, which has no
/// schemas.
fn origin_test_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["allowed", "warnings", "rules"],
        "properties": {
            "allowed": {"type": "boolean"},
            "rule": {"type": "string", "description": "The rule that matched, in its canonical spelling."},
            "code": {"enum": [Code::OriginMissing.code(), Code::OriginNotAllowed.code()]},
            "warnings": {"type": "array", "items": rule_warning_schema()},
            "rules": {"type": "array", "description": "How each rule is read, in the order given; empty for \
                any.",
            "items": {
                "type": "object", "additionalProperties": false, "required": ["rule", "warnings"],
                "properties": {
                    "rule": {"type": "string", "description": "The rule in its canonical spelling, with \
                        A-labels."},
                    "unicode": {"type": "string", "description": "The same with U-labels, where that \
                        differs."},
                    "warnings": {"type": "array", "items": rule_warning_schema()},
                },
            }},
        },
    })
}

/// Written by hand for the same reason.
fn rule_warning_schema() -> Value {
    let meanings = RuleWarning::ALL.map(|warning| (warning.code().to_owned(), json!(warning.detail())));
    json!({
        "type": "string",
        "enum": RuleWarning::ALL.map(RuleWarning::code),
        "x-codes": Map::from_iter(meanings),
    })
}

fn problem_schema(members: &Value) -> Value {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.code()).collect();
    codes.dedup();
    let meanings: Map<_, _> = Code::ALL
        .iter()
        .map(|code| (format!("{} {}", code.status(), code.code()), json!(code.detail())))
        .collect();
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    let why: Map<_, _> = Reason::ALL
        .iter()
        .map(|reason| (format!("{} {}", reason.code().code(), reason.name()), json!(reason.detail())))
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": "RFC 9457. Codes and reasons are stable; texts are constant for each.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "code": {"type": "string", "enum": codes},
            "reason": {
                "type": "string", "enum": reasons,
                "description": "Which of the code's causes applies. detail then has the text of the reason.",
            },
            "places": {"type": "array", "items": {"type": "string"}, "description": PLACES},
            "errors": {"type": "array", "items": {
                "type": "object", "required": ["field", "code", "detail"], "additionalProperties": false,
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "The field's name. An item of a list has its index: origins[2].",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            }},
        },
        "x-codes": meanings,
        "x-reasons": why,
    });
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let members = members.get("properties").and_then(Value::as_object);
    if let (Some(properties), Some(members)) = (properties, members) {
        properties.extend(members.clone());
    }
    schema
}

const PLACES: &str = "With credential_conflict: the places of the credentials, as CREDENTIAL_SOURCES names \
    them. header or query alone is a place that is not listed there.";

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
