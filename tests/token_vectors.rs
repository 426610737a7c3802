//! Token vectors: which tokens are minted, which verify, and which do not, for other implementations to run.
//! `tests/vectors/tokens.test.mjs` checks every row with Node's `crypto`.

#![cfg(test)] // so clippy takes all of it for a test
#![expect(clippy::string_slice, reason = "a test that panics fails")]

#[path = "support/vectors.rs"]
mod vectors;

use base64::prelude::*;
use serde_json::{Value, json};
use wayleave::base::time::UnixSeconds;
use wayleave::formats::key::{KeyId, KeyRing, parse_signing_keys};
use wayleave::formats::token::{Claims, Serial, UnverifiedToken};

const DEPLOYMENT: &str = "vectors";

fn signing_keys() -> Value {
    let second: Vec<u8> = (0..32).collect();
    json!({ "1": BASE64_STANDARD.encode([0x11; 32]), "2": BASE64_STANDARD.encode(second) })
}

fn ring(deployment: &str) -> KeyRing {
    KeyRing::derive(&parse_signing_keys(&signing_keys().to_string()).unwrap(), deployment)
}

fn mint(key_id: u8, serial: u32, expires_at: i64) -> String {
    let claims =
        Claims { key_id: KeyId(key_id), serial: Serial(serial), expires_at: UnixSeconds(expires_at) };
    claims.mint(&ring(DEPLOYMENT)).unwrap()
}

fn outcome(token: &str) -> Value {
    match UnverifiedToken::parse(token) {
        None => json!({ "outcome": "malformed" }),
        Some(unverified) => match unverified.verify(&ring(DEPLOYMENT)) {
            None => json!({ "outcome": "unverifiable" }),
            Some(verified) => {
                let claims = verified.claims();
                json!({
                    "outcome": "verified",
                    "key_id": claims.key_id.0,
                    "serial": claims.serial.0,
                    "expires_at": claims.expires_at.0,
                })
            }
        },
    }
}

/// `token` with one bit of its 27 bytes flipped.
fn flipped(token: &str, bit: usize) -> String {
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&token.as_bytes()[4..]).unwrap();
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    format!("wlp_{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes))
}

#[test]
fn tokens_are_what_the_vectors_say() {
    let good = mint(1, 7, 1_900_000_000);
    let of_another_deployment =
        Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(1_900_000_000) }
            .mint(&ring("another"))
            .unwrap();
    let layout = "token layout: version, key id, u32 serial, u40 expires_at, 16-byte tag; \
                  base64url, RFC 4648 section 5";
    let tag = "tag: leftmost 16 bytes of HMAC-SHA256, RFC 2104 section 5; key by HKDF, RFC 5869";
    let rows = [
        ("the first key", good.clone(), layout),
        ("the second key", mint(2, 7, 1_900_000_000), layout),
        ("the lowest numbers", mint(1, 0, 0), layout),
        ("the highest numbers", mint(2, u32::MAX, (1 << 40) - 1), layout),
        (
            "another deployment's",
            of_another_deployment,
            "HKDF salt is the deployment's name, RFC 5869 section 3.1",
        ),
        ("a bit of the version flipped", flipped(&good, 0), "format version 1 is the only one"),
        ("a bit of the key id flipped to one not in the ring", flipped(&good, 8), tag),
        ("a bit of the key id flipped to another in the ring", flipped(&mint(1, 7, 1_900_000_000), 14), tag),
        ("a bit of the serial flipped", flipped(&good, 47), tag),
        ("a bit of the expiry flipped", flipped(&good, 48), tag),
        ("the first bit of the tag flipped", flipped(&good, 88), tag),
        ("the last bit of the tag flipped", flipped(&good, 215), tag),
        ("one character short", good[..39].to_owned(), layout),
        ("one character long", format!("{good}A"), layout),
        ("padded", format!("{}=", &good[..39]), "no padding, RFC 4648 section 3.2"),
        ("the standard alphabet", format!("{}+/", &good[..38]), "URL-safe alphabet, RFC 4648 section 5"),
        ("upper-case prefix", good.replacen("wlp_", "WLP_", 1), layout),
        ("an admin key's prefix", good.replacen("wlp_", "wla_", 1), layout),
        ("a space before", format!(" {good}"), layout),
        ("a line feed after", format!("{}\n", &good[..39]), layout),
        ("nothing", String::new(), layout),
        ("two-byte characters", format!("wlp_{}", "é".repeat(18)), layout),
    ];
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(name, token, source)| {
            json!({ "name": name, "token": token, "expect": outcome(&token), "source": source })
        })
        .collect();
    assert!(rows.iter().filter(|row| row["expect"]["outcome"] == "verified").count() >= 4);
    vectors::check(
        "tokens.json",
        &json!({ "deployment": DEPLOYMENT, "signing_keys": signing_keys(), "rows": rows }),
    );
}
