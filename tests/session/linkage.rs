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
fn openssl_is_loaded_first_and_no_unwinder_at_all() {
    let Some(linkage) = linkage() else { return };
    let names: Vec<&str> = linkage.libraries.iter().map(|name| name.split(".so").next().unwrap()).collect();
    // build.rs says why in this order, and Cargo.toml why without libgcc_s.
    assert_eq!(names[..2], ["libcrypto", "libssl"]);
    assert!(!names.contains(&"libgcc_s"), "{names:?}");
}

fn linkage() -> Option<Linkage> {
    let linkage = Linkage::read(Path::new(env!("CARGO_BIN_EXE_check_imap_session")));
    if linkage.is_none() {
        skipped("what the plugin asks of the system: readelf is not installed (binutils)");
    }
    linkage
}
