//! TLS by OpenSSL, and OpenSSL here alone: trust, handshake, verification, and what a certificate says, in plain words.

use crate::net::connect::lost_or_ours;
use crate::options::{Options, TlsMode, TlsVersion};
use crate::report::{Certificate, Tls, span};
use crate::run::event::{Fact, Failure};
use crate::text::{self, io_reason};
use chrono::{DateTime, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::{
    Error, HandshakeError, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslStream, SslVerifyMode,
    SslVersion,
};
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509NameRef, X509Ref, X509StoreContextRef};
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// TLS over TCP.
pub type TlsStream = SslStream<TcpStream>;

/// All that a handshake needs.
pub struct Connector {
    context: SslContext,
    name: String,
    verify: bool,
    tls_min: TlsVersion,
    /// TLS from the first byte on.
    implicit: bool,
    /// Where trust comes from, in words.
    trust: String,
}

/// Why the certificate was refused: OpenSSL's verify result, and the certificate at fault.
struct Refusal {
    code: i32,
    words: &'static str,
    depth: u32,
    certificate: Certificate,
    names: String,
    /// The server's own certificate.
    leaf: Certificate,
}

/// `X509_V_ERR_*` that deserve own words.
mod verify_result {
    pub const NOT_YET_VALID: i32 = 9;
    pub const EXPIRED: i32 = 10;
    pub const SELF_SIGNED: i32 = 18;
    pub const SELF_SIGNED_IN_CHAIN: i32 = 19;
    pub const NO_ISSUER_LOCALLY: i32 = 20;
    pub const NO_ISSUER: i32 = 21;
    pub const OTHER_NAME: i32 = 62;
    pub const OTHER_ADDRESS: i32 = 64;
}

impl Connector {
    /// Sets versions and trust. `ca` is the content of `--ca-file`.
    ///
    /// # Errors
    /// What OpenSSL does not like, the CA file first of all.
    pub fn new(options: &Options, ca: Option<&[u8]>) -> Result<Self, String> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(openssl)?;
        // A record's head and body by one system call.
        builder.set_read_ahead(true);
        builder.set_min_proto_version(Some(version(options.tls_min))).map_err(openssl)?;
        if options.tls_min < TlsVersion::V1_2 {
            // OpenSSL 3 takes the old versions' signatures at no other level; the user asked for them.
            builder.set_cipher_list("DEFAULT:@SECLEVEL=0").map_err(openssl)?;
        }
        let trust = if !options.verify {
            "not verified (--no-verify)".to_owned()
        } else if let (Some(file), Some(pem)) = (&options.ca_file, ca) {
            let file = text::clean(file.as_os_str().as_encoded_bytes());
            trust_file(&mut builder, pem).map_err(|why| format!("--ca-file: {file}: {why}"))?;
            format!("the CAs in {file}")
        } else {
            trust_system(&mut builder).map_err(openssl)?
        };
        Ok(Self {
            context: builder.build(),
            name: options.tls_name().trim_end_matches('.').to_owned(),
            verify: options.verify,
            tls_min: options.tls_min,
            implicit: options.tls == TlsMode::Implicit,
            trust,
        })
    }

    /// The client's side of a handshake; tells the certificate as soon as it is known, a refused one too.
    ///
    /// # Errors
    /// Why there is no TLS, in plain words.
    pub fn handshake(&self, tcp: TcpStream, tell: &dyn Fn(Fact)) -> Result<TlsStream, Failure> {
        let refusal: Arc<OnceLock<Refusal>> = Arc::default();
        let ssl = self.session(&refusal).map_err(|error| Failure::lost(openssl(error)))?;
        tell(Fact::Trust(self.trust.clone()));
        let result = ssl.connect(tcp);
        if let Some(refusal) = refusal.get() {
            tell(Fact::Certificate(refusal.leaf.clone()));
            return Err(lost_or_ours(refusal.reason(&self.name, Utc::now())));
        }
        let stream = result.map_err(|error| Failure::lost(self.reason(&error)))?;
        let ssl = stream.ssl();
        if let Some(certificate) = ssl.peer_certificate() {
            tell(Fact::Certificate(facts(&certificate)));
        }
        let cipher = ssl.current_cipher().map_or("no cipher", |cipher| cipher.name());
        tell(Fact::Tls(Tls { version: ssl.version_str(), cipher }));
        Ok(stream)
    }

    fn session(&self, refusal: &Arc<OnceLock<Refusal>>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        let address = self.name.split('%').next().and_then(|name| name.parse::<IpAddr>().ok());
        if address.is_none() {
            ssl.set_hostname(&self.name)?;
        }
        if !self.verify {
            ssl.set_verify(SslVerifyMode::NONE);
            return Ok(ssl);
        }
        if let Some(address) = address {
            ssl.param_mut().set_ip(address)?;
        } else {
            ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(&self.name)?;
        }
        let refusal = Arc::clone(refusal);
        ssl.set_verify_callback(SslVerifyMode::PEER, move |good, context| {
            if !good && let Some(why) = Refusal::of(context) {
                let _ = refusal.set(why);
            }
            good
        });
        Ok(ssl)
    }

    fn reason(&self, error: &HandshakeError<TcpStream>) -> String {
        let error = match error {
            HandshakeError::SetupFailure(stack) => return format!("OpenSSL: {}", first_reason(stack)),
            HandshakeError::Failure(handshake) | HandshakeError::WouldBlock(handshake) => handshake.error(),
        };
        // Some servers say nothing where no TLS version fits (Dovecot 2.3 is one).
        let closed = || {
            let oldest = version_name(self.tls_min);
            format!("connection closed by the server in the handshake (has it TLS {oldest} or newer?)")
        };
        let Some(stack) = error.ssl_error() else {
            return error.io_error().map_or_else(closed, io_reason);
        };
        match first_reason(stack).as_str() {
            "unexpected eof while reading" => closed(),
            "wrong version number" | "packet length too long" | "http request" if self.implicit => {
                "the answer of the server is not TLS (a port for --tls starttls or none?)".to_owned()
            }
            "wrong version number" | "packet length too long" | "http request" => {
                "the answer of the server is not TLS".to_owned()
            }
            "unsupported protocol" | "tlsv1 alert protocol version" | "no protocols available" => {
                format!("the server has no TLS version from {} on (--tls-min)", version_name(self.tls_min))
            }
            _ => told(stack),
        }
    }
}

impl Refusal {
    fn of(context: &X509StoreContextRef) -> Option<Self> {
        let leaf = context.chain().and_then(|chain| chain.get(0)).or_else(|| context.current_cert())?;
        let at_fault = context.current_cert().unwrap_or(leaf);
        let result = context.error();
        Some(Self {
            code: result.as_raw(),
            words: result.error_string(),
            depth: context.error_depth(),
            certificate: facts(at_fault),
            names: names(at_fault),
            leaf: facts(leaf),
        })
    }

    fn reason(&self, name: &str, now: DateTime<Utc>) -> String {
        let certificate = &self.certificate;
        let which =
            if self.depth == 0 { "certificate".to_owned() } else { format!("CA certificate {}", certificate.subject) };
        let date = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC");
        match self.code {
            verify_result::EXPIRED => format!("{which} has expired ({} ago)", span(now - certificate.not_after)),
            verify_result::NOT_YET_VALID => {
                format!(
                    "{which} is not yet valid (from {} on, in {})",
                    date(certificate.not_before),
                    span(certificate.not_before - now)
                )
            }
            verify_result::OTHER_NAME | verify_result::OTHER_ADDRESS => {
                format!("certificate is for {}, not for {name}", self.names)
            }
            verify_result::SELF_SIGNED => {
                format!("certificate of {} is self-signed and not trusted (see --ca-file)", certificate.subject)
            }
            verify_result::SELF_SIGNED_IN_CHAIN => {
                format!("certificate is not trusted: its root {} is not known (see --ca-file)", certificate.subject)
            }
            verify_result::NO_ISSUER_LOCALLY | verify_result::NO_ISSUER => {
                format!("{which} is not trusted: its issuer {} is not known (see --ca-file)", certificate.issuer)
            }
            _ => format!("{which} is not valid: {}", self.words),
        }
    }
}

/// Only the CAs of a PEM file.
fn trust_file(builder: &mut SslContextBuilder, pem: &[u8]) -> Result<(), String> {
    let certificates =
        X509::stack_from_pem(pem).map_err(|error| format!("no PEM certificates: {}", first_reason(&error)))?;
    if certificates.is_empty() {
        return Err("no PEM certificate is in it".to_owned());
    }
    let mut store = X509StoreBuilder::new().map_err(|error| first_reason(&error))?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(|error| first_reason(&error))?;
    }
    builder.set_cert_store(store.build());
    Ok(())
}

/// The system's CAs, looked up one by one in OpenSSL's hashed directory: to parse the whole bundle, as
/// OpenSSL's default does, costs ten times the rest of a run. Without such a directory, or with a `SSL_CERT_FILE`
/// of its own, the default it is. (A bundle that lies in the hashed directory has nothing that the directory has not.)
fn trust_system(builder: &mut SslContextBuilder) -> Result<String, ErrorStack> {
    let directory = std::env::var_os("SSL_CERT_DIR").map_or_else(default_directory, PathBuf::from);
    let own_file = std::env::var_os("SSL_CERT_FILE").is_some_and(|file| Path::new(&file).parent() != Some(&directory));
    if own_file || !is_hashed(&directory) {
        builder.set_default_verify_paths()?;
        return Ok("the default files of OpenSSL".to_owned());
    }
    let mut store = X509StoreBuilder::new()?;
    store.add_lookup(X509Lookup::hash_dir())?.add_dir(&directory.to_string_lossy(), SslFiletype::PEM)?;
    builder.set_cert_store(store.build());
    Ok(format!("the system CAs in {}", text::clean(directory.as_os_str().as_encoded_bytes())))
}

/// `OPENSSLDIR: "/usr/lib/ssl"` is all that OpenSSL tells of it.
fn default_directory() -> PathBuf {
    let told = openssl::version::dir();
    Path::new(told.split('"').nth(1).unwrap_or("/etc/ssl")).join("certs")
}

/// Whether a directory has an entry such as `4a6481c9.0`.
fn is_hashed(directory: &Path) -> bool {
    directory.read_dir().is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                entry.file_name().to_string_lossy().split_once('.').is_some_and(|(hash, number)| {
                    hash.len() == 8
                        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                        && number.parse::<u32>().is_ok()
                })
            })
        })
    })
}

fn facts(certificate: &X509Ref) -> Certificate {
    Certificate {
        subject: common_name(certificate.subject_name()).unwrap_or_else(|| names(certificate)),
        issuer: common_name(certificate.issuer_name()).unwrap_or_else(|| "(no name)".to_owned()),
        not_before: time(certificate.not_before()),
        not_after: time(certificate.not_after()),
    }
}

/// The names that a certificate is for: its alternative names, or without any its common name (RFC 9525 takes only the
/// former, OpenSSL also the latter).
fn names(certificate: &X509Ref) -> String {
    let names: Vec<String> = certificate
        .subject_alt_names()
        .into_iter()
        .flatten()
        .filter_map(|name| match (name.dnsname(), name.ipaddress()) {
            (Some(dns), _) => Some(text::clean(dns.as_bytes())),
            (_, Some(octets)) => address(octets).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return text::shorten(&names.join(", "));
    }
    common_name(certificate.subject_name())
        .map_or_else(|| "(no name)".to_owned(), |name| format!("{name} (common name only)"))
}

/// The common name, or the organisation.
fn common_name(name: &X509NameRef) -> Option<String> {
    [Nid::COMMONNAME, Nid::ORGANIZATIONNAME].into_iter().find_map(|nid| {
        let entry = name.entries_by_nid(nid).next()?;
        Some(text::clean(entry.data().as_slice()))
    })
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn time(time: &Asn1TimeRef) -> DateTime<Utc> {
    Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .ok()
        .and_then(|since| DateTime::from_timestamp(i64::from(since.days) * 86_400 + i64::from(since.secs), 0))
        .unwrap_or_default()
}

#[allow(clippy::needless_pass_by_value, reason = "goes into map_err")]
fn openssl(error: ErrorStack) -> String {
    format!("OpenSSL: {}", first_reason(&error))
}

fn first_reason(stack: &ErrorStack) -> String {
    stack.errors().first().map_or_else(
        || "unknown error".to_owned(),
        |error| text::clean(error.reason().unwrap_or("unknown error").as_bytes()),
    )
}

/// The words of a TLS error behind an error of reading or writing.
#[must_use]
pub fn reason_behind(error: &std::io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(told(error.ssl_error()?))
}

/// A TLS error in words; an alert (RFC 8446 section 6) is the server's refusal and is told as such.
fn told(stack: &ErrorStack) -> String {
    // OpenSSL numbers the reasons of alerts from 1000 on.
    let is_alert = stack.errors().first().is_some_and(|error| error.code() & 0x7F_FFFF >= 1000);
    let reason = first_reason(stack);
    match reason.as_str() {
        "tlsv13 alert certificate required" => "the server wants a client certificate".to_owned(),
        "sslv3 alert handshake failure" => {
            "the server refused the handshake (no common cipher, or it wants a client certificate)".to_owned()
        }
        _ if is_alert => format!("the server refused TLS: {reason}"),
        _ => format!("TLS: {reason}"),
    }
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}

fn version_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_0 => "1.0",
        TlsVersion::V1_1 => "1.1",
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    }
}
