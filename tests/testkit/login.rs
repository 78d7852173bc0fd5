//! The server's part in a login by each mechanism, up to its tagged reply. A mechanism of the program without it fails a test.
use super::scram;
use super::step::Step;

/// What the server does behind the command that has the client's first answer.
pub fn exchange(mechanism: &str, password: &str) -> Vec<Step> {
    match mechanism {
        "plain" | "xoauth2" | "oauthbearer" | "external" => Vec::new(),
        "scram-sha-1" | "scram-sha-256" | "scram-sha-512" | "scram-sha-1-plus" | "scram-sha-256-plus"
        | "scram-sha-512-plus" => scram::serve(password),
        _ => panic!("{mechanism} has no exchange ({})", file!()),
    }
}
