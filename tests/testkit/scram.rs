//! The server's part of SCRAM (RFC 5802), for scripts.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openssl::hash::{MessageDigest, hash};
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::step::{Computed, Said, Step, expect};

const SALT: &[u8] = b"salt of a test";
const ITERATIONS: usize = 4096;
const OWN_NONCE: &str = "of-the-server";

/// A hash by its name in `SCRAM-SHA-256`.
fn find_hash(mechanism: &str) -> MessageDigest {
    match mechanism.trim_end_matches("-PLUS") {
        "SCRAM-SHA-1" => MessageDigest::sha1(),
        "SCRAM-SHA-256" => MessageDigest::sha256(),
        "SCRAM-SHA-512" => MessageDigest::sha512(),
        _ => panic!("{mechanism} is no SCRAM"),
    }
}

/// From behind AUTHENTICATE up to the empty answer to the server's signature. The tagged reply comes behind.
pub fn serve(password: &str) -> Vec<Step> {
    let password = password.to_owned();
    let sign = Computed::step(move |said| Exchange::read(said).sign(&password, said));
    vec![challenge(ITERATIONS), expect(""), sign, expect("")]
}

/// The server's first message, with so many iterations.
pub fn challenge(iterations: usize) -> Step {
    Computed::step(move |said| continuation(&Exchange::read(said).challenge(iterations)))
}

/// `+ BASE64`
pub fn continuation(text: &str) -> Vec<u8> {
    format!("+ {}\r\n", BASE64_STANDARD.encode(text)).into_bytes()
}

/// What the client has said so far.
struct Exchange {
    tag: String,
    mechanism: String,
    /// `gs2-header`
    header: String,
    /// The first message behind the header.
    first: String,
}

impl Exchange {
    fn read(said: &Said) -> Self {
        let place = said.lines.iter().rposition(|line| line.contains(" AUTHENTICATE ")).expect("AUTHENTICATE was read");
        let words: Vec<&str> = said.lines[place].split(' ').collect();
        // Without an initial response it is the next line.
        let message = words.get(3).map_or_else(|| said.lines[place + 1].as_str(), |word| *word);
        let message = String::from_utf8(BASE64_STANDARD.decode(message).unwrap()).unwrap();
        let at = message.match_indices(',').nth(1).unwrap().0 + 1;
        let (header, first) = message.split_at(at);
        Self {
            tag: words[0].to_owned(),
            mechanism: words[2].to_owned(),
            header: header.to_owned(),
            first: first.to_owned(),
        }
    }

    fn nonce(&self) -> String {
        format!("{}{OWN_NONCE}", self.first.split_once(",r=").unwrap().1)
    }

    fn challenge(&self, iterations: usize) -> String {
        format!("r={},s={},i={iterations}", self.nonce(), BASE64_STANDARD.encode(SALT))
    }

    /// The signature, if the proof is right and for this connection; else NO.
    fn sign(&self, password: &str, said: &Said) -> Vec<u8> {
        let last = String::from_utf8(BASE64_STANDARD.decode(said.lines.last().unwrap()).unwrap()).unwrap();
        let (without_proof, proof) = last.split_once(",p=").unwrap();
        let binding = if self.header.starts_with("p=") { said.binding.as_slice() } else { b"" };
        let bound = BASE64_STANDARD.encode([self.header.as_bytes(), binding].concat());
        if without_proof != format!("c={bound},r={}", self.nonce()) {
            return format!("{} NO another connection\r\n", self.tag).into_bytes();
        }
        let digest = find_hash(&self.mechanism);
        let sign = |key: &[u8], text: &[u8]| {
            let key = PKey::hmac(key).unwrap();
            Signer::new(digest, &key).unwrap().sign_oneshot_to_vec(text).unwrap()
        };
        let signed = format!("{},{},{without_proof}", self.first, self.challenge(ITERATIONS));
        let mut salted = vec![0; digest.size()];
        pbkdf2_hmac(password.as_bytes(), SALT, ITERATIONS, digest, &mut salted).unwrap();
        let stored = hash(digest, &sign(&salted, b"Client Key")).unwrap();
        let signature = sign(&stored, signed.as_bytes());
        let proof = BASE64_STANDARD.decode(proof).unwrap();
        let key: Vec<u8> = proof.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        if *hash(digest, &key).unwrap() != *stored {
            return format!("{} NO wrong password\r\n", self.tag).into_bytes();
        }
        let own = sign(&sign(&salted, b"Server Key"), signed.as_bytes());
        continuation(&format!("v={}", BASE64_STANDARD.encode(own)))
    }
}
