//! The assertion of a service account: a JWT (RFC 7519, RFC 7523) that its private key signs (RS256, RFC 7518 section 3.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials::secret::Secret;

/// An assertion is used at once.
const LIFETIME: Duration = Duration::from_secs(600);

/// A service account, as its JSON key file has it. Nothing but these fields is used: above all not `token_uri`.
pub struct ServiceAccount {
    /// Its name.
    pub email: String,
    key_id: Option<String>,
    private_key: Secret,
}

/// The fields of the file.
#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
}

/// The head of a JWT (RFC 7515 section 4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// The claims (RFC 7519 section 4.1), and the scope, as Google wants it.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl ServiceAccount {
    /// Reads the content of a key file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        let file: KeyFile =
            serde_json::from_slice(content).map_err(|_| "it is not the JSON key of a service account".to_owned())?;
        let private_key = file.private_key.map(|key| Secret::new(key.into_bytes()));
        let missing = |field: &str| format!("it has no {field}, right is the JSON key of a service account");
        Ok(Self {
            email: file.client_email.ok_or_else(|| missing("client_email"))?,
            key_id: file.private_key_id,
            private_key: private_key.ok_or_else(|| missing("private_key"))?,
        })
    }

    /// The private key in PEM, for masking.
    #[must_use]
    pub fn private_key(&self) -> &Secret {
        &self.private_key
    }

    /// Asserts that the account acts for this user (`sub`) at this token endpoint (`aud`).
    ///
    /// # Errors
    /// The private key cannot sign.
    pub fn sign(&self, user: &str, scope: Option<&str>, audience: &str, now: SystemTime) -> Result<Secret, String> {
        let key = self.read_key()?;
        let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = Header { alg: "RS256", typ: "JWT", kid: self.key_id.as_deref() };
        let claims = Claims {
            iss: &self.email,
            sub: user,
            aud: audience,
            iat: issued.as_secs(),
            exp: (issued + LIFETIME).as_secs(),
            scope,
        };
        let (header, claims) = (serde_json::to_vec(&header), serde_json::to_vec(&claims));
        let (Ok(header), Ok(claims)) = (header, claims) else { return Err("it cannot be written as JSON".to_owned()) };
        let encode = |part: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(part);
        let signed = Zeroizing::new(format!("{}.{}", encode(header), encode(claims)));
        let signature =
            make_signature(&key, signed.as_bytes()).map_err(|_| "its private_key cannot sign".to_owned())?;
        Ok(Secret::new(format!("{}.{}", *signed, BASE64_URL_SAFE_NO_PAD.encode(signature)).into_bytes()))
    }

    fn read_key(&self) -> Result<PKey<Private>, String> {
        // An encrypted key gets an empty passphrase; OpenSSL would ask for one on the terminal.
        let key = PKey::private_key_from_pem_callback(self.private_key.expose(), |_| Ok(0));
        let key = key.map_err(|_| "its private_key is no private key in PEM".to_owned())?;
        if key.id() == Id::RSA { Ok(key) } else { Err("its private_key is no RSA key".to_owned()) }
    }
}

fn make_signature(key: &PKey<Private>, text: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    Signer::new(MessageDigest::sha256(), key)?.sign_oneshot_to_vec(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::rsa::Rsa;
    use openssl::sign::Verifier;
    use openssl::symm::Cipher;
    use serde_json::{Value, json};

    fn account(pem: &[u8]) -> ServiceAccount {
        let file = json!({
            "client_email": "probe@project.example.org", "private_key_id": "1a2b",
            "private_key": String::from_utf8(pem.to_vec()).unwrap(), "token_uri": "https://elsewhere.example.org/",
        });
        ServiceAccount::parse(file.to_string().as_bytes()).ok().unwrap()
    }

    #[test]
    fn an_assertion_names_user_scope_and_endpoint_and_its_signature_holds() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let account = account(&key.private_key_to_pem_pkcs8().unwrap());
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let jwt =
            account.sign("joe@example.org", Some("https://mail.example.org/"), "https://login.example.org/t", now);
        let jwt = String::from_utf8(jwt.ok().unwrap().expose().to_vec()).unwrap();
        let parts: Vec<&str> = jwt.split('.').collect();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let read = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
        assert_eq!(read(parts[0]), json!({ "alg": "RS256", "typ": "JWT", "kid": "1a2b" }));
        assert_eq!(
            read(parts[1]),
            json!({
                "iss": "probe@project.example.org", "sub": "joe@example.org", "scope": "https://mail.example.org/",
                "aud": "https://login.example.org/t", "iat": 1_800_000_000, "exp": 1_800_000_600,
            })
        );
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        verifier.update(format!("{}.{}", parts[0], parts[1]).as_bytes()).unwrap();
        assert!(verifier.verify(&decode(parts[2])).unwrap());
    }

    #[test]
    fn a_key_that_cannot_sign_so_is_refused() {
        let key = Rsa::generate(2048).unwrap();
        let encrypted = key.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"secret").unwrap();
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let elliptic = EcKey::generate(&curve).unwrap().private_key_to_pem().unwrap();
        for (pem, said) in [
            (encrypted.as_slice(), "no private key in PEM"),
            (&elliptic, "no RSA key"),
            (b"rubbish", "no private key in PEM"),
        ] {
            let why = account(pem).sign("joe", None, "https://login.example.org/", SystemTime::now()).err().unwrap();
            assert!(why.contains(said), "{why}");
        }
        for (content, said) in [
            (&b"rubbish"[..], "not the JSON key"),
            (br#"{"private_key":"x"}"#, "no client_email"),
            (br#"{"client_email":"x"}"#, "no private_key"),
        ] {
            let why = ServiceAccount::parse(content).err().unwrap();
            assert!(why.contains(said), "{why}");
        }
    }
}
