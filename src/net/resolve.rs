//! Name to addresses, by the system's resolver. Blocking, without limits: those are the supervisor's.

use std::io;
use std::net::{IpAddr, SocketAddr};

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};

use super::Family;
use super::connect::{blame_missing_files, is_shortage};
use crate::failure::Failure;
use crate::text::describe_io_error;

/// Asks the system's resolver (getaddrinfo) for addresses of the family only, in its order (RFC 6724).
///
/// # Errors
/// The resolver's words, or that an address is of the other family.
pub fn resolve(host: &str, port: u16, family: Option<Family>) -> Result<Vec<SocketAddr>, Failure> {
    let (wanted, name) = match family {
        None => (None, ""),
        Some(Family::V4) => (Some(AddrFamily::Inet), " (IPv4 only)"),
        Some(Family::V6) => (Some(AddrFamily::Inet6), " (IPv6 only)"),
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        let is_wanted = family.is_none_or(|family| (family == Family::V4) == ip.is_ipv4());
        return if is_wanted {
            Ok(vec![SocketAddr::new(ip, port)])
        } else {
            Err(Failure::lost(format!("{ip} is of the other family{name}")))
        };
    }
    let hints = AddrInfoHints {
        address: wanted.map_or(0, Into::into),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let explain = |error: LookupError| {
        let is_out_of_memory = matches!(error.kind(), LookupErrorKind::Memory);
        let error = io::Error::from(error);
        let reason = format!("{}{name}", describe_io_error(&error));
        if is_out_of_memory || is_shortage(&error) { Failure::local(reason) } else { blame_missing_files(reason) }
    };
    let found = getaddrinfo(Some(host), None, Some(hints)).map_err(explain)?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for mut address in found.flatten().map(|found| found.sockaddr) {
        address.set_port(port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(blame_missing_files(format!("the name has no address{name}")));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_other_family_is_refused() {
        let error = resolve("127.0.0.1", 1, Some(Family::V6)).unwrap_err();
        assert_eq!(error.reason().what, "127.0.0.1 is of the other family (IPv6 only)");
        assert_eq!(resolve("::1", 1, Some(Family::V6)).unwrap().len(), 1);
    }
}
