//! Test vectors: JSON files that other implementations can use. Tests compare or regenerate them.

use serde_json::Value;
use std::path::Path;

/// Compares `rows` with `tests/vectors/<name>`, or writes that file when `REGENERATE=1` is set.
pub(crate) fn check(name: &str, rows: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(rows).unwrap());
    if std::env::var_os("REGENERATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "tests/vectors/{name} is not what the code makes. Look at the difference after: \
         REGENERATE=1 cargo test && git diff tests/vectors"
    );
}
