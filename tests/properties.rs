//! Properties that hold for every input, tested with random ones.
//!
//! On failure, proptest prints the smallest failing input and appends its seed to
//! `tests/properties.regressions`. Later runs try that seed first: commit that line with the fix.
//! `PROPTEST_RNG_SEED=<number>` makes a whole run repeatable. `PROPTEST_CASES=<number>` sets its length:
//! `PROPTEST_CASES=100000 cargo test --test properties`.

#![cfg(test)] // so clippy takes all of it for a test
#![expect(clippy::string_slice, reason = "a test that panics fails")]

use base64::prelude::*;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use std::rc::Rc;
use std::sync::LazyLock;
use url::Url;
use wayleave::base::headers::Headers;
use wayleave::base::time::{UnixMillis, UnixSeconds, parse_rfc3339};
use wayleave::edge::credential::{CREDENTIAL_SOURCES_DEFAULT, Carriers, CredentialSources, Place};
use wayleave::edge::route::{Resolved, Routes};
use wayleave::formats::admin_key::AdminKey;
use wayleave::formats::fingerprint;
use wayleave::formats::key::{CheckKeys, KeyId, KeyRing, parse_signing_keys, sha256};
use wayleave::formats::list;
use wayleave::formats::list::{
    Base, Change, Delta, DeltaHead, Number, OpenedBase, RevocationList, SerialStatus,
};
use wayleave::formats::origin::{
    APP_SCHEMES_DEFAULT, MissingOrigin, Origin, OriginEvidence, OriginRule, OriginRules, decide,
    parse_app_schemes,
};
use wayleave::formats::record;
use wayleave::formats::record::Record;
use wayleave::formats::seal;
use wayleave::formats::seal::Purpose;
use wayleave::formats::token::{Claims, Serial, TOKEN_CHARS, UnverifiedToken};
use wayleave::http::{caching, cors};
use zeroize::Zeroizing;

fn config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(persistence)), ..ProptestConfig::default() }
}

// No input makes a parser panic.
proptest! {
    #![proptest_config(config())]

    #[test]
    fn tokens_and_keys_of_any_text(text in anything()) {
        let _ = UnverifiedToken::parse(&text);
        let _ = UnverifiedToken::parse(&format!("wlp_{text}"));
        let _ = fingerprint::fingerprint(&text);
        let _ = fingerprint::Sought::parse(&text);
        let _ = AdminKey::parse(&text, &check_keys());
        let _ = AdminKey::parse(&format!("wla_{text}"), &check_keys());
        let _ = parse_signing_keys(&text);
        let _ = parse_rfc3339(&text);
    }

    #[test]
    fn sealed_values_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Delta::open(ring(), &bytes);
        let _ = Base::from_body(&bytes);
        let _ = OpenedBase::open(ring(), Number { epoch: 1, n: 1 }, &bytes);
        let _ = postcard::from_bytes::<OriginRules>(&bytes);
        let _ = serde_json::from_slice::<OriginRules>(&bytes);
        let _ = Record::open(ring(), Serial(1), 1, &bytes);
        // Whoever holds a signing key can seal anything, so the bodies are parsed as untrusted input too.
        for (purpose, name) in [
            (Purpose::List, list::KV_NAME.to_owned()),
            (Purpose::Record, record::kv_name(Serial(1), 1)),
        ] {
            let sealed = seal::seal(ring(), purpose, KeyId(1), &name, 1, &bytes).unwrap();
            let _ = Delta::open(ring(), &sealed);
            let _ = Record::open(ring(), Serial(1), 1, &sealed);
        }
    }

    #[test]
    fn a_base_and_a_delta_say_what_the_changes_said(
        changes in prop::collection::vec((0_u32..200_000, 0_u8..5, 1_u32..40), 0..60),
        cuts in (0_usize..61, 0_usize..61, 0_usize..61),
        gone in prop::collection::vec(0_usize..60, 0..4),
    ) {
        // Three bases, each folded from the one before. Each of them makes up a list together with the delta
        // since it.
        let changes: Vec<Change> = changes.into_iter().map(change).collect();
        let mut cuts = [cuts.0, cuts.1, cuts.2].map(|cut| cut.min(changes.len()));
        cuts.sort_unstable();
        let gone: Vec<Serial> =
            gone.into_iter().filter_map(|at| changes.get(at)).map(|change| change.serial).collect();
        let number = |at: usize| Number { epoch: 1, n: at as u64 + 1 };
        let first = Base::empty(1).fold(changes[..cuts[0]].iter().copied(), [], number(cuts[0]));
        let second = first.fold(changes[cuts[0]..cuts[1]].iter().copied(), gone.clone(), number(cuts[1]));
        let third = second.clone().fold(changes[cuts[1]..cuts[2]].iter().copied(), [], number(cuts[2]));
        let newest = opened(third);
        for base in [opened(second), newest.clone()] {
            prop_assert_eq!(&Base::from_body(&base.base.body().unwrap()).unwrap(), &base.base);
            let since = base.base.number().n;
            let head = DeltaHead {
                number: number(changes.len()),
                this_update: UnixMillis(0),
                next_update: UnixMillis(1),
                base: newest.base.number(),
                base_sha256: newest.sha256,
                since,
                since_sha256: base.sha256,
                changed: 1,
                highest_serial: Serial(1),
            };
            let from = usize::try_from(since).unwrap() - 1;
            let delta = Delta::new(head, changes[from..].iter().copied(), []);
            let sealed = delta.seal(ring(), KeyId(1)).unwrap();
            let list = RevocationList::of(Rc::new(base), Delta::open(ring(), &sealed).unwrap()).unwrap();
            for change in &changes {
                let last = changes.iter().rev().find(|other| other.serial == change.serial).unwrap();
                let after_gone =
                    changes.iter().rposition(|other| other.serial == change.serial).unwrap() >= cuts[1];
                if !gone.contains(&change.serial) || after_gone {
                    prop_assert_eq!(list.status(change.serial), last.status);
                    prop_assert_eq!(list.record_version(change.serial), last.version);
                }
            }
            let unnamed = Serial(200_000);
            prop_assert_eq!((list.status(unnamed), list.record_version(unnamed)), (SerialStatus::Good, 1));
        }
    }

    #[test]
    fn origins_and_rules_of_any_text(text in anything(), port in anything()) {
        for text in [
            text.clone(),
            format!("https://{text}"),
            format!("https://a.example:{port}"),
            format!("*.{text}"),
        ] {
            let _ = Origin::parse_header(&text);
            let _ = Origin::parse_referer(&text);
            let _ = OriginRule::parse(&text, &app_schemes());
            let _ = OriginRule::parse_stored(&text);
            let _ = parse_app_schemes(&text);
        }
    }

    #[test]
    fn routes_of_any_text(text in anything(), path in path()) {
        let _ = Routes::parse(&text);
        let _ = Routes::parse(&format!(
            "[{{\"upstream\": \"https://u\", \"path\": {path:?}, \"host\": {text:?}}}]"
        ));
        let _ = Routes::from_upstream(&text);
        let _ = routes().resolve(&text);
        let _ = routes().resolve(&format!("https://{text}{path}"));
    }

    #[test]
    fn credentials_of_any_text(header in anything(), query in anything(), sources in anything()) {
        let _ = CredentialSources::parse(&sources);
        let sources = CredentialSources::parse(CREDENTIAL_SOURCES_DEFAULT).unwrap();
        let line = format!("={}", header.replace('\n', ""));
        for name in ["authorization", "x-api-key", "sec-websocket-protocol", "cookie", "any"] {
            let headers = Headers::read(name, &line);
            let _ = sources.find(&Carriers { headers: &headers, others: &header, query: Some(&query) });
        }
    }

    #[test]
    fn response_headers_of_any_text(a in anything(), b in anything(), c in anything()) {
        let upstream =
            cors::UpstreamHeaders { vary: Some(&a), cache_control: Some(&b), expose_headers: Some(&c) };
        for route in routes().iter() {
            let page = cors::RequestingPage { origin: Some(&a), is_named: true };
            let _ = cors::admitted(route.cors(), page, [a.as_str()].into_iter(), &upstream);
            let asked = cors::Preflight {
                origin: Some(&a),
                can_be_named: Origin::can_be_named(&a),
                method: Some(&b),
                headers: Some(&c),
            };
            let _ = cors::preflight(Some(route.cors()), &asked);
        }
        prop_assert!(caching::private(Some(&b)).starts_with("private"));
    }
}

// Tokens.
proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_token_is_what_was_minted(claims in claims()) {
        let text = claims.mint(ring()).unwrap();
        let verified = UnverifiedToken::parse(&text).unwrap().verify(ring()).unwrap();
        prop_assert_eq!(verified.claims(), claims);
        prop_assert_eq!(verified.claims().mint(ring()).unwrap(), text);
    }

    #[test]
    fn no_flipped_bit_of_a_token_verifies(claims in claims()) {
        let text = claims.mint(ring()).unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text.as_bytes()[4..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let text = format!("wlp_{}", BASE64_URL_SAFE_NO_PAD.encode(&flipped));
            prop_assert!(!verifies(&text), "bit {}", bit);
        }
    }

    #[test]
    fn no_changed_character_of_a_token_verifies(
        claims in claims(),
        at in 0..TOKEN_CHARS,
        other in any::<char>(),
    ) {
        let text = claims.mint(ring()).unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ";
        for other in alphabet.chars().chain([other]).filter(|other| !text[at..].starts_with(*other)) {
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            prop_assert!(!verifies(&changed), "{}", changed);
        }
    }
}

// Origins and rules.
proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_printed_rule_is_the_rule(text in rule_text()) {
        if let Ok((rule, _)) = OriginRule::parse(&text, &app_schemes()) {
            let printed = rule.to_string();
            prop_assert_eq!(&OriginRule::parse(&printed, &app_schemes()).unwrap().0, &rule);
            prop_assert_eq!(&OriginRule::parse_stored(&printed).unwrap(), &rule);
            let rules = OriginRules::Rules(vec![rule]);
            prop_assert_eq!(
                &serde_json::from_str::<OriginRules>(&serde_json::to_string(&rules).unwrap()).unwrap(),
                &rules
            );
            prop_assert_eq!(
                &postcard::from_bytes::<OriginRules>(&postcard::to_allocvec(&rules).unwrap()).unwrap(),
                &rules
            );
        }
    }

    #[test]
    fn one_more_rule_never_refuses_more(
        texts in prop::collection::vec(rule_text(), 1..5),
        more in rule_text(),
        at in any::<prop::sample::Index>(),
        evidence in evidence(),
        allow in any::<bool>(),
    ) {
        let parse = |text: &String| OriginRule::parse(text, &app_schemes()).ok().map(|(rule, _)| rule);
        let rules: Vec<OriginRule> = texts.iter().filter_map(parse).collect();
        let Some(more) = parse(&more) else { return Ok(()) };
        let mut longer = rules.clone();
        longer.insert(at.index(rules.len() + 1), more);
        let [origin, referer, site] = &evidence;
        let evidence = OriginEvidence {
            origin: origin.as_deref(),
            referer: referer.as_deref(),
            sec_fetch_site: site.as_deref(),
            own_origin: "https://a.example.com",
        };
        let missing = if allow { MissingOrigin::Allow } else { MissingOrigin::Refuse };
        let is_allowed = |rules| decide(&rules, missing, &evidence).refusal().is_none();
        prop_assert!(
            !is_allowed(OriginRules::Rules(rules)) || is_allowed(OriginRules::Rules(longer.clone()))
        );
        prop_assert!(is_allowed(OriginRules::Any));
    }

    /// The fast path for a plain `https://name[:port]` agrees with the URL parser.
    #[test]
    fn an_origin_reads_as_the_url_parser_reads_it(value in origin_text()) {
        let parsed = Url::parse(&value).ok().map(|url| url.origin().ascii_serialization());
        if let Some(origin) = Origin::parse_header(&value) {
            if value.to_ascii_lowercase().starts_with("http") {
                prop_assert_eq!(
                    Some(without_final_dot(&origin.to_string())),
                    parsed.as_deref().map(without_final_dot)
                );
            }
        } else if parsed.as_deref() == Some(&value) && value.starts_with("http") {
            let host = Url::parse(&value).unwrap().host_str().unwrap_or_default().to_owned();
            let is_name = host.trim_end_matches('.').split('.').all(|label| (1..=63).contains(&label.len()));
            let is_plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            prop_assert!(
                !(is_name && is_plain) || host.ends_with("..") || host.len() > 253,
                "{} is refused",
                value
            );
        }
    }
}

// Routes and credentials.
proptest! {
    #![proptest_config(config())]

    /// A request is routed as its path would be after the URL parser, and goes upstream as it was sent.
    #[test]
    fn a_path_is_routed_as_the_url_parser_reads_it(path in path()) {
        let routes = routes();
        let sent = format!("https://h.example{path}");
        let normal = Url::parse(&sent).unwrap();
        match routes.resolve(&sent) {
            Ok(Resolved::Api { route, target }) => {
                prop_assert!(!is_reserved_to_anyone(&path), "{} is forwarded", path);
                let url = route.upstream_url(&target, target.query);
                prop_assert!(url.ends_with(path.split('#').next().unwrap()), "{}", url);
                match routes.resolve(normal.as_str()) {
                    Ok(Resolved::Api { route: other, .. }) => prop_assert_eq!(route, other),
                    other => prop_assert!(false, "{:?}", other.err()),
                }
            }
            Ok(Resolved::Reserved { .. }) => prop_assert!(normal.path().starts_with("/_wayleave")),
            Err(_) => {}
        }
    }

    #[test]
    fn only_the_credential_leaves_the_query(
        query in "([a-c%=;+]{0,4}|token(=[a-z%0-9+]{0,5})?|%74oken=x)(&([a-c%=;+]{0,4}|token=y)){0,3}"
    ) {
        let sources = CredentialSources::parse("query:token").unwrap();
        let headers = Headers::read("", "");
        let carriers = |query| Carriers { headers: &headers, others: "", query: Some(query) };
        if let Ok(Some(credential)) = sources.find(&carriers(&query)) {
            let Place::Query { at } = credential.place() else { panic!("not in the query") };
            let mut parameters: Vec<&str> = query.split('&').collect();
            parameters.remove(query[..at].matches('&').count());
            let left = credential.strip_query(&query).unwrap_or_default().into_owned();
            prop_assert_eq!(&left, &parameters.join("&"));
            prop_assert_eq!(sources.find(&carriers(&left)), Ok(None));
        }
    }
}

fn change((serial, number, version): (u32, u8, u32)) -> Change {
    let until = |day: i64| SerialStatus::Exhausted(UnixSeconds(day * 86_400));
    let status = [SerialStatus::Good, SerialStatus::Disabled, SerialStatus::Revoked, until(1), until(31)];
    let status = status[usize::from(number)];
    Change { serial: Serial(serial), status, version }
}

fn opened(base: Base) -> OpenedBase {
    let sha256 = sha256(&base.body().unwrap());
    OpenedBase { base, sha256 }
}

/// Text of every kind: any characters, and those that parsers look for.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9.:/?#@%\\[\\]*,;=&\\\\ \"{}+_-]{0,40}",
        "(%[0-9a-fA-F]{2}|\\PC){0,20}"
    ]
}

fn claims() -> impl Strategy<Value = Claims> {
    (1..=2_u8, any::<u32>(), 0..1_i64 << 40).prop_map(|(key_id, serial, expires_at)| Claims {
        key_id: KeyId(key_id),
        serial: Serial(serial),
        expires_at: UnixSeconds(expires_at),
    })
}

fn name() -> impl Strategy<Value = String> {
    let label = select(vec![
        "a",
        "A",
        "example",
        "com",
        "co",
        "uk",
        "github",
        "io",
        "localhost",
        "bücher",
        "xn--bcher-kva",
        "xn--a",
        "x_y",
        "-a-",
        "a--b",
        "1",
        "0x7f",
        "127",
        "256",
        "",
        "9a",
    ]);
    (prop::collection::vec(label, 1..5), select(vec!["", "", "", ".", ".."]))
        .prop_map(|(labels, end)| format!("{}{end}", labels.join(".")))
}

fn host() -> impl Strategy<Value = String> {
    let address = select(vec![
        "127.0.0.1",
        "192.0.2.1",
        "[::1]",
        "[2001:DB8::0:1]",
        "[::",
        "example.com",
        "a.example.com",
        "2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    ]);
    prop_oneof![name(), address.prop_map(str::to_owned)]
}

fn rule_text() -> impl Strategy<Value = String> {
    let scheme = select(vec!["", "", "https://", "http://", "HTTPS://", "capacitor://", "ftp://"]);
    let below = select(vec!["", "", "*.", "*"]);
    let port = select(vec!["", "", ":443", ":80", ":8443", ":*", ":0", ":65536"]);
    let site = (scheme, below, host(), port)
        .prop_map(|(scheme, below, host, port)| format!("{scheme}{below}{host}{port}"));
    let extension = (select(vec!["*", "*", "*:*", "*.", "2c127fa4-62c7-7e4f-90e5-472b45eecfdc"]))
        .prop_map(|id| format!("moz-extension://{id}"));
    prop_oneof![6 => site, 1 => extension]
}

fn origin_text() -> impl Strategy<Value = String> {
    let scheme = select(vec![
        "https://",
        "https://",
        "http://",
        "HTTPS://",
        "capacitor://",
        "moz-extension://",
        "https:",
    ]);
    let port =
        select(vec!["", "", ":443", ":80", ":8443", ":0", ":0443", ":", ":65535", ":65536", ":+1", ":x"]);
    let plain = (scheme, host(), port).prop_map(|(scheme, host, port)| format!("{scheme}{host}{port}"));
    prop_oneof![4 => plain, 1 => "https://[a-z0-9.:-]{0,12}", 1 => anything()]
}

fn evidence() -> impl Strategy<Value = [Option<String>; 3]> {
    let referer = origin_text().prop_map(|origin| format!("{origin}/page"));
    let site = select(vec!["none", "same-origin", "same-site", "cross-site", ""]).prop_map(str::to_owned);
    (prop::option::of(origin_text()), prop::option::of(referer), prop::option::of(site))
        .prop_map(|(origin, referer, site)| [origin, referer, site])
}

/// Paths similar to those of [`routes`] and to the reserved prefix, in many spellings.
fn path() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "/",
        "//",
        "v1",
        "V1",
        "%761",
        "deep",
        "_wayleave",
        "_WAYLEAVE",
        "%5Fwayleave",
        "%255fwayleave",
        "token",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5C",
        "\\",
        ";x",
        "%00",
        "%",
        "%zz",
        "ä",
        "'",
        " ",
        "~",
        "a",
        "?",
        "#",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn routes() -> Routes {
    let json = r#"[{"upstream": "https://any.example", "anonymous": true},
        {"upstream": "https://v1.example", "path": "/v1", "audience": "v1"},
        {"upstream": "https://deep.example", "path": "/v1/deep", "audience": "deep", "credentials": true}]"#;
    Routes::parse(json).unwrap()
}

/// An implementation independent of `route`: whether some reader that decodes repeatedly, replaces
/// backslashes, removes empty and dot segments and ignores case finds the reserved prefix.
fn is_reserved_to_anyone(path: &str) -> bool {
    let mut path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
    for _ in 0..3 {
        path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    }
    let path = path.replace('\\', "/").to_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.first() == Some(&"_wayleave")
}

fn without_final_dot(origin: &str) -> String {
    match origin.rsplit_once(':') {
        Some((host, port)) if !port.starts_with('/') => {
            format!("{}:{port}", host.strip_suffix('.').unwrap_or(host))
        }
        _ => origin.strip_suffix('.').unwrap_or(origin).to_owned(),
    }
}

fn verifies(text: &str) -> bool {
    UnverifiedToken::parse(text).is_some_and(|token| token.verify(ring()).is_some())
}

/// Derived once, since deriving the keys takes longer than all the rest.
fn ring() -> &'static KeyRing {
    static RING: LazyLock<KeyRing> = LazyLock::new(|| {
        let secrets = [(KeyId(1), Zeroizing::new(vec![1; 32])), (KeyId(2), Zeroizing::new(vec![2; 32]))];
        KeyRing::derive(&secrets, "properties")
    });
    &RING
}

fn check_keys() -> CheckKeys {
    CheckKeys::derive(&[3; 32], "properties")
}

fn app_schemes() -> Vec<String> {
    parse_app_schemes(APP_SCHEMES_DEFAULT).unwrap()
}
