use super::super::tests::{account, answers};
use super::*;

/// A row: what the RFC has for one hash.
struct Vector {
    hash: Hash,
    nonce: &'static str,
    first: &'static str,
    challenge: &'static str,
    proof: &'static str,
    signature: &'static str,
}

/// RFC 5802 section 5 and RFC 7677 section 3; user `user`, password `pencil`.
const VECTORS: [Vector; 2] = [
    Vector {
        hash: Hash::Sha1,
        nonce: "fyko+d2lbbFgONRv9qkxdawL",
        first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        proof: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        signature: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    Vector {
        hash: Hash::Sha256,
        nonce: "rOprNGfwEbeRWgbNEkqO",
        first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        proof: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        signature: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
];

fn begin(vector: &Vector) -> Scram {
    let secret = Secret::new(b"pencil".to_vec());
    Scram::new(&account("user", &secret), vector.hash, None, vector.nonce.to_owned())
}

#[test]
fn the_examples_of_the_rfcs_are_exchanged() {
    for vector in VECTORS {
        let Vector { first, challenge, proof, signature, .. } = vector;
        let exchange: Box<dyn Exchange> = Box::new(begin(&vector));
        let said = answers(Ok(exchange), &[b"", challenge.as_bytes(), signature.as_bytes()]);
        assert_eq!(said, [first.as_bytes(), proof.as_bytes(), b""]);
    }
}

#[test]
fn a_login_counts_only_once_the_server_has_proven_itself() {
    for vector in VECTORS {
        let mut scram = begin(&vector);
        assert!(scram.conclude(true).is_some());
        assert!(scram.answer(b"").is_ok() && scram.answer(vector.challenge.as_bytes()).is_ok());
        assert!(scram.conclude(true).is_some_and(|why| why.contains("did not prove")));
        assert_eq!(scram.conclude(false), None);
        assert!(scram.answer(vector.signature.as_bytes()).is_ok());
        assert_eq!(scram.conclude(true), None);
        assert!(scram.answer(b"").is_err());
    }
}

#[test]
fn a_wrong_signature_is_an_error_and_stays_one() {
    for wrong in ["v=AAAA", "v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "v=", "", "e=invalid-proof", "v=6rriTRBi23Wp"] {
        for vector in VECTORS {
            let mut scram = begin(&vector);
            assert!(scram.answer(b"").is_ok() && scram.answer(vector.challenge.as_bytes()).is_ok());
            assert!(scram.answer(wrong.as_bytes()).is_err(), "{wrong}");
            assert!(scram.answer(vector.signature.as_bytes()).is_err());
            assert!(scram.conclude(true).is_some());
        }
    }
}

#[test]
fn a_challenge_that_makes_no_sense_is_not_answered() {
    let own = "fyko+d2lbbFgONRv9qkxdawL";
    for (challenge, reason) in [
        ("", "not one of SCRAM"),
        ("m=ext,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096", "not one of SCRAM"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,i=4096", "not one of SCRAM"),
        ("r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", "not for this login"),
        ("r=other,s=QSXCR+Q6sek8bf92,i=4096", "not for this login"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096", "no salt"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=%%,i=4096", "no salt"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=", "no number"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=0", "no number"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=-1", "no number"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1000001", "more than 1000000 iterations"),
        ("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=99999999999999999999", "more than 1000000 iterations"),
    ] {
        let error = Challenge::read(challenge, own).err().unwrap();
        assert!(error.contains(reason), "{challenge}: {error}");
    }
}

#[test]
fn names_and_the_bound_channel_are_written_as_the_rfc_wants() {
    let secret = Secret::new(b"pencil".to_vec());
    let binding = ChannelBinding { kind: "tls-exporter", value: vec![1, 2, 3] };
    let account = Account { authzid: Some("o=k"), ..account("a,b=\u{aa}", &secret) };
    let mut scram = Scram::new(&account, Hash::Sha256, Some(binding), "abc".to_owned());
    let first = scram.answer(b"").ok().unwrap();
    assert_eq!(first.expose(), b"p=tls-exporter,a=o=3Dk,n=a=2Cb=3Da,r=abc");
    let last = scram.answer(b"r=abcdef,s=QSXCR+Q6sek8bf92,i=1").ok().unwrap();
    let bound = BASE64_STANDARD.encode(b"p=tls-exporter,a=o=3Dk,\x01\x02\x03");
    assert!(last.expose().starts_with(format!("c={bound},r=abcdef,p=").as_bytes()));
}

#[test]
fn without_a_bound_channel_there_is_no_plus() {
    let secret = Secret::new(b"pencil".to_vec());
    let failure = start_bound(&account("user", &secret), Hash::Sha1).err().unwrap();
    assert_eq!(failure.reason().what, "the login cannot be bound to the connection: no TLS");
}
