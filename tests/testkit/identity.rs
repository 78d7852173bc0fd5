//! The key and the certificate of all scripted servers, made anew for every test run, and a CA that they have nothing to
//! do with.
use std::sync::LazyLock;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tempfile::NamedTempFile;

pub static ACCEPTOR: LazyLock<SslAcceptor> = LazyLock::new(|| {
    let (key, certificate) = &*IDENTITY;
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_private_key(key).unwrap();
    builder.set_certificate(certificate).unwrap();
    builder.build()
});

/// A key and a certificate that vouches for itself, made anew for every test run.
static IDENTITY: LazyLock<(PKey<Private>, X509)> = LazyLock::new(|| make("scripted server"));

/// The certificate of the scripted servers, which vouches for itself.
pub fn ca_file() -> NamedTempFile {
    in_file(&IDENTITY.1)
}

/// A CA that has nothing to do with the servers.
pub fn foreign_ca() -> NamedTempFile {
    in_file(&make("foreign CA").1)
}

fn in_file(certificate: &X509) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(&file, certificate.to_pem().unwrap()).unwrap();
    file
}

fn make(common_name: &str) -> (PKey<Private>, X509) {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", common_name).unwrap();
    let name = name.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    let ca = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(ca).unwrap();
    let names = SubjectAlternativeName::new()
        .ip("127.0.0.1")
        .dns("localhost")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (key, builder.build())
}
