//! Which CAs are trusted: those of a file, or those of the system.

use std::fs;
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

use super::library;
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

/// The system's CAs, looked up one by one in a hashed directory: parsing the whole bundle costs several times the rest of a
/// run. A bundle is parsed if there is no such directory, or if `SSL_CERT_FILE` names a file elsewhere. (A bundle inside the
/// hashed directory holds the same CAs as the directory.) As everywhere on the system, only roots are trusted by themselves.
pub(super) fn trust_system(builder: &mut SslContextBuilder) -> Result<String, ErrorStack> {
    let directory = std::env::var_os("SSL_CERT_DIR").map_or_else(|| find_directory(Path::new("/")), PathBuf::from);
    let file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let own_file = file.as_ref().is_some_and(|file| file.parent() != Some(&directory));
    if !own_file && is_hashed(&directory) {
        library::trust_directory(builder, &directory)?;
        return Ok(format!("the system CAs in {}", show_path(&directory)));
    }
    let file = file.or_else(|| find_bundle(Path::new("/")));
    library::trust_file_and_directory(builder, file.as_deref(), &directory)
}

/// If the system has no CA at all: the failure, with the places where they should be. Looks at files: this is for a
/// certificate that was refused, not for every run.
pub(super) fn explain_empty_trust() -> Option<Failure> {
    let directories = std::env::var_os("SSL_CERT_DIR")
        .map_or_else(library::list_directories, |list| std::env::split_paths(&list).collect());
    let files = std::env::var_os("SSL_CERT_FILE").map_or_else(library::list_bundles, |file| vec![file.into()]);
    if directories.iter().any(|directory| is_hashed(directory)) || files.iter().any(|file| has_certificate(file)) {
        return None;
    }
    let places = directories.iter().chain(&files).filter(|place| !place.as_os_str().is_empty());
    let places: Vec<String> = places.map(|place| show_path(place)).collect();
    let why = match places.as_slice() {
        [] => "SSL_CERT_DIR and SSL_CERT_FILE are empty".to_owned(),
        places => format!("this host has no CA certificates in {}", places.join(" or ")),
    };
    let failure = Failure::local(why);
    Some(failure.with_hint("install the package ca-certificates, or see --ca-file"))
}

/// The first hashed directory of the system below this root.
fn find_directory(root: &Path) -> PathBuf {
    let directories = list_below(root, &library::list_directories());
    directories.iter().find(|directory| is_hashed(directory)).or(directories.first()).cloned().unwrap_or_default()
}

/// The first bundle that is there below this root.
fn find_bundle(root: &Path) -> Option<PathBuf> {
    list_below(root, &library::list_bundles()).into_iter().find(|file| file.exists())
}

fn list_below(root: &Path, paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| root.join(path.strip_prefix("/").unwrap_or(path))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hashed_directory_and_the_first_bundle_are_found() {
        let root = tempfile::tempdir().unwrap();
        let below = |paths: Vec<PathBuf>| list_below(root.path(), &paths);
        let (directories, bundles) = (below(library::list_directories()), below(library::list_bundles()));
        assert_eq!(find_directory(root.path()), directories[0], "the one that is named if there is none");
        assert_eq!(find_bundle(root.path()), None);
        // From the last one to the first one, which is preferred.
        for directory in directories.iter().rev() {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("4a6481c9.0"), "").unwrap();
            assert_eq!(&find_directory(root.path()), directory);
        }
        for bundle in bundles.iter().rev() {
            fs::create_dir_all(bundle.parent().unwrap()).unwrap();
            fs::write(bundle, "").unwrap();
            assert_eq!(find_bundle(root.path()).as_ref(), Some(bundle));
        }
    }
}
