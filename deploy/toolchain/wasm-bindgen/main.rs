//! `wasm-bindgen` as deploy/toolchain/build calls it: makes the JavaScript around a compiled Worker.
//!
//! An option that is not listed here is an error and never ignored: a build that needs one must not get a Worker
//! without it.

use anyhow::{Context, bail};
use std::path::PathBuf;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut bindgen = Bindgen::new();
    let mut out_dir = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--out-dir" => out_dir = Some(PathBuf::from(value()?)),
            "--out-name" => _ = bindgen.out_name(&value()?),
            "--target" => match value()?.as_str() {
                "module" => _ = bindgen.module(true)?,
                other => bail!("--target {other} is not known to this wasm-bindgen"),
            },
            "--no-typescript" => _ = bindgen.typescript(false),
            "--experimental-reset-state-function" => _ = bindgen.reset_state_function(true),
            "--force-enable-abort-handler" => _ = bindgen.force_enable_abort_handler(true),
            option if option.starts_with('-') => bail!("{option} is not known to this wasm-bindgen"),
            input => _ = bindgen.input_path(input),
        }
    }
    bindgen.generate(out_dir.context("--out-dir is missing")?)
}
