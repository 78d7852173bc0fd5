//! Names libcrypto to the linker before libssl: the dynamic linker looks symbols up in that order, nearly all of
//! them are libcrypto's, and what it does at start is a seventh of a run's instructions. (The portable build has no such
//! library: AWS-LC is inside.)

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        println!("cargo:rustc-link-lib=dylib=crypto");
    }
}
