//! AWS-LC, linked into the program. It has no security levels, no openssl.cnf and no directory of its own.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::ssl::{SslContextBuilder, SslRef};
use openssl::stack::StackRef;
use openssl::x509::{X509, X509Ref, X509StoreContextRef, X509VerifyResult};

use super::Weakness;
use crate::credentials::source::show_path;
use crate::net::tls::certificate::is_self_issued;
use crate::net::tls::refusal::verify_result;

/// The library's name in messages.
pub const NAME: &str = "AWS-LC";

/// Where an admin may change the ciphers: nowhere.
pub const PLACE_OF_CIPHERS: Option<&str> = None;

/// The curves that a server may use for the keys of the connection and, in TLS 1.2, in its certificate: all that are safe, in the
/// order of AWS-LC, which has no P-521 by default. The first three are hybrids, against quantum computers.
const CURVES: &str = "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024:X25519:P-256:P-384:P-521";

/// The signatures that a server may make in the handshake, by their names in TLS. By default AWS-LC takes no Ed25519.
const SIGNATURES: &str = "ed25519:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:\
    rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

/// Those that count as too weak.
const WEAK_SIGNATURES: &str = "ecdsa_sha1:rsa_pkcs1_sha1";

/// Hashes of signatures in certificates that count as too weak.
const WEAK_HASHES: [Nid; 3] = [Nid::MD4, Nid::MD5, Nid::SHA1];

/// Results of the verification that come before the strength is looked at: the chain is not complete, or not one of CAs.
const FOUND_BEFORE: [i32; 8] = [
    verify_result::NO_CA_LOCALLY,
    verify_result::SELF_SIGNED,
    verify_result::SELF_SIGNED_IN_CHAIN,
    verify_result::NO_ISSUER_LOCALLY,
    verify_result::NO_ISSUER,
    verify_result::INVALID_CA,
    verify_result::PATH_TOO_LONG,
    verify_result::OTHER_PURPOSE,
];

/// Hashed directories of CAs: of Debian, Alpine, SUSE and Arch Linux; of Fedora and RHEL.
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash"];

/// Bundles: of Debian, Alpine and Arch Linux; of Fedora and RHEL; of SUSE; of Alpine.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Sets the curves that a server may use, and the signatures that it may make in the handshake.
pub fn set_strength(builder: &mut SslContextBuilder, takes_weak: bool) -> Result<(), ErrorStack> {
    builder.set_groups_list(CURVES)?;
    let names = if takes_weak { format!("{SIGNATURES}:{WEAK_SIGNATURES}") } else { SIGNATURES.to_owned() };
    let names = CString::new(names).unwrap_or_default();
    // SAFETY: the builder owns the context and is borrowed for the call. The names end with a zero byte.
    #[allow(unsafe_code, reason = "the crate openssl has this function for OpenSSL alone")]
    let result = unsafe { openssl_sys::SSL_CTX_set1_sigalgs_list(builder.as_ptr(), names.as_ptr()) };
    if result == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Whether the master secret of this connection is the extended one (RFC 7627).
pub fn has_extended_master_secret(ssl: &SslRef) -> bool {
    // SAFETY: the connection is borrowed for the call, which only reads it.
    #[allow(unsafe_code, reason = "the crate openssl has this function for OpenSSL alone")]
    let result = unsafe { openssl_sys::SSL_get_extms_support(ssl.as_ptr()) };
    result == 1
}

/// Whether the server's hello has come.
pub fn has_answered(ssl: &SslRef) -> bool {
    ssl.state_string_long() != "TLS client read_server_hello"
}

/// Finds in the verified chain what OpenSSL refuses and AWS-LC does not: too long a chain, and at the security level 2, which
/// is the default of Debian and of OpenSSL from 3.2 on, less than 112 bits of security. It is asked in the same order, for
/// each result of the verification.
pub fn find_weakness(is_good: bool, takes_weak: bool, context: &X509StoreContextRef) -> Option<Weakness> {
    let chain = context.chain()?;
    if !takes_weak && has_short_key(chain.get(0)?) {
        return Some(Weakness { depth: 0, code: verify_result::KEY_TOO_SMALL });
    }
    if !is_good && FOUND_BEFORE.contains(&context.error().as_raw()) {
        return None;
    }
    if let Some(depth) = find_limit_of_length(chain) {
        return Some(Weakness { depth, code: verify_result::PATH_TOO_LONG });
    }
    if takes_weak {
        return find_unknown_hash(context);
    }
    (0..).zip(chain).find_map(|(depth, certificate)| {
        // Nobody relies on the signature of the last one, which is trusted by itself.
        let is_last = usize::try_from(depth).is_ok_and(|depth| depth + 1 == chain.len());
        let code = if depth > 0 && has_short_key(certificate) {
            verify_result::CA_KEY_TOO_SMALL
        } else if !is_last && has_hash(certificate, &WEAK_HASHES) {
            verify_result::HASH_TOO_WEAK
        } else {
            return None;
        };
        Some(Weakness { depth, code })
    })
}

/// Why OpenSSL refuses this certificate as the one of this side at its security level 2, in its words.
pub fn find_own_weakness(certificate: &X509Ref) -> Option<&'static str> {
    let is_self_signed = certificate.issued(certificate) == X509VerifyResult::OK;
    if has_short_key(certificate) {
        Some("ee key too small")
    } else if !is_self_signed && has_hash(certificate, &WEAK_HASHES) {
        Some("ca md too weak")
    } else {
        None
    }
}

/// The place of the first CA that allows fewer CAs below itself (RFC 5280 section 4.2.1.9). AWS-LC does not ask those that
/// name themselves as the issuer, such as roots.
fn find_limit_of_length(chain: &StackRef<X509>) -> Option<u32> {
    let mut below = 0;
    (0..).zip(chain).skip(1).find_map(|(depth, ca)| {
        let is_exceeded = ca.pathlen().is_some_and(|most| below > most);
        below += u32::from(!is_self_issued(ca));
        is_exceeded.then_some(depth)
    })
}

fn has_short_key(certificate: &X509Ref) -> bool {
    certificate.public_key().is_ok_and(|key| match key.id() {
        Id::RSA | Id::RSA_PSS | Id::DSA => key.bits() < 2048,
        Id::EC => key.bits() < 224,
        _ => false,
    })
}

/// AWS-LC cannot check signatures with these hashes, and takes them for wrong ones.
fn find_unknown_hash(context: &X509StoreContextRef) -> Option<Weakness> {
    let is_unknown = context.error().as_raw() == verify_result::BAD_SIGNATURE
        && has_hash(context.current_cert()?, &[Nid::MD4, Nid::MD5]);
    is_unknown.then(|| Weakness { depth: context.error_depth(), code: verify_result::HASH_TOO_WEAK })
}

fn has_hash(certificate: &X509Ref, hashes: &[Nid]) -> bool {
    let algorithm = certificate.signature_algorithm().object().nid();
    if algorithm == Nid::RSASSAPSS {
        return hashes.contains(&Nid::SHA1) && has_sha1_in_pss(certificate);
    }
    algorithm.signature_algorithms().is_some_and(|algorithm| hashes.contains(&algorithm.digest))
}

/// RSA-PSS has the hash not in its name, but among its parameters, which the crate openssl only prints. Before them the text
/// has the version and the serial number alone.
fn has_sha1_in_pss(certificate: &X509Ref) -> bool {
    certificate.to_text().is_ok_and(|text| {
        let text = String::from_utf8_lossy(&text);
        text.split("Hash Algorithm: ").nth(1).is_some_and(|hash| hash.starts_with("sha1"))
    })
}

/// Trusts the certificates of a hashed directory and no other.
pub fn trust_directory(builder: &mut SslContextBuilder, directory: &Path) -> Result<(), ErrorStack> {
    builder.load_verify_locations(None, Some(directory))
}

/// Trusts the certificates of a file, and those of a directory. As with OpenSSL it is no error if there are none.
pub fn trust_file_and_directory(
    builder: &mut SslContextBuilder,
    file: Option<&Path>,
    directory: &Path,
) -> Result<String, ErrorStack> {
    let directory = Some(directory).filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory {
        trust_directory(builder, directory)?;
    }
    let file = file.filter(|file| builder.load_verify_locations(Some(file), None).is_ok());
    let places: Vec<String> = file.into_iter().chain(directory).map(show_path).collect();
    Ok(format!("the system CAs in {}", if places.is_empty() { "no place".to_owned() } else { places.join(" and ") }))
}

/// The directories in which the system may have its CAs one by one.
pub fn list_directories() -> Vec<PathBuf> {
    DIRECTORIES.map(PathBuf::from).to_vec()
}

/// The files in which it may have them all.
pub fn list_bundles() -> Vec<PathBuf> {
    BUNDLES.map(PathBuf::from).to_vec()
}

/// The reason of an error, in OpenSSL's words.
pub fn read_reason(reason: &str) -> String {
    reason.to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_the_words_of_openssl() {
        assert_eq!(read_reason("WRONG_VERSION_NUMBER"), "wrong version number");
    }
}
