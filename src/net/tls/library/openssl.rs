//! OpenSSL of the system.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslFiletype, SslRef};
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::{X509Ref, X509StoreContextRef};

use super::Weakness;

/// The library's name in messages.
pub const NAME: &str = "OpenSSL";

/// Where an admin may change the ciphers.
pub const PLACE_OF_CIPHERS: Option<&str> = Some("CipherString in openssl.cnf");

/// OpenSSL 3 takes the signatures of the versions before TLS 1.2 at no other security level than the lowest, which also takes
/// short keys.
pub fn set_strength(builder: &mut SslContextBuilder, takes_weak: bool) -> Result<(), ErrorStack> {
    if takes_weak { builder.set_cipher_list("DEFAULT:@SECLEVEL=0") } else { Ok(()) }
}

/// OpenSSL finds it itself, by the security level of this host.
pub fn find_weakness(_is_good: bool, _takes_weak: bool, _context: &X509StoreContextRef) -> Option<Weakness> {
    None
}

/// OpenSSL refuses it itself, by the security level of this host.
pub fn find_own_weakness(_certificate: &X509Ref) -> Option<&'static str> {
    None
}

/// Trusts the certificates of a hashed directory and no other.
pub fn trust_directory(builder: &mut SslContextBuilder, directory: &Path) -> Result<(), ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    store.add_lookup(X509Lookup::hash_dir())?.add_dir(&directory.to_string_lossy(), SslFiletype::PEM)?;
    builder.set_cert_store(store.build());
    Ok(())
}

/// OpenSSL looks for both itself, by its defaults and the variables `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub fn trust_file_and_directory(
    builder: &mut SslContextBuilder,
    _file: Option<&Path>,
    _directory: &Path,
) -> Result<String, ErrorStack> {
    builder.set_default_verify_paths()?;
    Ok("the default files of OpenSSL".to_owned())
}

/// The directory in which the system has its CAs one by one.
pub fn list_directories() -> Vec<PathBuf> {
    vec![find_folder().join("certs")]
}

/// The file in which it has them all.
pub fn list_bundles() -> Vec<PathBuf> {
    vec![find_folder().join("cert.pem")]
}

/// OpenSSL names it only inside a text: `OPENSSLDIR: "/usr/lib/ssl"`.
fn find_folder() -> PathBuf {
    PathBuf::from(openssl::version::dir().split('"').nth(1).unwrap_or("/etc/ssl"))
}

/// Whether the server's hello has come: it has a random number, which is zero until then.
pub fn has_answered(ssl: &SslRef) -> bool {
    let mut random = [0; 32];
    ssl.server_random(&mut random);
    random != [0; 32]
}

/// Whether the master secret of this connection is the extended one (RFC 7627).
pub fn has_extended_master_secret(ssl: &SslRef) -> bool {
    ssl.extms_support() == Some(true)
}

/// The reason of an error, in OpenSSL's words.
pub fn read_reason(reason: &str) -> String {
    reason.to_owned()
}
