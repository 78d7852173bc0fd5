//! Channel binding (RFC 5056): a value that both ends of one TLS connection know, and nobody in between.

use openssl::ssl::{SslRef, SslVersion};

use super::{TlsStream, library};

/// Bytes. A Finished message of TLS 1.2 has 12.
const MAX_FINISHED: usize = 64;

/// The value that stands for one TLS connection.
pub struct ChannelBinding {
    /// The name of its kind, as IANA has registered it.
    pub kind: &'static str,
    /// The value.
    pub value: Vec<u8>,
}

impl ChannelBinding {
    /// Of TLS 1.3 `tls-exporter` (RFC 9266), of TLS 1.2 `tls-unique` (RFC 5929), which is safe only with the extended master
    /// secret (RFC 7627).
    ///
    /// # Errors
    /// Why this connection has none.
    pub fn find(stream: &TlsStream) -> Result<Self, String> {
        let ssl = stream.ssl();
        match ssl.version2() {
            Some(SslVersion::TLS1_3) => export(ssl),
            Some(SslVersion::TLS1_2) if library::has_extended_master_secret(ssl) => Ok(read_finished(ssl)),
            Some(SslVersion::TLS1_2) => {
                Err("the server does not support the extended master secret of TLS 1.2".to_owned())
            }
            _ => Err(format!("{} has no safe channel binding", ssl.version_str())),
        }
    }
}

fn export(ssl: &SslRef) -> Result<ChannelBinding, String> {
    let mut value = vec![0; 32];
    match ssl.export_keying_material(&mut value, "EXPORTER-Channel-Binding", Some(&[])) {
        Ok(()) => Ok(ChannelBinding { kind: "tls-exporter", value }),
        Err(_) => Err(format!("{} cannot export a value of this connection", library::NAME)),
    }
}

/// The first Finished message is the client's, because no session is ever resumed.
fn read_finished(ssl: &SslRef) -> ChannelBinding {
    let mut value = vec![0; MAX_FINISHED];
    let length = ssl.finished(&mut value);
    value.truncate(length);
    ChannelBinding { kind: "tls-unique", value }
}
