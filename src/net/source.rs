//! A connection from one address of this host: of the one that the user wants, or of the one that the kernel chooses.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, TcpStream};

use rustix::io::retry_on_intr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::failure::Failure;

/// Connects to an address, and waits for the answer.
pub(super) fn connect_from(source: Option<IpAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(address) };
    let (family, zone) = match address {
        SocketAddr::V4(_) => (AddressFamily::INET, 0),
        // A link-local address of ours is in the same zone as the other one.
        SocketAddr::V6(address) => (AddressFamily::INET6, address.scope_id()),
    };
    let own = match source {
        IpAddr::V4(_) => SocketAddr::new(source, 0),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, 0, 0, zone).into(),
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &own)?;
    retry_on_intr(|| connect(&socket, &address))?;
    Ok(TcpStream::from(socket))
}

/// Of these addresses of the server, those that can be reached from this one.
///
/// # Errors
/// All are of the other family.
pub fn keep_reachable(mut addresses: Vec<SocketAddr>, source: Option<IpAddr>) -> Result<Vec<SocketAddr>, Failure> {
    let Some(source) = source else { return Ok(addresses) };
    addresses.retain(|address| address.is_ipv4() == source.is_ipv4());
    if addresses.is_empty() {
        let (own, wanted) = if source.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let what = format!("the server has only {wanted} addresses, and {source} of --source is {own}");
        return Err(Failure::lost(what));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_connection_comes_from_the_address_that_is_wanted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for source in ["127.0.0.77", "127.0.0.1"].map(|text| text.parse().unwrap()) {
            let ours = connect_from(Some(source), listener.local_addr().unwrap()).unwrap();
            assert_eq!(listener.accept().unwrap().1, ours.local_addr().unwrap());
            assert_eq!(ours.local_addr().unwrap().ip(), source);
        }
    }

    #[test]
    fn addresses_of_the_other_family_are_left_out() {
        let all: Vec<SocketAddr> = ["192.0.2.1:993", "[2001:db8::1]:993"].map(|text| text.parse().unwrap()).into();
        assert_eq!(keep_reachable(all.clone(), None).unwrap(), all);
        assert_eq!(keep_reachable(all.clone(), Some("192.0.2.7".parse().unwrap())).unwrap(), all[..1]);
        assert_eq!(keep_reachable(all.clone(), Some("2001:db8::7".parse().unwrap())).unwrap(), all[1..]);
        let failure = keep_reachable(all[1..].into(), Some("192.0.2.7".parse().unwrap())).unwrap_err();
        let reason = "the server has only IPv6 addresses, and 192.0.2.7 of --source is IPv4";
        assert_eq!(failure, Failure::lost(reason));
    }
}
