//! The page to which every problem's `type` points. It explains each code and reason to people.
//!
//! Invariants: every code and every reason stands on it, under an anchor of its name. The texts are
//! Wayleave's own constants, so they are used as HTML without escaping.

use super::reason::Reason;
use super::table::Code;
use std::fmt::Write;

/// The HTML page: each code with its statuses, texts and reasons.
#[must_use]
pub fn page() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        // `invalid_request` has two rows. The second one stands under the first one's anchor.
        let anchor =
            if code == Code::InvalidFields { String::new() } else { format!(" id=\"{}\"", code.code()) };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            rows,
            "<section{anchor}><h2><code>{}</code> <span>{}</span></h2>\
             <p><strong>{}.</strong> {}</p>{}</section>",
            code.code(),
            code.status(),
            code.title(),
            code.detail(),
            reasons(code),
        );
    }
    format!("{PAGE_HEAD}{rows}</main></body></html>\n")
}

fn reasons(code: Code) -> String {
    let mut rows = String::new();
    for reason in Reason::ALL.into_iter().filter(|reason| reason.code() == code) {
        let (name, detail) = (reason.name(), reason.detail());
        let _ = write!(rows, "<dt id=\"{}.{name}\"><code>{name}</code></dt><dd>{detail}</dd>", code.code());
    }
    if rows.is_empty() { rows } else { format!("<dl>{rows}</dl>") }
}

const PAGE_HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Wayleave: problems</title>\
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0}\
main{max-width:44rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.6rem}\
h2{font-size:1.05rem;margin:0}h2 span{font-weight:400;opacity:.75}section{padding:.9rem 0;\
border-top:1px solid color-mix(in srgb,currentColor 20%,transparent)}\
section:target{background:color-mix(in srgb,gold 25%,transparent)}\
p{margin:.3rem 0 0}dl{margin:.6rem 0 0}dt{margin:.5rem 0 0}dd{margin:0 0 0 1.5rem}</style></head>\
<body><main><h1>Problems</h1><p>Every refusal names one of these codes in the \
<code>code</code> member of its <code>application/problem+json</code> body; \
where a code has several causes, <code>reason</code> says which. \
Both are stable.</p>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_are_explained_on_the_page() {
        let page = page();
        for code in Code::ALL {
            assert!(page.contains(&format!("id=\"{}\"", code.code())), "{}", code.code());
            assert!(page.contains(code.detail()));
        }
        for reason in Reason::ALL {
            assert!(page.contains(&format!("id=\"{}.{}\"", reason.code().code(), reason.name())));
            assert!(page.contains(reason.detail()));
        }
    }
}
