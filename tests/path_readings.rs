//! However a server reads a path, the path stays within the route that the gateway assigned it to.
//!
//! `src/edge/route/path.rs` looks at one eager reading and claims that it covers every server, although each
//! server applies only some of the steps, in its own order. Here, servers are random combinations of such
//! steps. Each of them reads random paths that the gateway lets through.

#![cfg(test)] // so clippy takes all of it for a test

use percent_encoding::percent_decode;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use wayleave::edge::route::{Resolved, Routes};

/// A transformation that a server may apply to a path. It takes bytes, since some servers do not require
/// UTF-8.
type Step = fn(&[u8]) -> Vec<u8>;

/// In place of a slash that does not end a segment.
const WITHIN_A_SEGMENT: u8 = 1;

const STEPS: [(&str, Step); 19] = [
    ("decodes", |path| percent_decode(path).collect()),
    ("decodes each segment by itself", |path| {
        let decoded = |name: &[u8]| -> Vec<u8> {
            percent_decode(name).map(|byte| if byte == b'/' { WITHIN_A_SEGMENT } else { byte }).collect()
        };
        path.split(|byte| *byte == b'/').map(decoded).collect::<Vec<_>>().join(&b'/')
    }),
    ("decodes %u0061", |path| {
        let text = text(path);
        let mut pieces = text.split("%u");
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |made, piece| made + &unicode_piece(piece)).into_bytes()
    }),
    ("takes UTF-8 of two bytes for ASCII", |path| {
        let mut made = Vec::new();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            let (byte, after) = match (first, after.split_first()) {
                (0xc0 | 0xc1, Some((low, after))) => (((first & 1) << 6) | (low & 0x3f), after),
                _ => (*first, after),
            };
            made.push(byte);
            rest = after;
        }
        made
    }),
    ("takes UTF-8 of four to six bytes for ASCII", |path| {
        let mut made = Vec::new();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            let (byte, after) = match rest {
                [0xf0, 0x80, high @ (0x80 | 0x81), low, after @ ..]
                | [0xf8, 0x80, 0x80, high @ (0x80 | 0x81), low, after @ ..]
                | [0xfc, 0x80, 0x80, 0x80, high @ (0x80 | 0x81), low, after @ ..] => {
                    (((high & 1) << 6) | (low & 0x3f), after)
                }
                _ => (*first, after),
            };
            made.push(byte);
            rest = after;
        }
        made
    }),
    ("takes full-width letters for ASCII", |path| {
        by_char(path, |c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap().to_string(),
            c => c.to_string(),
        })
    }),
    ("ignores the case of ASCII", |path| path.to_ascii_lowercase()),
    ("ignores case", |path| by_char(path, |c| c.to_lowercase().to_string())),
    ("ignores case as capitals", |path| text(path).to_uppercase().to_lowercase().into_bytes()),
    ("reads Turkish", |path| text(path).replace(['\u{130}', '\u{131}'], "i").into_bytes()),
    ("turns backslashes", |path| text(path).replace('\\', "/").into_bytes()),
    ("joins slashes", |path| {
        let text = text(path);
        let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
        format!("/{}", names.join("/")).into_bytes()
    }),
    ("drops parameters", |path| by_segment(path, |name| name.split(';').next().unwrap_or_default())),
    ("drops dots, white space and streams as Windows does", |path| {
        by_segment(path, |name| {
            let name = name.split("::$").next().and_then(|name| name.split(":$").next()).unwrap_or_default();
            name.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
        })
    }),
    ("ends the path at a decoded ? or #", |path| {
        text(path).split(['?', '#']).next().unwrap_or_default().to_owned().into_bytes()
    }),
    ("runs a script and reads what follows its name", |path| {
        without_segment(path, |name| [".php", ".cgi"].iter().any(|end| name.to_lowercase().ends_with(end)))
    }),
    ("gives a script what follows its name alone", |path| {
        let text = text(path);
        let names: Vec<&str> = text.split('/').collect();
        let inner = names.len().saturating_sub(1);
        let is_script = |name: &&str| [".php", ".cgi"].iter().any(|end| name.to_lowercase().ends_with(end));
        match names.iter().take(inner).position(is_script) {
            Some(at) => format!("/{}", names[at + 1..].join("/")).into_bytes(),
            None => path.to_vec(),
        }
    }),
    ("takes ASP.NET's session out", |path| {
        without_segment(path, |name| {
            let name = name.to_lowercase();
            ["(s(", "(a("].iter().any(|start| name.starts_with(start)) && name.ends_with("))")
        })
    }),
    ("parses it as a URL", |path| {
        let text = text(path);
        match text.strip_prefix("//").map(|rest| rest.trim_start_matches('/')) {
            Some(rest) => format!("/{}", rest.split_once('/').map_or("", |(_host, path)| path)).into_bytes(),
            None => path.to_vec(),
        }
    }),
];

fn unicode_piece(piece: &str) -> String {
    let digits = piece.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match (digits.and_then(char::from_u32), piece.get(4..)) {
        (Some(c), Some(rest)) => format!("{c}{rest}"),
        _ => format!("%u{piece}"),
    }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn by_char(path: &[u8], step: impl Fn(char) -> String) -> Vec<u8> {
    text(path).chars().map(step).collect::<String>().into_bytes()
}

fn by_segment(path: &[u8], step: impl Fn(&str) -> &str) -> Vec<u8> {
    text(path).split('/').map(step).collect::<Vec<_>>().join("/").into_bytes()
}

/// Removes the first segment that `is_out` finds and that is not the last.
fn without_segment(path: &[u8], is_out: impl Fn(&str) -> bool) -> Vec<u8> {
    let text = text(path);
    let mut names: Vec<&str> = text.split('/').collect();
    let inner = names.len().saturating_sub(1);
    if let Some(at) = names.iter().take(inner).position(|name| is_out(name)) {
        names.remove(at);
    }
    names.join("/").into_bytes()
}

/// Removes dot segments, as most servers do.
fn without_dot_segments(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

const ROUTES: [&str; 5] = ["/kiosk/open/in", "/kiosk/open", "/kiosk", "/v1.2", ""];

fn routes() -> Routes {
    let items: Vec<_> = ROUTES
        .iter()
        .map(|path| serde_json::json!({ "upstream": "https://u.example", "path": format!("{path}/") }))
        .collect();
    Routes::parse(&serde_json::to_string(&items).unwrap()).unwrap()
}

/// The route of this path for a server that compares it without further decoding.
fn route_of(path: &str) -> &'static str {
    let is_below = |route: &&&str| {
        path.strip_prefix(**route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ROUTES.iter().find(is_below).copied().unwrap_or_default()
}

/// Paths that mostly consist of segments of routes' paths, with plain or odd text before and after them.
fn path() -> impl Strategy<Value = String> {
    let plain_names = select(vec!["kiosk", "kiosk", "open", "in", "v1.2", "x"]);
    let odd_names = select(vec![
        "Kiosk",
        "KIOSK",
        "OPEN",
        "V1.2",
        "k%69osk",
        "%6biosk",
        "%4Biosk",
        "%256biosk",
        "%u006biosk",
        "%uff4biosk",
        "%c1%abiosk",
        "%ef%bd%8biosk",
        "%e2%84%aaiosk",
        "k%c4%b1osk",
        "k%c4%b0osk",
        "kio%c5%bfk",
        "\u{212a}iosk",
        "%",
        "kio\u{17f}k",
        "k\u{131}osk",
        "ope%6e",
        "%zz",
        "%e4",
        "..",
        ".",
        "%2e%2e",
        "%c0%ae",
        "_wayleave",
        "_WAYLEAVE",
        "",
        "%f0%80%81%abiosk",
        "%3fx",
        "%2523x",
        ";%2fx",
        ";%252fx",
        ";x%5cy",
        "%3b%3fx",
        "%253b%252fx",
        ";%ef%bc%8fx",
        ":$x%2fy",
        "%3b%ef%bc%8fx",
        "%3b%c0%afx",
        "%3b%u002fx",
        "%u003b%e0%80%afx",
        "%c0%bb%2fx",
        "%3a$%ef%bc%8f",
        "a.php",
        "%61.PHP",
        "(S(x))",
        "%28A(x)F(y))",
    ]);
    let odd_separators = select(vec![
        "//",
        "//",
        "///",
        "%2f",
        "%2F",
        "%252f",
        "%5c",
        "\\",
        "/%2e/",
        "/../",
        "/./",
        "/;/",
        "/x/..;/",
        "/%2f",
        "%c0%af",
        "%e0%80%af",
        "%ef%bc%8f",
        "%u002f",
        "/%20/",
        "%2f%2f",
        "/;%2f",
        "%f8%80%80%80%af",
        "%fc%80%80%80%80%af",
    ]);
    let odd_tails = select(vec![
        ";",
        "%3b",
        ";a=b",
        ".",
        "%2e",
        "%20",
        " ",
        "%09",
        "%0a",
        "%00",
        "%3f",
        "%23",
        "%253f",
        "::$DATA",
        ":$x",
        "%c2%a0",
        "%25",
        ". .",
        "%20%2e",
        ";%3f",
        "K",
        ";%2f",
        ";x%5c",
        "%3b%252f",
        ":$%2f",
        ".php",
        ".cgi;x",
        "%2ecgi",
        ".php%20",
        "%c0%aephp;x",
    ]);
    let separator = prop_oneof![3 => Just("/"), 1 => odd_separators];
    let name = prop_oneof![2 => plain_names, 1 => odd_names];
    let tail = prop_oneof![4 => Just(""), 1 => odd_tails];
    prop::collection::vec((separator, name, tail), 1..5).prop_map(|parts| {
        let path: String =
            parts.into_iter().map(|(before, name, after)| format!("{before}{name}{after}")).collect();
        if path.starts_with('/') { path } else { format!("/{path}") }
    })
}

fn config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: 20_000,
        failure_persistence: Some(Box::new(persistence)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_server_reads_a_path_that_passes_as_one_of_another_route(
        path in path(),
        steps in prop::collection::vec(0..STEPS.len(), 0..6),
    ) {
        let routes = routes();
        let url = format!("https://h.example{path}");
        if let Ok(Resolved::Api { route, .. }) = routes.resolve(&url) {
            let mut read = path.clone().into_bytes();
            let mut did = Vec::new();
            for (what, step) in steps.iter().filter_map(|index| STEPS.get(*index)) {
                read = step(&read);
                did.push(*what);
            }
            let read = text(&read);
            for read in [without_dot_segments(&read), read] {
                let told = format!("{path:?} is {read:?} to a server that {did:?}");
                // What a script runs may belong to a wider route, which guards no more.
                let may_be_wider = did.contains(&"gives a script what follows its name alone");
                let is_wider = route.path().starts_with(route_of(&read));
                prop_assert!(route_of(&read) == route.path() || may_be_wider && is_wider, "{}", told);
                prop_assert!(read != "/_wayleave" && !read.starts_with("/_wayleave/"), "{}", told);
            }
        }
    }
}
