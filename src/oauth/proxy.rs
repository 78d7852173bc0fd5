//! The proxy that the environment names for HTTPS, as other programs read it: `https_proxy` and `no_proxy`.

use zeroize::Zeroizing;

use super::url::split_authority;
use crate::credentials::secret::Secret;

/// The port of a proxy that has none in its address, as curl has it.
const DEFAULT_PORT: u16 = 1080;

/// A proxy that is asked by CONNECT (RFC 9110 section 9.3.6).
pub struct Proxy {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password with a colon between them, if it wants an account (RFC 7617).
    pub account: Option<Secret>,
}

/// The proxy for HTTPS to this host, if there is one.
///
/// # Errors
/// The environment variable and what is wrong with it, without its value: it may have a password.
pub fn find_proxy(host: &str) -> Result<Option<Proxy>, String> {
    let read = |names: [&'static str; 2]| {
        let found = names.into_iter().find_map(|name| Some((name, std::env::var_os(name)?)));
        found.map(|(name, value)| (name, Zeroizing::new(value.to_string_lossy().into_owned())))
    };
    let Some((name, proxy)) = read(["https_proxy", "HTTPS_PROXY"]).filter(|(_, proxy)| !proxy.is_empty()) else {
        return Ok(None);
    };
    if read(["no_proxy", "NO_PROXY"]).is_some_and(|(_, hosts)| is_excepted(host, &hosts)) {
        return Ok(None);
    }
    let parsed = parse(&proxy);
    parsed.map(Some).ok_or_else(|| format!("{name} is not the address of a proxy, right is http://HOST:PORT"))
}

fn parse(text: &str) -> Option<Proxy> {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return None,
        None => text,
    };
    let authority = rest.trim_end_matches('/');
    let (account, authority) =
        authority.rsplit_once('@').map_or((None, authority), |(account, rest)| (Some(account), rest));
    let (host, port) = split_authority(authority, DEFAULT_PORT)?;
    Some(Proxy { host, port, account: account.map(decode_percent) })
}

/// `%40` becomes `@` (RFC 3986 section 2.1).
fn decode_percent(text: &str) -> Secret {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    Secret::new(std::mem::take(&mut decoded))
}

/// Whether `no_proxy` has this host: itself, a domain above it, or `*`.
fn is_excepted(host: &str, hosts: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    hosts.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_start_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        entry == "*" || host == entry || host.strip_suffix(&entry).is_some_and(|before| before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_with_its_port_and_its_account() {
        for (text, host, port) in [
            ("http://proxy.example.org:3128", "proxy.example.org", 3128),
            ("http://proxy.example.org:3128/", "proxy.example.org", 3128),
            ("proxy.example.org:3128", "proxy.example.org", 3128),
            ("http://[2001:db8::1]:3128", "2001:db8::1", 3128),
            ("proxy.example.org", "proxy.example.org", 1080),
        ] {
            let proxy = parse(text).unwrap();
            assert_eq!((proxy.host.as_str(), proxy.port), (host, port), "{text}");
            assert!(proxy.account.is_none());
        }
        let proxy = parse("http://joe:p%40ss@proxy.example.org:3128").unwrap();
        assert_eq!(proxy.account.unwrap().expose(), b"joe:p@ss");
        assert!(parse("socks5://proxy.example.org").is_none() && parse("https://proxy.example.org").is_none());
    }

    #[test]
    fn hosts_of_no_proxy_are_reached_without_one() {
        for hosts in ["login.example.org", "example.org", ".example.org", "a.test, LOGIN.example.org", "*"] {
            assert!(is_excepted("login.example.org", hosts), "{hosts}");
        }
        for hosts in ["", "ample.org", "other.example.org", "login.example.org.test", ","] {
            assert!(!is_excepted("login.example.org", hosts), "{hosts}");
        }
    }
}
