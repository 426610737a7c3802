//! The save-time guard against `*.` over a public suffix.
//!
//! Standard: the Public Suffix List and its algorithm (publicsuffix.org), ICANN and private sections.
//! Invariants: asked when a rule is saved, never when a request is decided, so a new list cannot change a decision.
//! What it must not know: rules, schemes, ports.
//! What a mistake costs: a rule that lets in every site of a registry or of a hosting service (false accept).

/// Whether strangers can register names directly below `name` (lower-case A-labels).
///
/// An unlisted top-level name counts (the list's own default rule, `*`): it may be registrable before our copy of the
/// list says so. `localhost` does not: RFC 6761 section 6.3 keeps it on the visitor's own machine. A name whose
/// children are all suffixes (`*.kawasaki.jp`) is found by a made-up child.
pub(super) fn is_public_suffix(name: &str) -> bool {
    if name == "localhost" {
        return false;
    }
    is_own_suffix(name) || is_own_suffix(&format!("{PROBE_LABEL}.{name}"))
}

fn is_own_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == name.as_bytes())
}

/// A label that no entry of the list names.
const PROBE_LABEL: &str = "wayleave-probe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_and_hosting_services_are_public() {
        for name in [
            "com",
            "co.uk",
            "github.io",
            "pages.dev",
            "vercel.app",
            "netlify.app",
            "kawasaki.jp",
            "ck",
            "corp",
        ] {
            assert!(is_public_suffix(name), "{name}");
        }
    }

    #[test]
    fn names_of_one_owner_are_not() {
        for name in
            ["example.com", "example.co.uk", "example.github.io", "city.kawasaki.jp", "www.ck", "localhost"]
        {
            assert!(!is_public_suffix(name), "{name}");
        }
    }
}
