//! The arithmetic of SCRAM, by OpenSSL: a hash, HMAC and PBKDF2. Every result is wiped when dropped.

use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;
use zeroize::Zeroizing;

/// A hash that SCRAM is used with.
#[derive(Clone, Copy)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn find(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// `H(text)`
    pub fn digest(self, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        hash(self.find(), text).map(|digest| Zeroizing::new(digest.to_vec())).map_err(|error| explain(&error))
    }

    /// `HMAC(key, text)` (RFC 2104)
    pub fn sign(self, key: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        let sign = || Signer::new(self.find(), &*PKey::hmac(key)?)?.sign_oneshot_to_vec(text);
        sign().map(Zeroizing::new).map_err(|error| explain(&error))
    }

    /// `Hi(password, salt, iterations)`, which is PBKDF2 (RFC 8018) for one block.
    pub fn stretch(self, password: &[u8], salt: &[u8], iterations: u32) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut key = Zeroizing::new(vec![0; self.find().size()]);
        let iterations = usize::try_from(iterations).unwrap_or(usize::MAX);
        pbkdf2_hmac(password, salt, iterations, self.find(), &mut key).map_err(|error| explain(&error))?;
        Ok(key)
    }
}

/// As many bytes as a nonce has, which nobody can guess.
pub fn make_random() -> Result<[u8; 18], String> {
    let mut bytes = [0; 18];
    rand_bytes(&mut bytes).map_err(|error| explain(&error))?;
    Ok(bytes)
}

/// Compares in a time that does not depend on the content.
pub fn are_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && memcmp::eq(one, other)
}

fn explain(error: &ErrorStack) -> String {
    let reason = error.errors().first().and_then(openssl::error::Error::reason).unwrap_or("no reason");
    format!("OpenSSL cannot do the arithmetic of SCRAM: {reason}")
}
