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
    "clock.js",
    "console.css",
    "counted.js",
    "dom.js",
    "hands.js",
    "icon.svg",
    "kept.js",
    "later.js",
    "latest.js",
    "main.js",
    "rare/audit.js",
    "rare/bulk_dialog.js",
    "rare/bulk_kinds.js",
    "rare/bulk_run.js",
    "rare/key_list.js",
    "rare/licences.js",
    "rare/palette.js",
    "rare/saved_views.js",
    "rare/signing_keys.js",
    "rare/token_csv.js",
    "router.js",
    "snippets/apis.js",
    "snippets/credential.js",
    "snippets/maps.js",
    "snippets/quoting.js",
    "snippets/snippets.js",
    "theme.js",
    "time.js",
    "ui/badge.js",
    "ui/chart.js",
    "ui/chip.js",
    "ui/copy.js",
    "ui/dense_table.js",
    "ui/dialog.js",
    "ui/facts.js",
    "ui/failure.js",
    "ui/form.js",
    "ui/head.js",
    "ui/menu.js",
    "ui/notice.js",
    "ui/problem_words.js",
    "ui/site.js",
    "ui/table.js",
    "ui/theme.js",
    "ui/unsaved.js",
    "vendor/uplot.css",
    "vendor/uplot.js",
    "views/admin_keys.js",
    "views/attention.js",
    "views/auto_rotate_field.js",
    "views/configuration.js",
    "views/create.js",
    "views/danger_dialog.js",
    "views/difference.js",
    "views/edit.js",
    "views/end_dialog.js",
    "views/endings.js",
    "views/event_list.js",
    "views/family.js",
    "views/first_request.js",
    "views/guide.js",
    "views/home.js",
    "views/just_made.js",
    "views/last_used.js",
    "views/latest_change.js",
    "views/life_field.js",
    "views/lost_sites.js",
    "views/notices.js",
    "views/obstacles.js",
    "views/origins_field.js",
    "views/outcomes.js",
    "views/pasted.js",
    "views/plan.js",
    "views/plan_fields.js",
    "views/policy_fields.js",
    "views/quota_field.js",
    "views/receipt.js",
    "views/refresher.js",
    "views/refusal_words.js",
    "views/refusals.js",
    "views/revocation.js",
    "views/revoke_dialog.js",
    "views/rotate_dialog.js",
    "views/scope_fields.js",
    "views/selection.js",
    "views/settings.js",
    "views/sign_in.js",
    "views/stop_dialog.js",
    "views/token.js",
    "views/token_actions.js",
    "views/token_calls.js",
    "views/token_filters.js",
    "views/token_list.js",
    "views/token_names.js",
    "views/token_search.js",
    "views/tokens.js",
    "views/usage.js",
    "views/usage_line.js",
    "views/use_it.js",
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

/// `main.js` and the modules that it imports, directly or not: those of the first load. What is imported by a
/// call of `import()` is loaded when it is needed.
fn first_modules() -> Vec<&'static str> {
    let mut found = vec!["main.js"];
    let mut at = 0;
    while let Some(name) = found.get(at).copied() {
        let text = FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
        for imported in text.lines().filter_map(imported_by).map(|path| resolved(name, path)) {
            let known = FILES.iter().map(|(known, _)| *known).find(|known| *known == imported);
            found.extend(known.filter(|known| !found.contains(known)));
        }
        at += 1;
    }
    found
}

/// The path in `import … from '…';`, or in the last line of a longer one.
fn imported_by(line: &str) -> Option<&str> {
    let is_import = line.starts_with("import ") || line.starts_with("} from ");
    line.strip_suffix("';")?.rsplit_once(" from '").map(|(_, path)| path).filter(|_| is_import)
}

/// What a path in the module `name` leads to: `../dom.js` in `ui/menu.js` is `dom.js`.
fn resolved(name: &str, path: &str) -> String {
    let mut folders: Vec<_> = name.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                folders.pop();
            }
            part => folders.push(part),
        }
    }
    folders.join("/")
}

fn index() -> String {
    let modules: String = first_modules()
        .into_iter()
        .map(|name| format!("<link rel=\"modulepreload\" href=\"{RELEASE_MARK}{name}\">\n"))
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
    use crate::limits::{ADMIN_ANSWER_MAX_MS, CLOCK_SKEW_MS, CONSOLE_WAIT_MS};
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
    fn the_countdown_is_of_the_bound_without_the_skew() {
        let skew = format!("const SKEW_MS = {};", CLOCK_SKEW_MS.to_string().replace("000", "_000"));
        let (_, receipt) = FILES.iter().find(|(name, _)| *name == "views/receipt.js").unwrap();
        assert!(receipt.contains(&skew), "www/views/receipt.js does not say: {skew}");
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
    fn the_modules_that_main_js_imports_are_loaded_first_and_no_others() {
        let first = first_modules();
        for name in ["main.js", "dom.js", "ui/unsaved.js", "views/sign_in.js", "views/token_calls.js"] {
            assert!(first.contains(&name), "{name}: {first:?}");
        }
        for name in ["theme.js", "vendor/uplot.js", "rare/palette.js", "views/token.js", "views/tokens.js"] {
            assert!(!first.contains(&name), "{name}");
        }
        assert_eq!(resolved("views/a.js", "../ui/b.js"), "ui/b.js");
        assert_eq!(resolved("main.js", "./ui/b.js"), "ui/b.js");
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
