//! SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password without sending it, and the server proves the
//! same. With `-PLUS` both proofs hold for this TLS connection alone.

mod hash;

use std::mem;

use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

use super::plain::join;
use super::prepare::{escape_name, prepare_name};
use super::{Account, Exchange, Mechanism, Wants, Way};
use crate::credentials::secret::Secret;
use crate::failure::Failure;
use crate::net::tls::ChannelBinding;
use hash::{Hash, are_equal, make_random};

/// More iterations than any server asks for. They are the client's work: a hostile server could ask for billions.
const MAX_ITERATIONS: u32 = 1_000_000;

const BASE: Mechanism = Mechanism {
    name: "",
    help: "",
    wants: Wants::PreparedPassword,
    sends_secret: false,
    takes_authzid: true,
    way: Way::Command,
};

pub(super) static SCRAM_SHA_1: Mechanism = Mechanism {
    name: "scram-sha-1",
    help: "proof of the password with SHA-1 (RFC 5802)",
    way: Way::Sasl { name: "SCRAM-SHA-1", start: |account| start(account, Hash::Sha1) },
    ..BASE
};

pub(super) static SCRAM_SHA_256: Mechanism = Mechanism {
    name: "scram-sha-256",
    help: "proof of the password with SHA-256 (RFC 7677)",
    way: Way::Sasl { name: "SCRAM-SHA-256", start: |account| start(account, Hash::Sha256) },
    ..BASE
};

pub(super) static SCRAM_SHA_512: Mechanism = Mechanism {
    name: "scram-sha-512",
    help: "proof of the password with SHA-512",
    way: Way::Sasl { name: "SCRAM-SHA-512", start: |account| start(account, Hash::Sha512) },
    ..BASE
};

pub(super) static SCRAM_SHA_1_PLUS: Mechanism = Mechanism {
    name: "scram-sha-1-plus",
    help: "as `scram-sha-1`, bound to the TLS connection",
    way: Way::Sasl { name: "SCRAM-SHA-1-PLUS", start: |account| start_bound(account, Hash::Sha1) },
    ..BASE
};

pub(super) static SCRAM_SHA_256_PLUS: Mechanism = Mechanism {
    name: "scram-sha-256-plus",
    help: "as `scram-sha-256`, bound to the TLS connection",
    way: Way::Sasl { name: "SCRAM-SHA-256-PLUS", start: |account| start_bound(account, Hash::Sha256) },
    ..BASE
};

pub(super) static SCRAM_SHA_512_PLUS: Mechanism = Mechanism {
    name: "scram-sha-512-plus",
    help: "as `scram-sha-512`, bound to the TLS connection",
    way: Way::Sasl { name: "SCRAM-SHA-512-PLUS", start: |account| start_bound(account, Hash::Sha512) },
    ..BASE
};

struct Scram {
    hash: Hash,
    password: Secret,
    nonce: String,
    /// `gs2-header`: whether and how the channel is bound, and the user to act as.
    header: String,
    /// The value of the channel.
    binding: Vec<u8>,
    /// The first message behind the header.
    first: String,
    /// The proof, and the signature of the server, as they are sent.
    proofs: Vec<Secret>,
    stage: Stage,
}

enum Stage {
    Begun,
    /// The first message is sent.
    Named,
    /// The proof is sent. The server must answer with this signature.
    Proven {
        signature: Zeroizing<Vec<u8>>,
    },
    /// The server has proven that it knows the password.
    Over,
    /// Nothing more can be said.
    Broken,
}

fn start(account: &Account<'_>, hash: Hash) -> Result<Box<dyn Exchange>, Failure> {
    Ok(Box::new(Scram::new(account, hash, None, make_nonce()?)))
}

fn start_bound(account: &Account<'_>, hash: Hash) -> Result<Box<dyn Exchange>, Failure> {
    let binding = (account.find_binding)()
        .map_err(|why| Failure::refused(format!("the login cannot be bound to the connection: {why}")))?;
    Ok(Box::new(Scram::new(account, hash, Some(binding), make_nonce()?)))
}

fn make_nonce() -> Result<String, Failure> {
    make_random().map(|bytes| BASE64_STANDARD.encode(bytes)).map_err(Failure::local)
}

impl Scram {
    fn new(account: &Account<'_>, hash: Hash, binding: Option<ChannelBinding>, nonce: String) -> Self {
        let flag = binding.as_ref().map_or_else(|| "n".to_owned(), |binding| format!("p={}", binding.kind));
        let authzid = account.authzid.map(|name| format!("a={}", escape_name(name))).unwrap_or_default();
        let first = format!("n={},r={nonce}", escape_name(&prepare_name(account.username)));
        Self {
            hash,
            password: account.secret.clone(),
            nonce,
            header: format!("{flag},{authzid},"),
            binding: binding.map(|binding| binding.value).unwrap_or_default(),
            first,
            proofs: Vec::new(),
            stage: Stage::Begun,
        }
    }

    /// The proof, and the signature that the server must answer with (RFC 5802 section 3).
    fn prove(&mut self, challenge: &str) -> Result<(Secret, Zeroizing<Vec<u8>>), String> {
        let Challenge { nonce, salt, iterations } = Challenge::read(challenge, &self.nonce)?;
        let binding = BASE64_STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let last = format!("c={binding},r={nonce}");
        let signed = format!("{},{challenge},{last}", self.first);

        let salted = self.hash.stretch(self.password.expose(), &salt, iterations)?;
        let client_key = self.hash.sign(&salted, b"Client Key")?;
        let stored_key = self.hash.digest(&client_key)?;
        let mut proof = self.hash.sign(&stored_key, signed.as_bytes())?;
        for (byte, key) in proof.iter_mut().zip(client_key.iter()) {
            *byte ^= key;
        }
        let server_key = self.hash.sign(&salted, b"Server Key")?;
        let signature = self.hash.sign(&server_key, signed.as_bytes())?;

        self.proofs = [&proof, &signature].map(|text| Secret::new(BASE64_STANDARD.encode(text).into_bytes())).into();
        let proof = self.proofs.first().map(Secret::expose).unwrap_or_default();
        Ok((join(&[last.as_bytes(), b",p=", proof]), signature))
    }
}

impl Exchange for Scram {
    fn answer(&mut self, challenge: &[u8]) -> Result<Secret, String> {
        let challenge = str::from_utf8(challenge).map_err(|_| "the challenge of the server is not UTF-8".to_owned())?;
        match mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Begun => {
                self.stage = Stage::Named;
                Ok(join(&[self.header.as_bytes(), self.first.as_bytes()]))
            }
            Stage::Named => {
                let (proof, signature) = self.prove(challenge)?;
                self.stage = Stage::Proven { signature };
                Ok(proof)
            }
            Stage::Proven { signature } => {
                check_signature(challenge, &signature)?;
                self.stage = Stage::Over;
                Ok(Secret::new(Vec::new()))
            }
            Stage::Over | Stage::Broken => Err("the server asks for more than the proof of the password".to_owned()),
        }
    }

    fn conclude(&self, is_accepted: bool) -> Option<String> {
        let is_proven = matches!(self.stage, Stage::Over);
        (is_accepted && !is_proven).then(|| "the server did not prove that it knows the password".to_owned())
    }

    fn proofs(&self) -> &[Secret] {
        &self.proofs
    }
}

/// The server's first message.
struct Challenge<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> Challenge<'a> {
    /// `r=NONCE,s=SALT,i=ITERATIONS` (RFC 5802 section 7); `own` is the beginning of the nonce.
    fn read(text: &'a str, own: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let mut next = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(iterations)) = (next("r="), next("s="), next("i=")) else {
            return Err("the challenge of the server is not one of SCRAM".to_owned());
        };
        if nonce.strip_prefix(own).is_none_or(str::is_empty) {
            return Err("the challenge of the server is not for this login, an attack or a broken server".to_owned());
        }
        let salt = BASE64_STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty());
        let salt = salt.ok_or_else(|| "the challenge of the server has no salt".to_owned())?;
        let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let iterations = Some(iterations).filter(is_number).map(|text| text.parse().unwrap_or(u32::MAX));
        match iterations {
            Some(iterations @ 1..=MAX_ITERATIONS) => Ok(Self { nonce, salt, iterations }),
            Some(0) | None => Err("the challenge of the server has no number of iterations".to_owned()),
            Some(_) => Err(format!("the server asks for more than {MAX_ITERATIONS} iterations")),
        }
    }
}

/// `v=SIGNATURE`, or `e=ERROR` (RFC 5802 section 7).
fn check_signature(text: &str, wanted: &[u8]) -> Result<(), String> {
    if let Some(error) = text.strip_prefix("e=") {
        return Err(format!("the server refused the proof of the password: {error}"));
    }
    let signature = text.strip_prefix("v=").and_then(|rest| rest.split(',').next());
    let signature = signature.and_then(|signature| BASE64_STANDARD.decode(signature).ok());
    if signature.is_some_and(|signature| are_equal(&signature, wanted)) {
        return Ok(());
    }
    Err("the server could not prove that it knows the password, an attack or a broken server".to_owned())
}

#[cfg(test)]
mod tests;
