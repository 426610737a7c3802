//! Lines of JavaScript, CSS and HTML are short, as those of Rust are. Biome wraps code alone; this counts
//! comments and long strings too.

use super::{LINE_COLUMNS_MAX, read, root};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 6] = ["www", "src", "tests", "deploy", "benches", "examples"];
const EXTENSIONS: [&str; 5] = ["js", "mjs", "ts", "css", "html"];

/// Not written by hand: `www/vendor` is made by `deploy/console/vendor.mjs`, and builds are in `target`.
const MADE: [&str; 3] = ["www/vendor", "deploy/toolchain/wasm-bindgen/target", "node_modules"];

/// A test's name is one string, however long: reports and `tests/behaviours/behaviours.json` have it so.
const NAMES_A_TEST: [&str; 3] = ["it(", "test(", "describe("];

#[test]
fn lines_of_javascript_css_and_html_are_short() {
    let mut faults = Vec::new();
    let mut files = 0;
    for folder in FOLDERS.iter().filter(|folder| root().join(folder).is_dir()) {
        for path in files_below(&root().join(folder)) {
            files += 1;
            let text = read(&path);
            let path = path.strip_prefix(root()).unwrap();
            for (index, line) in text.lines().enumerate() {
                let columns = line.chars().count();
                let names_a_test = NAMES_A_TEST.iter().any(|call| line.trim_start().starts_with(call));
                if columns > LINE_COLUMNS_MAX && !names_a_test {
                    faults.push(format!("{}:{}: {columns} columns", path.display(), index + 1));
                }
            }
        }
    }
    assert!(files > 150, "the check itself is broken: {files} files found");
    assert!(faults.is_empty(), "too long:\n{}", faults.join("\n"));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if MADE.iter().any(|made| path.ends_with(made)) {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|ending| EXTENSIONS.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
