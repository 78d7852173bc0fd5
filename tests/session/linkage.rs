//! On which systems the plugin starts, and what it loads there. This is the build with the system's OpenSSL; of the portable
//! one tests/consumers/portable.rs knows.
use std::path::Path;

use crate::plugin::skipped;
use crate::testkit::linkage::Linkage;

#[test]
fn the_plugin_starts_with_glibc_2_34_and_openssl_3_0() {
    let Some(linkage) = linkage() else { return };
    assert!(linkage.glibc <= (2, 34), "glibc {:?} is asked for; Enterprise Linux 9 has 2.34", linkage.glibc);
    assert_eq!(linkage.openssl, ["3.0.0"]);
}

#[test]
fn no_library_is_loaded_but_openssl_and_glibc() {
    let Some(linkage) = linkage() else { return };
    let names: Vec<&str> = linkage.libraries.iter().map(|name| name.split(".so").next().unwrap()).collect();
    // In this order: build.rs says why. And without libgcc_s: Cargo.toml says why.
    assert_eq!(names, ["libcrypto", "libssl", "libc"]);
}

fn linkage() -> Option<Linkage> {
    let linkage = Linkage::read(Path::new(env!("CARGO_BIN_EXE_check_imap_session")));
    if linkage.is_none() {
        skipped("what the plugin asks of the system: readelf is not installed (binutils)");
    }
    linkage
}
