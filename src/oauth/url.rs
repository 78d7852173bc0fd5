//! The address of a token endpoint.

use std::net::IpAddr;

use crate::text::show_value;

/// The port of HTTPS and of HTTP.
const PORTS: (u16, u16) = (443, 80);

/// An address that a token may be fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// As the user wrote it.
    pub text: String,
    /// HTTPS. HTTP leads only to this host itself.
    pub is_encrypted: bool,
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query, as they are sent.
    pub target: String,
}

impl Url {
    /// Reads an address that begins with `https://`, or on loopback with `http://`.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = |what: &str| {
            format!("{} {what}, right is for example https://login.example.org/oauth2/token", show_value(text))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refuse("is no URL"))?;
        let is_encrypted = scheme.eq_ignore_ascii_case("https");
        if !is_encrypted && !scheme.eq_ignore_ascii_case("http") {
            return Err(refuse("does not begin with https://"));
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            // Not shown: a password may be in it.
            return Err("it has an account in it, where ps shows it: see --oauth-client-id".to_owned());
        }
        let default = if is_encrypted { PORTS.0 } else { PORTS.1 };
        let (host, port) = split_authority(authority, default).ok_or_else(|| refuse("names no server"))?;
        if target.contains('#') || target.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(refuse("has a character in its path that belongs into no address of a token endpoint"));
        }
        if !is_encrypted && !is_loopback(&host) {
            return Err(refuse("would send the secret in clear text, which is allowed on loopback alone"));
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self { text: text.to_owned(), is_encrypted, host, port, target: format!("{slash}{target}") })
    }

    /// Host and port as HTTP sends them: the port only if it is not the usual one.
    #[must_use]
    pub fn make_authority(&self) -> String {
        let usual = if self.is_encrypted { PORTS.0 } else { PORTS.1 };
        if self.port == usual { bracket(&self.host) } else { join_authority(&self.host, self.port) }
    }
}

/// `host:port`, an IPv6 address in brackets.
#[must_use]
pub fn join_authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracket(host))
}

fn bracket(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Splits `host`, `host:port`, `[::1]` and `[::1]:port`.
#[must_use]
pub fn split_authority(authority: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(is_name) {
        return None;
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => default_port,
        None => return None,
    };
    Some((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the text is, nothing of it can end the line that it is sent in.
        #[test]
        fn no_address_reaches_beyond_its_line(text in "(https?://)?[a-z\\[\\]:@./?# \r\nü]{0,24}") {
            if let Ok(url) = Url::parse(&text) {
                let sent = format!("{}{}", url.make_authority(), url.target);
                prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{}", sent);
            }
        }
    }

    #[test]
    fn an_address_is_taken_apart() {
        for (text, host, port, target, authority) in [
            (
                "https://login.example.org/t/oauth2/v2.0/token",
                "login.example.org",
                443,
                "/t/oauth2/v2.0/token",
                "login.example.org",
            ),
            ("HTTPS://login.example.org", "login.example.org", 443, "/", "login.example.org"),
            ("https://login.example.org:8443?a=b", "login.example.org", 8443, "/?a=b", "login.example.org:8443"),
            ("https://[2001:db8::1]:8443/t", "2001:db8::1", 8443, "/t", "[2001:db8::1]:8443"),
            ("http://127.0.0.1:80/t", "127.0.0.1", 80, "/t", "127.0.0.1"),
            ("http://[::1]/t", "::1", 80, "/t", "[::1]"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.target.as_str()), (host, port, target), "{text}");
            assert_eq!(url.make_authority(), authority);
        }
    }

    #[test]
    fn an_address_that_is_none_or_would_show_a_secret_is_refused() {
        for (text, said) in [
            ("login.example.org/token", "is no URL"),
            ("ftp://login.example.org/", "does not begin with https://"),
            ("https:///token", "names no server"),
            ("https://login.example.org:0/", "names no server"),
            ("https://[::1/", "names no server"),
            ("https://login.example.org/a b", "has a character in its path"),
            ("https://login.example.org/\r\nHost: x", "has a character in its path"),
            ("https://login.example.org/#part", "has a character in its path"),
            ("http://login.example.org/token", "in clear text"),
            ("http://127.0.0.1.example.org/token", "in clear text"),
        ] {
            let why = Url::parse(text).unwrap_err();
            assert!(why.contains(said) && why.contains("right is"), "{text:?}: {why}");
        }
        let why = Url::parse("https://joe:hunter2@login.example.org/token").unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
