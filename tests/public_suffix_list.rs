//! The check of `*.` rules when they are saved, tested with every entry of the Public Suffix List.
//!
//! Two files of the product are made here of the list that the crate `psl` carries, as text and compiled to
//! code. `src/formats/origin/public_suffix_list.txt` is the list itself. `suffix_parents.rs` beside it names
//! those that have a suffix below them, which the list cannot tell. Run `REGENERATE=1 cargo test --locked
//! --test public_suffix_list` after each update of the crate.

#![cfg(test)] // so clippy takes all of it for a test

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use url::Url;
use wayleave::formats::origin::{OriginRule, RuleError};

/// One entry of the list, its name in A-labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    /// `co.uk`: the name is a suffix.
    Suffix(String),
    /// `*.ck`: each name directly below is a suffix.
    EachBelow(String),
    /// `!www.ck`: this name is not a suffix.
    Exception(String),
}

/// The entries from which the pinned version of `psl` was made.
fn entries() -> Vec<Entry> {
    let text = std::fs::read_to_string(psl_folder().join("data/rules.txt")).expect("psl carries its list");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let entries: Vec<Entry> = lines
        .map(|line| match (line.strip_prefix("*."), line.strip_prefix('!')) {
            (Some(name), _) => Entry::EachBelow(a_labels(name)),
            (_, Some(name)) => Entry::Exception(a_labels(name)),
            _ => Entry::Suffix(a_labels(line)),
        })
        .collect();
    assert!(entries.len() > 9_000, "a list of {} entries is not the whole one", entries.len());
    entries
}

/// The directory in which Cargo keeps the sources of `psl`.
fn psl_folder() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let psl = packages.iter().find(|package| package["name"] == "psl").unwrap();
    Path::new(psl["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

fn a_labels(name: &str) -> String {
    Url::parse(&format!("https://{name}/")).unwrap().host_str().unwrap().to_owned()
}

/// The names above `name`, nearest first.
fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.')).map(|(_, rest)| rest)
}

/// Whether `psl` alone says that strangers can have names directly below `name`.
fn psl_alone_refuses(name: &str) -> bool {
    let is_suffix = |name: &str| psl::suffix(name.as_bytes()).unwrap().as_bytes() == name.as_bytes();
    is_suffix(name) || is_suffix(&format!("wayleave-probe.{name}"))
}

fn wildcard_over(name: &str) -> Result<(), RuleError> {
    OriginRule::parse(&format!("*.{name}"), &[]).map(|_| ())
}

/// The list in the form that `publicsuffix` reads, with its two sections.
#[test]
fn the_products_list_is_made_of_that_of_psl() {
    let section = |title: &str, is_private: bool| {
        let mut text = format!("// ===BEGIN {title} DOMAINS===\n");
        for entry in entries() {
            let (rule, name) = match &entry {
                Entry::Suffix(name) => (name.clone(), name.clone()),
                Entry::EachBelow(name) => (format!("*.{name}"), format!("wayleave-probe.{name}")),
                Entry::Exception(name) => (format!("!{name}"), name.clone()),
            };
            let typ = psl::suffix(name.as_bytes()).unwrap().typ();
            if (typ == Some(psl::Type::Private)) == is_private {
                text.push_str(&format!("{rule}\n"));
            }
        }
        text + &format!("// ===END {title} DOMAINS===\n")
    };
    let text = section("ICANN", false) + &section("PRIVATE", true);
    is_made("public_suffix_list.txt", &text);
    let list: publicsuffix::List = text.parse().unwrap();
    for entry in entries() {
        let (Entry::Suffix(name) | Entry::EachBelow(name) | Entry::Exception(name)) = entry;
        for name in [name.clone(), format!("a.{name}"), format!("b.a.{name}"), format!("c.b.a.{name}")] {
            use publicsuffix::Psl;
            let (ours, theirs) =
                (list.suffix(name.as_bytes()).unwrap(), psl::suffix(name.as_bytes()).unwrap());
            assert_eq!((ours.as_bytes(), ours.typ()), (theirs.as_bytes(), theirs.typ()), "{name}");
        }
    }
}

#[test]
fn the_text_is_the_list_that_psl_compiled() {
    for entry in entries() {
        let (name, suffix) = match &entry {
            Entry::Suffix(name) => (format!("a.{name}"), name.clone()),
            Entry::EachBelow(name) => (format!("a.wayleave-probe.{name}"), format!("wayleave-probe.{name}")),
            Entry::Exception(name) => (format!("a.{name}"), above(name).next().unwrap().to_owned()),
        };
        let found = psl::suffix(name.as_bytes()).unwrap();
        // `a.` may itself be an entry of the list.
        let is_longer = found.as_bytes() == name.as_bytes();
        assert!(is_longer || found.as_bytes() == suffix.as_bytes(), "{name}: {suffix}");
    }
}

#[test]
fn a_wildcard_over_a_suffix_or_over_any_name_above_one_is_refused() {
    let mut taken = BTreeSet::new();
    for entry in entries() {
        let refused: Vec<&str> = match &entry {
            Entry::Suffix(name) | Entry::EachBelow(name) => {
                [name.as_str()].into_iter().chain(above(name)).collect()
            }
            Entry::Exception(_) => continue,
        };
        taken.extend(
            refused
                .into_iter()
                .filter(|name| wildcard_over(name) != Err(RuleError::PublicSuffix))
                .map(str::to_owned),
        );
    }
    assert!(taken.is_empty(), "{} names: {:?} …", taken.len(), taken.iter().take(20).collect::<Vec<_>>());
}

#[test]
fn a_wildcard_over_a_customers_own_name_is_taken() {
    for entry in entries() {
        let own = match &entry {
            Entry::Suffix(name) => format!("shop.wayleave-customer.{name}"),
            Entry::EachBelow(name) => format!("wayleave-customer.any-region.{name}"),
            Entry::Exception(name) => name.clone(),
        };
        assert_eq!(wildcard_over(&own), Ok(()), "{own}");
    }
}

#[test]
fn the_table_is_made_of_the_list() {
    let mut parents = BTreeSet::new();
    for entry in entries() {
        if let Entry::Suffix(name) | Entry::EachBelow(name) = entry {
            parents.extend(above(&name).filter(|name| !psl_alone_refuses(name)).map(str::to_owned));
        }
    }
    let mut text = HEAD.to_owned();
    let mut line = String::from("   ");
    for name in &parents {
        if line.len() + name.len() + 4 > LINE_MAX_CHARS {
            text.push_str(&line);
            text.push('\n');
            line = String::from("   ");
        }
        line.push_str(&format!(" \"{name}\","));
    }
    text.push_str(&format!("{line}\n];\n"));
    is_made("suffix_parents.rs", &text);
}

/// Asserts that the file `name` has this text; with `REGENERATE=1` it is written first.
fn is_made(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/formats/origin").join(name);
    if std::env::var_os("REGENERATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "{} is not made of the list that psl now has: REGENERATE=1 cargo test --locked --test \
         public_suffix_list && git diff src/formats/origin",
        path.display()
    );
}

const LINE_MAX_CHARS: usize = 108;
const HEAD: &str = "\
//! Names that are no public suffix themselves and have one below them: `amazonaws.com`, since
//! `s3.amazonaws.com` is one.
//!
//! Made by `tests/public_suffix_list.rs` of the list that the crate `psl` carries; not to be edited.

/// Sorted by bytes. Without those that [`super::public_suffix`] finds by asking the list.
#[rustfmt::skip]
pub(super) const SUFFIX_PARENTS: &[&str] = &[
";
