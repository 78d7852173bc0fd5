//! The certificate and the key by which this side of a connection proves who it is, out of PEM files.

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;

use super::certificate::read_certificate;
use super::library;
use super::reason::find_first_reason;
use crate::credentials::source::show_path;
use crate::net::Settings;

/// The content of the PEM files of `--client-cert` and `--client-key`.
pub struct PemFiles<'a> {
    /// The certificate, those of its CAs behind it, and the key if it has no file of its own.
    pub certificates: &'a [u8],
    /// The file of the key.
    pub key: Option<&'a [u8]>,
}

/// The server gets this certificate and those behind it, if it asks for one. Returns the name in it.
///
/// # Errors
/// The option and its file, and what is wrong with it.
pub(super) fn set_identity(
    builder: &mut SslContextBuilder,
    settings: &Settings,
    files: &PemFiles,
) -> Result<String, String> {
    let name = |option, path: Option<_>| format!("{option}: {}", path.map(show_path).unwrap_or_default());
    let certificate_file = name("--client-cert", settings.client_cert.as_deref());
    let explain = |why: &str| format!("{certificate_file}: {why}");
    let refuse = |error: ErrorStack| explain(&describe_refusal(&find_first_reason(&error)));

    let chain = X509::stack_from_pem(files.certificates)
        .map_err(|error| explain(&format!("no PEM certificates: {}", find_first_reason(&error))))?;
    let mut chain = chain.into_iter();
    let own = chain.next().ok_or_else(|| explain("no PEM certificate is in it"))?;
    let weakness = if settings.tls_min.takes_weak() { None } else { library::find_own_weakness(&own) };
    if let Some(reason) = weakness {
        return Err(explain(&describe_refusal(reason)));
    }
    builder.set_certificate(&own).map_err(refuse)?;
    for issuer in chain {
        builder.add_extra_chain_cert(issuer).map_err(refuse)?;
    }

    let key = match files.key {
        Some(pem) => read_key(pem).map_err(|why| (name("--client-key", settings.client_key.as_deref()), why)),
        None => read_key(files.certificates).map_err(|why| (certificate_file.clone(), why)),
    };
    let key = key.map_err(|(file, why)| format!("{file}: {why}"))?;
    if !own.public_key().is_ok_and(|public| public.public_eq(&key)) {
        return Err(explain("the private key does not belong to the first certificate in it, see --client-key"));
    }
    builder.set_private_key(&key).map_err(refuse)?;
    Ok(read_certificate(&own).subject)
}

fn describe_refusal(reason: &str) -> String {
    let fault = match reason {
        "ee key too small" => "has a key that is too short",
        "ca md too weak" => "is signed with a hash that is too weak",
        _ => return format!("{} does not take it: {reason}", library::NAME),
    };
    format!(
        "the first certificate in it {fault} for the security level of this host, right is a stronger one, or \
         --tls-min 1.0, which takes weak ones, too"
    )
}

/// An encrypted key is refused: without this callback OpenSSL would ask on the terminal for its passphrase.
fn read_key(pem: &[u8]) -> Result<PKey<Private>, String> {
    let mut is_encrypted = false;
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        is_encrypted = true;
        Ok(0)
    });
    match key {
        _ if is_encrypted => Err("the private key in it is encrypted, right is one without a passphrase".to_owned()),
        Ok(key) => Ok(key),
        Err(_) if !contains(pem, b"PRIVATE KEY-----") => {
            Err("no PEM private key is in it, see --client-key".to_owned())
        }
        Err(error) => Err(format!("the private key in it cannot be read: {}", find_first_reason(&error))),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
