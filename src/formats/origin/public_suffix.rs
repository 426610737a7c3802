//! What the Public Suffix List says about a name. It is asked when a rule is saved or shown.
//!
//! Standard: the Public Suffix List and its algorithm (publicsuffix.org), ICANN and private sections.
//! Invariants: the list is never queried when a request is decided, so a new list cannot change a decision.
//! What it must not know: rules, schemes, ports.
//! What a mistake costs: a rule admits every site of a registry or of a hosting service.

use super::suffix_parents::SUFFIX_PARENTS;
use publicsuffix::{List, Psl, Type};
use std::sync::LazyLock;

/// The list, read when it is first asked: an isolate that only guards never reads it. It is data and not
/// code (the crate `psl`), since every isolate compiles the code of its module when it starts.
static LIST: LazyLock<List> = LazyLock::new(|| {
    // `tests/public_suffix_list.rs` makes the text and compares the answers with those of `psl`.
    include_str!("public_suffix_list.txt").parse().unwrap_or_default()
});

/// Whether other people can register names below `name` (lower-case A-labels) at any depth: it is a public
/// suffix, or one is below it.
///
/// An unlisted top-level name counts (the list's own default rule, `*`): names below it may be registrable
/// before the built-in copy of the list says so. `localhost` does not count: RFC 6761 section 6.3 keeps it on
/// the visitor's own machine. A name whose children are all suffixes (`*.kawasaki.jp`) is found by asking
/// about an invented child.
pub(super) fn covers_a_public_suffix(name: &str) -> bool {
    if name == "localhost" {
        return false;
    }
    is_public_suffix(name)
        || is_public_suffix(&format!("{PROBE_LABEL}.{name}"))
        || is_above_a_public_suffix(name)
}

/// Whether `name` is itself on the list, an unlisted top-level name, or directly below a domain of
/// [`DROPPED_BY_THE_LIST`].
pub(super) fn is_public_suffix(name: &str) -> bool {
    let is_dropped = |(_, parent)| DROPPED_BY_THE_LIST.contains(&parent);
    LIST.suffix(name.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == name.as_bytes())
        || name.split_once('.').is_some_and(is_dropped)
}

/// Whether the owner of this registered domain has public suffixes below it: for example
/// `example.amazonaws.com`, since `s3.amazonaws.com` is one. The list may not yet have the owner's next
/// suffix.
pub(super) fn is_of_an_owner_of_suffixes(name: &str) -> bool {
    let domain = LIST.domain(name.as_bytes()).and_then(|domain| str::from_utf8(domain.as_bytes()).ok());
    domain.is_some_and(is_above_a_public_suffix)
}

/// The suffix under which `name` was given out, if its owner is not a registry. Mostly a hosting service.
pub(super) fn private_suffix(name: &str) -> Option<&str> {
    let suffix = LIST.suffix(name.as_bytes())?;
    let is_private = suffix.typ() == Some(Type::Private);
    str::from_utf8(suffix.as_bytes()).ok().filter(|suffix| is_private && *suffix != name)
}

fn is_above_a_public_suffix(name: &str) -> bool {
    let is_above = |dropped: &&str| dropped.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    SUFFIX_PARENTS.binary_search(&name).is_ok() || DROPPED_BY_THE_LIST.iter().any(is_above)
}

/// Domains at which each name directly below is given to customers, who create names below that. Their owner
/// removed them from the list because of the effect on cookies (github.com/publicsuffix/list, pull request
/// 1966). Who owns the names has not changed: `<customer>.<region>.cloudapp.azure.com`.
const DROPPED_BY_THE_LIST: [&str; 1] = ["cloudapp.azure.com"];

/// A label that no entry of the list contains.
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
            "amazonaws.com",
            "core.windows.net",
            "azure.com",
            "cloudapp.azure.com",
            "westeurope.cloudapp.azure.com",
        ] {
            assert!(covers_a_public_suffix(name), "{name}");
        }
    }

    #[test]
    fn names_of_one_owner_are_not() {
        for name in [
            "example.com",
            "example.co.uk",
            "example.github.io",
            "city.kawasaki.jp",
            "www.ck",
            "localhost",
            "customer.westeurope.cloudapp.azure.com",
            "notazure.com",
        ] {
            assert!(!covers_a_public_suffix(name), "{name}");
        }
    }

    #[test]
    fn whose_a_name_is_told_from_the_suffix() {
        assert_eq!(private_suffix("a.example.github.io"), Some("github.io"));
        assert_eq!([private_suffix("github.io"), private_suffix("example.co.uk")], [None, None]);
        assert!(is_of_an_owner_of_suffixes("a.example.amazonaws.com"));
        assert!(!is_of_an_owner_of_suffixes("bucket.s3.amazonaws.com"));
        assert!(!is_of_an_owner_of_suffixes("com"));
    }
}
