//! Keys and certificates of the scripted servers, made anew for every test run.
use std::sync::LazyLock;

use chrono::Utc;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Rsa;
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tempfile::NamedTempFile;

/// What all scripted servers show, unless a script says otherwise.
pub static CONTEXT: LazyLock<SslContext> = LazyLock::new(|| serve(&[&Identity::new(&SERVER, Some(&*ROOT))]).build());

/// The same server, three days after its certificate has expired.
pub static EXPIRED: LazyLock<SslContext> =
    LazyLock::new(|| serve(&[&Identity::new(&Certificate { days: -3, ..SERVER }, Some(&*ROOT))]).build());

/// Another server of the same CA.
pub static OTHER_NAME: LazyLock<SslContext> = LazyLock::new(|| {
    let other = Certificate { dns: &["other.example.org"], ip: &[], ..SERVER };
    serve(&[&Identity::new(&other, Some(&*ROOT))]).build()
});

/// The CA of the scripted servers.
static ROOT: LazyLock<Identity> =
    LazyLock::new(|| Identity::new(&Certificate { common_name: "Scripted CA", ..CA }, None));

/// A certificate and its key.
pub struct Identity {
    pub key: PKey<Private>,
    pub certificate: X509,
}

/// What a certificate is to be.
#[derive(Clone, Copy)]
pub struct Certificate {
    pub common_name: &'static str,
    pub dns: &'static [&'static str],
    pub ip: &'static [&'static str],
    /// Days until it expires.
    pub days: i64,
    pub is_ca: bool,
    /// How many CAs a CA allows below itself.
    pub most_below: Option<u32>,
    /// It says that its key is for TLS alone, as the certificates do that servers make for themselves.
    pub has_usage: bool,
    pub key: Key,
    pub hash: fn() -> MessageDigest,
}

#[derive(Clone, Copy)]
pub enum Key {
    P256,
    /// A curve of OpenSSL with keys that are too short.
    P192,
    /// The longest curve of TLS.
    P521,
    Ed25519,
    /// Unknown to AWS-LC.
    Ed448,
    Rsa(u32),
    /// Signs by RSA-PSS alone.
    RsaPss,
}

/// The usual certificate of a server.
pub const SERVER: Certificate = Certificate {
    common_name: "imap.example.org",
    dns: &["imap.example.org", "localhost", "imap.xn--bcher-kva.example"],
    ip: &["127.0.0.1", "127.0.0.2"],
    days: 30,
    is_ca: false,
    most_below: None,
    has_usage: false,
    key: Key::P256,
    hash: MessageDigest::sha256,
};

/// The certificate of a CA.
pub const CA: Certificate = Certificate {
    common_name: "Root CA",
    dns: &["ca.example.org"],
    ip: &["192.0.2.1"],
    days: 3650,
    is_ca: true,
    ..SERVER
};

/// The CA of the scripted servers.
pub fn ca_file() -> NamedTempFile {
    in_file(&[&*ROOT])
}

/// A CA that has nothing to do with the servers.
pub fn foreign_ca() -> NamedTempFile {
    in_file(&[&Identity::new(&Certificate { common_name: "foreign CA", ..CA }, None)])
}

/// The certificates in a file.
pub fn in_file(identities: &[&Identity]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let pem = identities.iter().flat_map(|identity| identity.certificate.to_pem().unwrap());
    std::fs::write(&file, pem.collect::<Vec<u8>>()).unwrap();
    file
}

/// A server with the first certificate, which sends the others, too.
pub fn serve(chain: &[&Identity]) -> SslContextBuilder {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    // What a client takes is for the client to say.
    builder.set_security_level(0);
    builder.set_private_key(&chain[0].key).unwrap();
    builder.set_certificate(&chain[0].certificate).unwrap();
    for issuer in &chain[1..] {
        builder.add_extra_chain_cert(issuer.certificate.clone()).unwrap();
    }
    builder
}

impl Identity {
    /// Signed by the issuer, or by itself.
    pub fn new(wanted: &Certificate, issuer: Option<&Self>) -> Self {
        let key = wanted.key.generate();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", wanted.common_name).unwrap();
        let name = name.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
        let now = Utc::now().timestamp();

        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(now.min(now + wanted.days * 86_400 - 1)).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(now + wanted.days * 86_400).unwrap()).unwrap();
        if wanted.is_ca {
            let mut constraints = BasicConstraints::new();
            if let Some(most) = wanted.most_below {
                constraints.pathlen(most);
            }
            builder.append_extension(constraints.critical().ca().build().unwrap()).unwrap();
        }
        if wanted.has_usage {
            let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build();
            builder.append_extension(usage.unwrap()).unwrap();
        }
        let mut names = SubjectAlternativeName::new();
        for address in wanted.ip {
            names.ip(address);
        }
        for name in wanted.dns {
            names.dns(name);
        }
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        let signer = issuer.map_or(&key, |issuer| &issuer.key);
        // These two have their hash with them.
        let has_hash = matches!(signer.id(), Id::ED25519 | Id::ED448);
        let hash = if has_hash { MessageDigest::null() } else { (wanted.hash)() };
        builder.sign(signer, hash).unwrap();
        Self { key, certificate: builder.build() }
    }
}

impl Key {
    fn generate(self) -> PKey<Private> {
        match self {
            Self::P256 => on_curve(Nid::X9_62_PRIME256V1),
            Self::P192 => on_curve(Nid::X9_62_PRIME192V1),
            Self::P521 => on_curve(Nid::SECP521R1),
            Self::Ed25519 => PKey::generate_ed25519().unwrap(),
            Self::Ed448 => PKey::generate_ed448().unwrap(),
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
            Self::RsaPss => {
                let mut context = PkeyCtx::new_id(Id::RSA_PSS).unwrap();
                context.keygen_init().unwrap();
                context.keygen().unwrap()
            }
        }
    }
}

fn on_curve(name: Nid) -> PKey<Private> {
    let curve = EcGroup::from_curve_name(name).unwrap();
    PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
}
