//! docs/openapi.json must equal what the code generates. `REGENERATE=1 cargo test --test openapi` writes it
//! anew.

#![cfg(test)] // so clippy takes all of it for a test

use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::admin::{OPENAPI_JSON, openapi};
use wayleave::http::problem::Code;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

#[test]
fn the_document_is_that_of_this_code() {
    let text = format!("{:#}\n", openapi::document());
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(PATH, &text).unwrap();
        return;
    }
    assert!(
        OPENAPI_JSON == text,
        "{PATH} is not what the code makes; look at the difference, then REGENERATE=1"
    );
}

#[test]
fn every_reference_points_at_a_schema_and_every_code_is_listed() {
    let document = openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    for code in Code::ALL {
        let codes =
            document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array().unwrap();
        assert!(codes.iter().any(|listed| listed == code.code()), "{}", code.code());
    }
}

#[test]
fn every_operation_is_in_the_document_once() {
    let document = openapi::document();
    let described: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, OPERATIONS.len());
    for operation in &OPERATIONS {
        let described = &document["paths"][operation.path][operation.method.to_ascii_lowercase()];
        assert_eq!(described["operationId"], operation.id);
    }
}
