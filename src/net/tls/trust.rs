//! Which CAs are trusted: those of a file, or those of the system.

use std::fs;
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslFiletype};
use openssl::x509::X509;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;

use super::reason::find_first_reason;
use crate::credentials::source::show_path;
use crate::failure::Failure;

/// Only the certificates of a PEM file, each of them by itself: also those of intermediate CAs and of servers.
pub(super) fn trust_file(builder: &mut SslContextBuilder, pem: &[u8]) -> Result<(), String> {
    let store = X509StoreBuilder::new().map_err(|error| find_first_reason(&error))?;
    builder.set_cert_store(store.build());
    trust_also(builder, pem)
}

/// The certificates of a PEM file, too, each of them by itself.
pub(super) fn trust_also(builder: &mut SslContextBuilder, pem: &[u8]) -> Result<(), String> {
    let certificates =
        X509::stack_from_pem(pem).map_err(|error| format!("no PEM certificates: {}", find_first_reason(&error)))?;
    if certificates.is_empty() {
        return Err("no PEM certificate is in it".to_owned());
    }
    let store = builder.cert_store_mut();
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN).map_err(|error| find_first_reason(&error))?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(|error| find_first_reason(&error))?;
    }
    Ok(())
}

/// The system's CAs, looked up one by one in OpenSSL's hashed directory: parsing the whole bundle, as OpenSSL does by
/// default, costs ten times the rest of a run. OpenSSL's default is used if there is no such directory, or if
/// `SSL_CERT_FILE` names a file elsewhere. (A bundle inside the hashed directory holds the same CAs as the directory.)
/// As everywhere on the system, only roots are trusted by themselves.
pub(super) fn trust_system(builder: &mut SslContextBuilder) -> Result<String, ErrorStack> {
    let directory = std::env::var_os("SSL_CERT_DIR").map_or_else(find_default_directory, PathBuf::from);
    let own_file = std::env::var_os("SSL_CERT_FILE").is_some_and(|file| Path::new(&file).parent() != Some(&directory));
    if own_file || !is_hashed(&directory) {
        builder.set_default_verify_paths()?;
        return Ok("the default files of OpenSSL".to_owned());
    }
    let mut store = X509StoreBuilder::new()?;
    store.add_lookup(X509Lookup::hash_dir())?.add_dir(&directory.to_string_lossy(), SslFiletype::PEM)?;
    builder.set_cert_store(store.build());
    Ok(format!("the system CAs in {}", show_path(&directory)))
}

/// If the system has no CA at all: the failure, with the places where they should be. Looks at files: this is for a
/// certificate that was refused, not for every run.
pub(super) fn explain_empty_trust() -> Option<Failure> {
    let directories = std::env::var_os("SSL_CERT_DIR").unwrap_or_else(|| find_default_directory().into());
    let directories: Vec<PathBuf> = std::env::split_paths(&directories).collect();
    let file =
        std::env::var_os("SSL_CERT_FILE").map_or_else(|| find_openssl_directory().join("cert.pem"), PathBuf::from);
    if directories.iter().any(|directory| is_hashed(directory)) || has_certificate(&file) {
        return None;
    }
    let places = directories.iter().chain([&file]).filter(|place| !place.as_os_str().is_empty());
    let places: Vec<String> = places.map(|place| show_path(place)).collect();
    let why = match places.as_slice() {
        [] => "SSL_CERT_DIR and SSL_CERT_FILE are empty".to_owned(),
        places => format!("this host has no CA certificates in {}", places.join(" or ")),
    };
    let failure = Failure::local(why);
    Some(failure.with_hint("install the package ca-certificates, or see --ca-file"))
}

fn find_default_directory() -> PathBuf {
    find_openssl_directory().join("certs")
}

/// OpenSSL names it only inside a text: `OPENSSLDIR: "/usr/lib/ssl"`.
fn find_openssl_directory() -> PathBuf {
    PathBuf::from(openssl::version::dir().split('"').nth(1).unwrap_or("/etc/ssl"))
}

/// Whether a directory has an entry such as `4a6481c9.0` that leads to a file.
fn is_hashed(directory: &Path) -> bool {
    directory.read_dir().is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let is_hash = entry.file_name().to_string_lossy().split_once('.').is_some_and(|(hash, number)| {
                    hash.len() == 8
                        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                        && number.parse::<u32>().is_ok()
                });
                is_hash && entry.path().exists()
            })
        })
    })
}

/// Whether a file has a certificate in PEM, also one of the kind `TRUSTED CERTIFICATE`.
fn has_certificate(file: &Path) -> bool {
    let end = b"CERTIFICATE-----";
    fs::read(file).is_ok_and(|content| content.windows(end.len()).any(|window| window == end))
}
