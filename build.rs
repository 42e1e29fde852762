//! Tells the linker what to put first: see "How the program lies in memory" in service/linux/README.md.

use std::env;
use std::path::Path;

/// What a gateway runs from its start to its rest, as a script for the linker.
const FIRST: &str = "service/linux/layout/first.ld";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FIRST}");
    if is_for_linux_on_x86_64() && is_release() && !has_linker_of_its_own() {
        let script = Path::new(&variable("CARGO_MANIFEST_DIR")).join(FIRST);
        println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    }
}

/// Elsewhere the script was never tried.
fn is_for_linux_on_x86_64() -> bool {
    variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ARCH") == "x86_64"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
}

/// A program for tests is linked often and is not one to be measured.
fn is_release() -> bool {
    variable("PROFILE") == "release"
}

/// The linkers that a compiler takes by itself, LLVM's and GNU's, know such scripts; others do not.
fn has_linker_of_its_own() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    !variable("RUSTC_LINKER").is_empty() || flags.contains("linker") || flags.contains("fuse-ld")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
