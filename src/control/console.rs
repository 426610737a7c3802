//! The console: the files of `www/`, compiled in, and the headers that protect them.
//!
//! Standards: CSP level 3, Fetch metadata, RFC 9111 (`immutable`: RFC 8246).
//! Invariants: [`FILES`] lists every file of `www/` that a browser loads (a test checks it). Nothing inline
//! and nothing from another origin may run, and no page may frame the console. Scripts and styles are under a
//! path that changes with their content, so a page never mixes two releases and browsers can cache them
//! permanently.
//! What it must not know: sessions, tokens. The console is a client of the admin API.
//! What a mistake costs: a page that runs an attacker's script acts as the operator (false accept).

use crate::formats::key::sha256;
use crate::http::problem::Code;
use crate::http::reply::Reply;
use base64::prelude::*;
use std::sync::LazyLock;

const INDEX: &str = include_str!("../../www/index.html");
/// Where `index.html` lists the modules that `main.js` imports, so that a browser requests all of them at
/// once.
const MODULES_MARK: &str = "<!-- modules -->";
/// The placeholder in `index.html` for the folder of this release.
const RELEASE_MARK: &str = "RELEASE/";

macro_rules! files {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../www/", $name)))),+] };
}

/// The path below `www/`, and the content.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "console.css",
    "dom.js",
    "icon.svg",
    "main.js",
    "router.js",
    "time.js",
    "ui/badge.js",
    "ui/chart.js",
    "ui/copy.js",
    "ui/dialog.js",
    "ui/facts.js",
    "ui/failure.js",
    "ui/form.js",
    "ui/head.js",
    "ui/menu.js",
    "ui/notice.js",
    "ui/table.js",
    "vendor/uplot.css",
    "vendor/uplot.js",
    "views/admin_keys.js",
    "views/attention.js",
    "views/audit.js",
    "views/create.js",
    "views/edit.js",
    "views/event_list.js",
    "views/family.js",
    "views/life_field.js",
    "views/notices.js",
    "views/origins_field.js",
    "views/plan.js",
    "views/policy_fields.js",
    "views/receipt.js",
    "views/revocation.js",
    "views/revoke_dialog.js",
    "views/rotate_dialog.js",
    "views/scope_fields.js",
    "views/settings.js",
    "views/sign_in.js",
    "views/token.js",
    "views/token_actions.js",
    "views/token_calls.js",
    "views/tokens.js",
    "views/usage.js",
    "views/usage_line.js",
    "who.js",
];

/// A name that identifies exactly these files.
static RELEASE: LazyLock<String> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    for (name, text) in FILES {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    // 72 bits are enough to distinguish releases.
    BASE64_URL_SAFE_NO_PAD.encode(sha256(&bytes)).chars().take(12).collect()
});

/// Allows scripts, styles, images and calls of the console's own origin only. Forms are sent by scripts only.
/// `blob:` and `data:` URLs are not allowed. Text never becomes markup (`trusted-types 'none'` allows no
/// policy that could turn it into markup).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src \
    'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// The response to a request below `/_wayleave/console`.
#[must_use]
pub fn reply(method: &str, path: &str) -> Reply {
    if !matches!(method, "GET" | "HEAD") {
        return Reply::problem(Code::MethodNotAllowed).with("Allow", "GET, HEAD");
    }
    match path {
        // Relative links need the trailing slash.
        "" => Reply::empty(308).with("Location", "/_wayleave/console/"),
        "/" => page(200, index()),
        _ => file(path).unwrap_or(Reply::problem(Code::NotFound)),
    }
}

fn index() -> String {
    let modules: String = FILES
        .iter()
        // Files in vendor/ are loaded only when needed.
        .filter(|(name, _)| name.ends_with(".js") && !name.starts_with("vendor/"))
        .map(|(name, _)| format!("<link rel=\"modulepreload\" href=\"{RELEASE_MARK}{name}\">\n"))
        .collect();
    INDEX.replace(MODULES_MARK, &modules).replace(RELEASE_MARK, &format!("{}/", *RELEASE))
}

/// The response where the console would share its origin with an upstream.
#[must_use]
pub fn nowhere() -> Reply {
    page(404, include_str!("../../www/nowhere.html").to_owned())
}

fn file(path: &str) -> Option<Reply> {
    let (release, name) = path.strip_prefix('/')?.split_once('/')?;
    let (_, text) = FILES.iter().find(|(known, _)| *known == name && release == *RELEASE)?;
    let media_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let reply = Reply::text(200, media_type, (*text).to_owned());
    Some(guarded(reply).with("Cache-Control", "public, max-age=31536000, immutable"))
}

fn page(status: u16, html: String) -> Reply {
    guarded(Reply::text(status, "text/html; charset=utf-8", html))
}

fn guarded(reply: Reply) -> Reply {
    reply
        .with("Content-Security-Policy", POLICY)
        .with("Referrer-Policy", "same-origin")
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Cross-Origin-Resource-Policy", "same-origin")
        .with("X-Frame-Options", "DENY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ADMIN_ANSWER_MAX_MS, CONSOLE_WAIT_MS};
    use std::fs;
    use std::path::Path;

    /// The files below `folder`, as names relative to `www/`.
    fn names(folder: &Path, within: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{within}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => found.extend(names(&entry.path(), &format!("{name}/"))),
                false => found.push(name),
            }
        }
        found
    }

    #[test]
    fn the_console_waits_longer_than_the_worker_takes_to_answer() {
        let waits =
            format!("const ANSWER_LIMIT_MS = {};", CONSOLE_WAIT_MS.to_string().replace("000", "_000"));
        let (_, api) = FILES.iter().find(|(name, _)| *name == "api.js").unwrap();
        assert!(api.contains(&waits), "www/api.js does not say: {waits}");
        assert_eq!(api.matches("AbortSignal.timeout").count(), 1, "www/ calls the API in one place");
        const { assert!(CONSOLE_WAIT_MS > ADMIN_ANSWER_MAX_MS) };
    }

    #[test]
    fn every_file_that_a_browser_loads_is_served() {
        let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
        let loaded = |name: &String| [".css", ".js", ".svg"].iter().any(|end| name.ends_with(end));
        let mut expected: Vec<_> = names(&www, "").into_iter().filter(loaded).collect();
        expected.sort();
        let mut served: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, expected);
        for name in served {
            let reply = reply("GET", &format!("/{}/{name}", *RELEASE));
            assert_eq!(reply.status, 200, "{name}");
            assert!(reply.header("Cache-Control").unwrap().contains("immutable"));
            assert_eq!(reply.header("Content-Security-Policy"), Some(POLICY));
        }
    }

    #[test]
    fn the_page_names_the_release_and_is_not_kept() {
        let page = reply("GET", "/");
        assert_eq!(page.header("Cache-Control"), Some("no-store"));
        assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
        let html = page.body.unwrap();
        assert!(html.contains(&format!("\"{}/main.js\"", *RELEASE)));
        assert!(!html.contains(RELEASE_MARK) && !html.contains(MODULES_MARK));
        assert!(html.contains(&format!("<link rel=\"modulepreload\" href=\"{}/dom.js\">", *RELEASE)));
    }

    #[test]
    fn nothing_inline_and_nothing_foreign_may_run_frame_or_be_told() {
        let expected = [
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
        ];
        let directives = [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ];
        let script = reply("GET", &format!("/{}/main.js", *RELEASE));
        for reply in [reply("GET", "/"), script, nowhere()] {
            for (name, value) in expected {
                assert_eq!(reply.header(name), Some(value), "{name}");
            }
            let policy = reply.header("Content-Security-Policy").unwrap();
            assert_eq!(policy.split("; ").collect::<Vec<_>>(), directives);
        }
    }

    #[test]
    fn another_release_another_name_and_another_method_are_refused() {
        assert_eq!(reply("GET", "/another/main.js").status, 404);
        for path in
            ["/main.js", "/x", "/x/", &format!("/{}/index.html", *RELEASE), &format!("/{}/", *RELEASE)]
        {
            assert_eq!(reply("GET", path).status, 404, "{path}");
        }
        assert_eq!(reply("POST", "/").status, 405);
        assert_eq!(reply("GET", "").header("Location"), Some("/_wayleave/console/"));
    }
}
