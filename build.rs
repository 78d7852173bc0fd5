//! Names libcrypto to the linker before libssl: the dynamic linker looks symbols up in that order, nearly all of
//! them are libcrypto's, and what it does at start is a seventh of a run's instructions. (The portable build has no such
//! library: AWS-LC is inside.)
//!
//! And takes the unwinder out of gcc's archive, where that is there: `libgcc_s.so` is one more library to be loaded at each
//! start, 3 % of a run's processor time.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        println!("cargo:rustc-link-lib=dylib=crypto");
    }
    let of = |variable: &str| std::env::var(variable).unwrap_or_default();
    if of("HOST") != of("TARGET") || of("CARGO_CFG_TARGET_ENV") != "gnu" {
        // This machine's gcc knows nothing about it.
        return;
    }
    // gcc tells where the archive is, or repeats its mere name.
    let told = Command::new("gcc").arg("-print-file-name=libgcc_eh.a").output();
    let place = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if Path::new(&place).is_absolute() {
        // Found by gcc as the linker, which has no shared library of that name.
        println!("cargo:rustc-link-lib=dylib=gcc_eh");
    }
}
