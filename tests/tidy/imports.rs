//! Which file of `src/` imports which, read from the source text with `syn`.
//!
//! Code under `#[cfg(test)]` is left out: a test may look into other rooms. A `pub use` counts as an import;
//! so does a folder's `mod.rs` that uses something of the folder's other files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// Files of `src/`, relative to it, and the files that each imports.
pub(crate) struct Imports {
    pub files: BTreeMap<String, BTreeSet<String>>,
}

impl Imports {
    /// Reads every Rust file below `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let paths = rust_files(src);
        let modules: BTreeMap<Vec<String>, String> =
            paths.iter().map(|path| (module_of(path), path.clone())).collect();
        let files = paths.iter().filter(|path| !is_test_file(path)).map(|path| {
            let text = fs::read_to_string(src.join(path)).unwrap();
            let file = syn::parse_file(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"));
            let mut collector = Collector { here: module_of(path), modules: &modules, paths: Vec::new() };
            collector.visit_file(&file);
            let targets = collector.paths.iter().filter_map(|path| owner(&modules, path));
            let others = targets.filter(|target| *target != path && !is_test_file(target)).cloned();
            (path.clone(), others.collect())
        });
        Self { files: files.collect() }
    }

    /// Groups of files that import each other in a loop, the files of each group in order.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            self.files.keys().map(|file| (file.as_str(), self.reachable(file))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, reached) in &reach {
            let circle: Vec<&str> =
                reached.iter().copied().filter(|other| reach[other].contains(file)).collect();
            if circle.len() > 1 && seen.insert(circle.clone()) {
                circles.push(circle);
            }
        }
        circles
    }

    fn reachable(&self, from: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.files[from].iter().map(String::as_str).collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(self.files.get(file).into_iter().flatten().map(String::as_str));
            }
        }
        reached
    }
}

/// Paths of all Rust files below `root`, relative to it, with `/`.
pub(crate) fn rust_files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// `edge/route/mod.rs` is `["edge", "route"]`; `lib.rs` is the crate itself.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let stem = if stem == "lib" { "" } else { stem.trim_end_matches("/mod") };
    stem.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A file of tests beside the module that it tests.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The file whose module is the longest start of `path`. The crate's root declares modules and owns nothing.
fn owner<'m>(modules: &'m BTreeMap<Vec<String>, String>, path: &[String]) -> Option<&'m String> {
    (1..=path.len()).rev().find_map(|length| modules.get(&path[..length]))
}

struct Collector<'m> {
    here: Vec<String>,
    modules: &'m BTreeMap<Vec<String>, String>,
    /// Absolute paths, without `crate`.
    paths: Vec<Vec<String>>,
}

impl Collector<'_> {
    /// Adds a path as written; paths of other crates are dropped.
    fn add(&mut self, written: &[String]) {
        let Some(first) = written.first() else { return };
        let ups = written.iter().take_while(|part| *part == "super").count();
        let is_child = || {
            let child: Vec<String> = self.here.iter().chain([first]).cloned().collect();
            self.modules.contains_key(&child)
        };
        let (base, skipped): (&[String], usize) = match first.as_str() {
            "crate" => (&[], 1),
            "super" => (&self.here[..self.here.len().saturating_sub(ups)], ups),
            "self" => (&self.here, 1),
            _ if is_child() => (&self.here, 0),
            _ => return,
        };
        self.paths.push(base.iter().chain(&written[skipped..]).cloned().collect());
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.add_tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.add(before),
            UseTree::Name(name) => self.add(&with(name.ident.to_string())),
            UseTree::Rename(rename) => self.add(&with(rename.ident.to_string())),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    /// `pub(super)` and `pub(in …)` say who may import, and import nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&parts);
        visit::visit_path(self, path);
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`.
pub(crate) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}
