//! TLS by OpenSSL, which no other module names: handshake and verification. Nothing here knows the command line.

mod certificate;
mod trust;

use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, OnceLock};

use chrono::Utc;
use openssl::error::ErrorStack;
use openssl::ssl::{Error, HandshakeError, Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::verify::X509CheckFlags;

use super::connect::blame_missing_files;
use super::{Settings, TlsMode, TlsVersion};
use crate::credentials::source::show_path;
use crate::facts::{Fact, Tls};
use crate::failure::Failure;
use crate::text::{self, describe_io_error};
use certificate::{Refusal, read_certificate};
use trust::{trust_file, trust_system};

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
    /// The source of trust, in words.
    trust: String,
}

impl Connector {
    /// Sets versions and trust. `ca` is the content of `--ca-file`.
    ///
    /// # Errors
    /// OpenSSL refuses a setting, most often the CA file; the text is its reason.
    pub fn new(settings: &Settings, ca: Option<&[u8]>) -> Result<Self, String> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(describe_stack)?;
        // A record's head and body by one system call.
        builder.set_read_ahead(true);
        builder.set_min_proto_version(Some(openssl_version(settings.tls_min))).map_err(describe_stack)?;
        if settings.tls_min < TlsVersion::V1_2 {
            // OpenSSL 3 takes the old versions' signatures at no other level; the user asked for them.
            builder.set_cipher_list("DEFAULT:@SECLEVEL=0").map_err(describe_stack)?;
        }
        let trust = if !settings.verify {
            "not verified (--no-verify)".to_owned()
        } else if let (Some(file), Some(pem)) = (&settings.ca_file, ca) {
            let file = show_path(file);
            trust_file(&mut builder, pem).map_err(|why| format!("--ca-file: {file}: {why}"))?;
            format!("the CAs in {file}")
        } else {
            trust_system(&mut builder).map_err(describe_stack)?
        };
        Ok(Self {
            context: builder.build(),
            name: settings.tls_name.trim_end_matches('.').to_owned(),
            verify: settings.verify,
            tls_min: settings.tls_min,
            implicit: settings.tls_mode == TlsMode::Implicit,
            trust,
        })
    }

    /// The client's side of a handshake; reports the certificate as soon as it is known, a refused one too.
    ///
    /// # Errors
    /// Why there is no TLS, in plain words.
    pub fn handshake(&self, tcp: TcpStream, report: &dyn Fn(Fact)) -> Result<TlsStream, Failure> {
        let refusal: Arc<OnceLock<Refusal>> = Arc::default();
        let ssl = self.prepare_session(&refusal).map_err(|error| Failure::lost(describe_stack(error)))?;
        report(Fact::Trust(self.trust.clone()));
        let result = ssl.connect(tcp);
        if let Some(refusal) = refusal.get() {
            report(Fact::Certificate(refusal.leaf.clone()));
            return Err(blame_missing_files(refusal.describe(&self.name, Utc::now())));
        }
        let stream = result.map_err(|error| self.explain(&error))?;
        let ssl = stream.ssl();
        if let Some(certificate) = ssl.peer_certificate() {
            report(Fact::Certificate(read_certificate(&certificate)));
        }
        let cipher = ssl.current_cipher().map_or("no cipher", |cipher| cipher.name());
        report(Fact::Tls(Tls { version: ssl.version_str(), cipher, is_verified: self.verify }));
        Ok(stream)
    }

    fn prepare_session(&self, refusal: &Arc<OnceLock<Refusal>>) -> Result<Ssl, ErrorStack> {
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

    fn explain(&self, error: &HandshakeError<TcpStream>) -> Failure {
        let error = match error {
            HandshakeError::SetupFailure(stack) => {
                return Failure::lost(format!("OpenSSL: {}", find_first_reason(stack)));
            }
            HandshakeError::Failure(handshake) | HandshakeError::WouldBlock(handshake) => handshake.error(),
        };
        // Some servers say nothing if no TLS version fits (Dovecot 2.3 is one).
        let closed = || {
            Failure::lost("connection closed by the server in the handshake")
                .with_hint(format!("has it TLS {} or newer?", self.tls_min.name()))
        };
        let Some(stack) = error.ssl_error() else {
            return error.io_error().map_or_else(closed, |error| Failure::lost(describe_io_error(error)));
        };
        match find_first_reason(stack).as_str() {
            "unexpected eof while reading" => closed(),
            "wrong version number" | "packet length too long" | "http request" => {
                let failure = Failure::lost("the answer of the server is not TLS");
                if self.implicit { failure.with_hint("a port for --tls starttls or none?") } else { failure }
            }
            "unsupported protocol" | "tlsv1 alert protocol version" | "no protocols available" => {
                Failure::lost(format!("the server has no TLS version from {} on", self.tls_min.name()))
                    .with_hint("--tls-min")
            }
            _ => explain_stack(stack),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "goes into map_err")]
fn describe_stack(error: ErrorStack) -> String {
    format!("OpenSSL: {}", find_first_reason(&error))
}

fn find_first_reason(stack: &ErrorStack) -> String {
    stack.errors().first().map_or_else(
        || "unknown error".to_owned(),
        |error| text::clean(error.reason().unwrap_or("unknown error").as_bytes()),
    )
}

/// The TLS error behind an error of reading or writing, if there is one.
#[must_use]
pub fn explain_io_error(error: &std::io::Error) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(explain_stack(error.ssl_error()?))
}

/// A TLS error in words. An alert (RFC 8446 section 6) is the server's refusal and is named so.
fn explain_stack(stack: &ErrorStack) -> Failure {
    // OpenSSL numbers the reasons of alerts from 1000 on.
    let is_alert = stack.errors().first().is_some_and(|error| error.code() & 0x7F_FFFF >= 1000);
    let reason = find_first_reason(stack);
    match reason.as_str() {
        "tlsv13 alert certificate required" => Failure::lost("the server wants a client certificate"),
        "sslv3 alert handshake failure" => Failure::lost("the server refused the handshake")
            .with_hint("no common cipher, or it wants a client certificate"),
        _ if is_alert => Failure::lost(format!("the server refused TLS: {reason}")),
        _ => Failure::lost(format!("TLS: {reason}")),
    }
}

fn openssl_version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}
