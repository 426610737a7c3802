//! `docs/rooms.md`: the rooms of `src/` and who imports whom, drawn from the imports.

use super::imports::Imports;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The page, in Markdown with Mermaid diagrams.
pub(crate) fn page(imports: &Imports) -> String {
    let mut page = String::from(HEAD);
    let planes = arrows(imports, |file| Some(plane(file).to_owned()));
    page.push_str("\n## The planes\n\nEvery folder imports `base`; those arrows are left out.\n\n");
    draw(&mut page, &planes, |to| to != "base");
    for inside in ["edge", "control", "control/registry", "usage", "platform"] {
        let within = arrows(imports, |file| room_in(file, inside));
        let _ = write!(page, "\n## Inside `{inside}`\n\n");
        draw(&mut page, &within, |_| true);
    }
    page
}

const HEAD: &str = "# Imports between folders

Made from the imports of `src/` by
`REGENERATE=1 cargo test --locked --test tidy`; a test compares it.
An arrow means *imports*. Code under `#[cfg(test)]` is left out.
";

/// The first part of a file's path: `edge` of `edge/route/mod.rs`.
pub(crate) fn plane(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// The folder or file directly below `inside` that holds `file`.
fn room_in(file: &str, inside: &str) -> Option<String> {
    let rest = file.strip_prefix(inside)?.strip_prefix('/')?;
    Some(rest.split('/').next()?.trim_end_matches(".rs").to_owned())
}

fn arrows(imports: &Imports, room: impl Fn(&str) -> Option<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, targets) in &imports.files {
        let Some(from) = room(file).filter(|from| from != "lib" && from != "mod") else { continue };
        let to = targets.iter().filter_map(|target| room(target));
        let to: Vec<String> = to.filter(|to| *to != from && to != "mod").collect();
        arrows.entry(from).or_default().extend(to);
    }
    arrows
}

fn draw(page: &mut String, arrows: &BTreeMap<String, BTreeSet<String>>, is_drawn: impl Fn(&str) -> bool) {
    page.push_str("```mermaid\nflowchart TD\n");
    for (from, targets) in arrows {
        let _ = writeln!(page, "  {from}");
        for to in targets.iter().filter(|to| is_drawn(to)) {
            let _ = writeln!(page, "  {from} --> {to}");
        }
    }
    page.push_str("```\n");
}
