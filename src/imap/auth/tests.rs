use super::*;

/// An account of a test, over a connection without TLS.
pub fn account<'a>(username: &'a str, secret: &'a Secret) -> Account<'a> {
    let find_binding = &|| Err("no TLS".to_owned());
    Account { username, authzid: None, secret, host: "imap.example.org", port: 993, find_binding }
}

/// The answers to these challenges.
pub fn answers(exchange: Result<Box<dyn Exchange>, Failure>, challenges: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut exchange = exchange.ok().unwrap();
    let mut answer = |challenge: &&[u8]| exchange.answer(challenge).ok().unwrap().expose().to_vec();
    challenges.iter().map(&mut answer).collect()
}

#[test]
fn every_row_is_named_once_as_on_the_wire() {
    let mut names: Vec<&str> = MECHANISMS.iter().map(|mechanism| mechanism.name).collect();
    for mechanism in MECHANISMS {
        assert!(!mechanism.help.is_empty() && !mechanism.help.ends_with('.'), "{}", mechanism.name);
        if let Way::Sasl { name, .. } = mechanism.way {
            assert_eq!(name.to_lowercase(), mechanism.name);
            let found = Mechanism::find_offered(mechanism.name).unwrap();
            assert_eq!(found.name, mechanism.name);
        }
    }
    assert_eq!(names.first(), Some(&DEFAULT.name));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MECHANISMS.len());
}

#[test]
fn each_mechanism_begins_with_an_answer_and_ends_on_a_server_that_goes_on_asking() {
    let secret = Secret::new(b"pencil".to_vec());
    let binding = || Ok(ChannelBinding { kind: "tls-exporter", value: vec![7; 32] });
    let account = Account { find_binding: &binding, ..account("user", &secret) };
    for mechanism in MECHANISMS {
        let Way::Sasl { start, .. } = mechanism.way else { continue };
        let mut exchange = start(&account).ok().unwrap();
        assert!(exchange.answer(b"").is_ok(), "{}", mechanism.name);
        let more = (0..3).map(|_| exchange.answer(b"go on").is_err());
        assert!(more.last().unwrap(), "{}", mechanism.name);
    }
}
