//! Vectors of admin keys. `REGENERATE=1` writes them anew here; tests/vectors/admin_keys.test.mjs checks them
//! with Node's own crypto and zlib.

#![cfg(test)] // so clippy takes all of it for a test
#![expect(clippy::string_slice, reason = "a test that panics fails")]

#[path = "support/vectors.rs"]
mod vectors;

use base64::prelude::*;
use serde_json::{Value, json};
use wayleave::formats::admin_key::{AdminKey, RANDOM_BYTES, random_from_nonce};
use wayleave::formats::key::CheckKeys;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/admin_keys.json");
const SECRET: [u8; 32] = [0x5a; 32];
const DEPLOYMENT: &str = "vectors";

#[test]
fn the_vectors_are_those_of_this_code() {
    vectors::check("admin_keys.json", &made());
}

#[test]
fn every_row_is_read_as_it_says() {
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    let keys = CheckKeys::derive(&SECRET, DEPLOYMENT);
    for row in vectors["keys"].as_array().unwrap() {
        let parsed = AdminKey::parse(row["text"].as_str().unwrap(), &keys);
        match row["valid"].as_bool().unwrap() {
            true => {
                assert_eq!(hex::encode(parsed.unwrap().sha256()), row["sha256"], "{row}");
            }
            false => assert_eq!(parsed, None, "{row}"),
        }
    }
}

fn made() -> Value {
    let keys = CheckKeys::derive(&SECRET, DEPLOYMENT);
    let mut rows = Vec::new();
    let randoms = [
        ("zero bytes: both numbers are padded with 0", [0; RANDOM_BYTES]),
        ("all bits set: 22 characters hold 2^128 - 1", [0xff; RANDOM_BYTES]),
        ("1 to 24", std::array::from_fn(|index| u8::try_from(index).unwrap() + 1)),
        ("from the nonce 'nonce-1'", random_from_nonce(b"nonce-1", &keys)),
    ];
    for (what, random) in randoms {
        let key = AdminKey::mint(random, &keys);
        rows.push(json!({
            "source": format!("docs/formats.md, Admin key: {what}"),
            "random": hex::encode(random),
            "text": key.as_str(),
            "sha256": hex::encode(key.sha256()),
            "valid": true,
        }));
    }
    let good = AdminKey::mint([7; RANDOM_BYTES], &keys).as_str().to_owned();
    let elsewhere =
        AdminKey::mint([7; RANDOM_BYTES], &CheckKeys::derive(&SECRET, "staging")).as_str().to_owned();
    let wrong_crc = format!("{}{}", &good[..48], "000000");
    for (what, text) in [
        ("of another deployment; its CRC is right, its check is not", elsewhere),
        ("CRC of something else", wrong_crc),
        ("one character short", good[..53].to_owned()),
        ("one character more", format!("{good}0")),
        ("prefix of a token", good.replacen("wla_", "wlp_", 1)),
        ("lower case", good.to_ascii_lowercase()),
        ("a space in front", format!(" {}", &good[..53])),
        ("empty", String::new()),
    ] {
        rows.push(
            json!({"source": format!("docs/formats.md, Admin key: {what}"), "text": text, "valid": false}),
        );
    }
    json!({
        "check_secret": BASE64_STANDARD.encode(SECRET),
        "deployment": DEPLOYMENT,
        "nonce": {
            "text": "nonce-1",
            "random": hex::encode(random_from_nonce(b"nonce-1", &keys)),
        },
        "keys": rows,
    })
}
