//! TLS by OpenSSL or a library with its functions, whose types of TLS no other module names: handshake and verification.
//! Nothing here knows the command line.

mod binding;
mod certificate;
mod identity;
mod library;
mod reason;
mod refusal;
mod trust;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use chrono::Utc;
use openssl::error::ErrorStack;
use openssl::ssl::{HandshakeError, Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::verify::X509CheckFlags;

use super::connect::blame_missing_files;
use super::tcp::Tcp;
use super::{Settings, TlsMode, TlsVersion};
use crate::credentials::source::show_path;
use crate::facts::{Fact, Tls};
use crate::failure::Failure;
use crate::text::describe_io_error;
pub use binding::ChannelBinding;
use certificate::{Chain, read_chain};
pub use identity::PemFiles;
use identity::set_identity;
pub use library::describe_library;
use reason::{describe_stack, explain_stack, is_end_of_stream};
pub use reason::{explain_io_error, is_closed};
use refusal::Refusal;
use trust::{explain_empty_trust, trust_also, trust_file, trust_system};

/// TLS over TCP.
pub type TlsStream = SslStream<Tcp>;

/// All that a handshake needs.
pub struct Connector {
    context: SslContext,
    request: Request,
    verify: bool,
    /// The source of trust, in words.
    trust: String,
    /// The CAs are those of the system.
    is_systems_trust: bool,
    /// The name in the certificate that the server gets if it asks for one.
    own_certificate: Option<String>,
}

/// The part of the settings that explains an error.
struct Request {
    /// The name that the certificate must be for.
    name: String,
    /// That name is an address, so that the server is not asked for a name (RFC 6066 section 3).
    address: Option<IpAddr>,
    /// The oldest version that is accepted.
    tls_min: TlsVersion,
    /// TLS from the first byte on.
    is_implicit: bool,
}

/// What the verification reports while the handshake goes on.
#[derive(Default)]
struct Verification {
    /// The verified chain.
    chain: OnceLock<Chain>,
    refusal: OnceLock<Refusal>,
}

impl Connector {
    /// Sets versions, trust and this side's identity. `ca` is the content of `--ca-file`.
    ///
    /// # Errors
    /// OpenSSL refuses a setting, most often the CA file; the text is its reason.
    pub fn new(settings: &Settings, ca: Option<&[u8]>, identity: Option<&PemFiles>) -> Result<Self, String> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(describe_stack)?;
        // A record's head and body by one system call.
        builder.set_read_ahead(true);
        builder.set_min_proto_version(Some(openssl_version(settings.tls_min))).map_err(describe_stack)?;
        library::set_strength(&mut builder, settings.tls_min.takes_weak()).map_err(describe_stack)?;
        let mut is_systems_trust = false;
        let trust = if !settings.verify {
            "not verified (--no-verify)".to_owned()
        } else if let (Some(file), Some(pem)) = (&settings.ca_file, ca) {
            let file = show_path(file);
            trust_file(&mut builder, pem).map_err(|why| format!("--ca-file: {file}: {why}"))?;
            format!("the CAs in {file}")
        } else {
            is_systems_trust = true;
            trust_system(&mut builder).map_err(describe_stack)?
        };
        let own_certificate = identity.map(|files| set_identity(&mut builder, settings, files)).transpose()?;
        Ok(Self {
            context: builder.build(),
            request: Request::new(settings),
            verify: settings.verify,
            trust,
            is_systems_trust,
            own_certificate,
        })
    }

    /// For a server that hands out tokens: it is always verified, by the CAs of the system and those in a file (its name, and
    /// its content).
    ///
    /// # Errors
    /// As those of [`Connector::new`].
    pub fn for_token_endpoint(host: &str, ca: Option<(&str, &[u8])>) -> Result<Self, String> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(describe_stack)?;
        builder.set_min_proto_version(Some(openssl_version(TlsVersion::V1_2))).map_err(describe_stack)?;
        library::set_strength(&mut builder, false).map_err(describe_stack)?;
        let trust = trust_system(&mut builder).map_err(describe_stack)?;
        if let Some((file, pem)) = ca {
            trust_also(&mut builder, pem).map_err(|why| format!("--ca-file: {file}: {why}"))?;
        }
        let name = host.trim_end_matches('.').to_owned();
        let request = Request { address: name.parse().ok(), name, tls_min: TlsVersion::V1_2, is_implicit: false };
        Ok(Self {
            context: builder.build(),
            request,
            verify: true,
            trust,
            is_systems_trust: ca.is_none(),
            own_certificate: None,
        })
    }

    /// The client's side of a handshake; reports the certificates as soon as they are known, refused ones too.
    ///
    /// # Errors
    /// Why there is no TLS, in plain words.
    pub fn handshake(&self, tcp: Tcp, report: &dyn Fn(Fact)) -> Result<TlsStream, Failure> {
        let verification = Arc::default();
        let ssl = self.prepare_session(&verification).map_err(|error| Failure::lost(describe_stack(error)))?;
        report(Fact::Trust(self.trust.clone()));
        if let Some(name) = &self.own_certificate {
            report(Fact::OwnCertificate(name.clone()));
        }
        let result = ssl.connect(tcp);
        if let Some(refusal) = verification.refusal.get() {
            let Chain { own, expiring_ca } = refusal.chain.clone();
            report(Fact::Certificates(own, expiring_ca));
            return Err(self.explain_refusal(refusal));
        }
        let stream = result.map_err(|error| self.explain(&error))?;
        let ssl = stream.ssl();
        let sent = || ssl.peer_cert_chain().and_then(read_chain);
        if let Some(Chain { own, expiring_ca }) = verification.chain.get().cloned().or_else(sent) {
            report(Fact::Certificates(own, expiring_ca));
        }
        let cipher = ssl.current_cipher().map_or("no cipher", |cipher| cipher.name());
        report(Fact::Tls(Tls { version: ssl.version_str(), cipher, is_verified: self.verify }));
        Ok(stream)
    }

    fn prepare_session(&self, verification: &Arc<Verification>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        let Request { name, address, .. } = &self.request;
        if address.is_none() {
            ssl.set_hostname(name)?;
        }
        if !self.verify {
            ssl.set_verify(SslVerifyMode::NONE);
            return Ok(ssl);
        }
        if let Some(address) = address {
            ssl.param_mut().set_ip(*address)?;
        } else {
            ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(name)?;
        }
        let verification = Arc::clone(verification);
        let takes_weak = self.request.tls_min.takes_weak();
        ssl.set_verify_callback(SslVerifyMode::PEER, move |is_good, context| {
            let weakness = library::find_weakness(is_good, takes_weak, context);
            let is_good = is_good && weakness.is_none();
            if !is_good && let Some(refusal) = Refusal::of(context, weakness) {
                let _ = verification.refusal.set(refusal);
            }
            // The server's own certificate is the last one that is verified.
            if is_good
                && context.error_depth() == 0
                && let Some(chain) = context.chain().and_then(read_chain)
            {
                let _ = verification.chain.set(chain);
            }
            is_good
        });
        Ok(ssl)
    }

    /// If this host has no CA at all, or can open no file, that is no fault of the server.
    fn explain_refusal(&self, refusal: &Refusal) -> Failure {
        let failure = blame_missing_files(refusal.describe(&self.request, Utc::now()));
        match failure {
            Failure::Lost(_) if self.is_systems_trust && refusal.is_for_want_of_trust() => {
                explain_empty_trust().unwrap_or(failure)
            }
            failure => failure,
        }
    }

    fn explain(&self, error: &HandshakeError<Tcp>) -> Failure {
        let handshake = match error {
            HandshakeError::SetupFailure(stack) => return explain_stack(stack, Some(&self.request)),
            HandshakeError::Failure(handshake) | HandshakeError::WouldBlock(handshake) => handshake,
        };
        let closed = || {
            let when = if library::has_answered(handshake.ssl()) {
                "in the handshake"
            } else {
                "before it answered the handshake"
            };
            Failure::lost(format!("connection closed by the server {when}"))
        };
        match (handshake.error().ssl_error(), handshake.error().io_error()) {
            (Some(stack), _) if is_end_of_stream(stack) => closed(),
            (Some(stack), _) => explain_stack(stack, Some(&self.request)),
            (None, Some(error)) => Failure::lost(describe_io_error(error)),
            (None, None) => closed(),
        }
    }
}

impl Request {
    fn new(settings: &Settings) -> Self {
        let name = settings.tls_name.trim_end_matches('.').to_owned();
        Self {
            address: name.split('%').next().and_then(|name| name.parse().ok()),
            name,
            tls_min: settings.tls_min,
            is_implicit: settings.tls_mode == TlsMode::Implicit,
        }
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
