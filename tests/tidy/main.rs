//! The rules of the house, read from the source text: which room may import which, no circles, and how long
//! things are.
//!
//! `REGENERATE=1` writes the picture of the rooms anew.

#![cfg(test)] // so clippy takes all of it for a test

mod functions;
mod imports;
mod javascript;
mod picture;

use imports::{Imports, is_test_file, rust_files};
use picture::plane;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms the files of a room may import, beside their own. `platform` and `lib` may import all.
const MAY_IMPORT: [(&str, &[&str]); 9] = [
    ("limits", &[]),
    ("base", &["limits"]),
    ("http", &["base", "limits"]),
    ("formats", &["base", "http", "limits"]),
    ("client", &["base", "formats", "http", "limits"]),
    ("edge", &["base", "client", "formats", "http", "limits"]),
    ("control", &["base", "formats", "http", "limits"]),
    ("usage", &["base", "formats", "http", "limits"]),
    ("config", &["base", "control", "edge", "formats", "http", "limits", "usage"]),
];

const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 110;
const FILE_LINES_MAX: usize = 500;
/// Tests with more lines are in a file of their own, `tests.rs` below their module. So are a folder's.
const INLINE_TESTS_LINES_MAX: usize = 200;

/// Longer than [`FILE_LINES_MAX`]: each is one table.
const TABLES: [&str; 1] = ["control/admin/operations.rs"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn imports() -> Imports {
    Imports::read(&root().join("src"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn no_plane_imports_what_it_must_not_know() {
    let imports = imports();
    let mut faults = Vec::new();
    for (file, targets) in &imports.files {
        let Some((room, allowed)) = MAY_IMPORT.iter().find(|(room, _)| *room == plane(file)) else {
            assert!(["lib", "platform"].contains(&plane(file)), "no rule says what {file} may import");
            continue;
        };
        let crossing = targets.iter().filter(|to| plane(to) != *room && !allowed.contains(&plane(to)));
        faults.extend(crossing.map(|target| format!("{file} > {}", plane(target))));
    }
    faults.dedup();
    assert!(faults.is_empty(), "crossings between rooms: {faults:#?}");
}

/// So no circle can run through the rooms of that list, and nothing imports `platform`.
#[test]
fn each_room_imports_only_rooms_before_it() {
    for (index, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        for import in *allowed {
            let is_before = MAY_IMPORT[..index].iter().any(|(before, _)| before == import);
            assert!(is_before, "{room} may import {import}, which does not stand before it");
        }
    }
}

#[test]
fn no_circle_runs_through_two_planes() {
    for circle in imports().circles() {
        let is_inside = circle.iter().all(|file| plane(file) == plane(circle[0]));
        assert!(is_inside, "these files import each other in a loop:\n{}", circle.join("\n"));
    }
}

#[test]
fn no_circle_runs_inside_a_plane() {
    if let Some(circle) = imports().circles().first() {
        panic!("these files import each other in a loop:\n{}", circle.join("\n"));
    }
}

#[test]
fn functions_are_short() {
    let src = root().join("src");
    let mut faults = Vec::new();
    for file in rust_files(&src).iter().filter(|file| !is_test_file(file)) {
        let lengths = functions::lengths(&read(&src.join(file)));
        let long = lengths.into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        faults.extend(long.map(|(name, lines)| format!("src/{file}: {name} has {lines} lines")));
    }
    assert!(faults.is_empty(), "functions above {FUNCTION_LINES_MAX} lines:\n{}", faults.join("\n"));
}

#[test]
fn lines_and_files_are_short() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches"] {
        let folder_path = root().join(folder);
        for file in rust_files(&folder_path) {
            let text = read(&folder_path.join(&file));
            let path = format!("{folder}/{file}");
            for (index, line) in text.lines().enumerate() {
                let columns = line.chars().count();
                if columns > LINE_COLUMNS_MAX {
                    faults.push(format!("{path}:{}: {columns} columns", index + 1));
                }
            }
            let lines = text.lines().count();
            let is_product = folder == "src" && !is_test_file(&file);
            if is_product && lines > FILE_LINES_MAX && !TABLES.contains(&file.as_str()) {
                faults.push(format!("{path}: {lines} lines"));
            }
        }
    }
    assert!(faults.is_empty(), "too long:\n{}", faults.join("\n"));
}

#[test]
fn tests_of_a_module_are_in_the_one_place_for_them() {
    let src = root().join("src");
    for file in rust_files(&src) {
        let text = read(&src.join(&file));
        let folder = file.strip_suffix("/mod.rs");
        if let Some((_, tests)) = text.split_once("#[cfg(test)]\nmod tests {") {
            let lines = tests.lines().count();
            let is_inline = folder.is_none() && lines <= INLINE_TESTS_LINES_MAX;
            assert!(is_inline, "src/{file}: its {lines} lines of tests belong into tests.rs");
        }
        if text.contains("#[cfg(test)]\nmod tests;") && folder.is_none() {
            let apart = src.join(file.trim_end_matches(".rs")).join("tests.rs");
            let lines = read(&apart).lines().count();
            assert!(lines > INLINE_TESTS_LINES_MAX, "src/{file}: its {lines} lines of tests belong inline");
        }
    }
}

#[test]
fn the_picture_of_the_rooms_is_the_one_committed() {
    let path = root().join("docs/rooms.md");
    let page = picture::page(&imports());
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(read(&path), page, "run: REGENERATE=1 cargo test --locked --test tidy");
}

/// A reference to the contract is a file of `docs/` and one of its headings: `docs/http.md, "Origin rules"`.
#[test]
fn every_reference_to_the_contract_leads_to_a_heading() {
    let mut faults = Vec::new();
    let mut found = 0;
    for folder in ["src", "tests", "benches"] {
        let folder_path = root().join(folder);
        for file in rust_files(&folder_path) {
            let text = read(&folder_path.join(&file));
            assert!(
                !text.contains(concat!("DES", "IGN section")),
                "{folder}/{file} cites a document that is not here"
            );
            for (document, heading) in references(&text) {
                found += 1;
                let is_there = fs::read_to_string(root().join("docs").join(&document))
                    .is_ok_and(|page| headings(&page).any(|known| known == heading));
                if !is_there {
                    faults.push(format!("{folder}/{file}: docs/{document}, \"{heading}\""));
                }
            }
        }
    }
    assert!(found > 50, "the check itself is broken: {found} references found");
    assert!(faults.is_empty(), "references that lead nowhere:\n{}", faults.join("\n"));
}

/// `docs/<file>.md, "<heading>"`, also where a comment's line ends inside it.
fn references(text: &str) -> Vec<(String, String)> {
    let joined =
        text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!'])).collect::<Vec<_>>();
    let flat = joined.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let after = flat.split("docs/").skip(1);
    let parsed = after.filter_map(|rest| {
        let (file, rest) = rest.split_once(".md, \"")?;
        let (heading, _) = rest.split_once('"')?;
        file.chars()
            .all(|c| c.is_ascii_lowercase() || c == '-')
            .then(|| (format!("{file}.md"), heading.to_owned()))
    });
    parsed.collect()
}

fn headings(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}
