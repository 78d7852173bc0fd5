//! The header that a proxy puts in front of a connection, so that the server knows from where it comes ("The PROXY
//! protocol", sections 2.1 and 2.2). Here it says that this host is the client.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Versions of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// It opens each binary header: no server takes it for the beginning of its own protocol.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and the command PROXY: the addresses are those of a client.
const VERSION_AND_COMMAND: u8 = 0x21;

impl ProxyProtocol {
    /// Each version with its name in options.
    pub const NAMES: [(&'static str, Self); 2] = [("1", Self::V1), ("2", Self::V2)];

    /// The name in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        super::find_name(&self, &Self::NAMES)
    }

    /// The header for a connection from one address to another.
    #[must_use]
    pub fn make_header(self, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
        if self == Self::V1 {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            return format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port()).into_bytes();
        }
        // TCP over IPv4 or IPv6, and the bytes behind these four.
        let (family, length, addresses) = match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => (0x11, 12, [from.octets(), to.octets()].concat()),
            (from, to) => (0x21, 36, [from, to].map(|ip| as_ipv6(ip).octets()).concat()),
        };
        let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
        [SIGNATURE, &[VERSION_AND_COMMAND, family, 0, length], &addresses, &ports].concat()
    }
}

fn as_ipv6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_specification() {
        let v4 = ["192.0.2.7:40000", "198.51.100.1:993"].map(|text| text.parse().unwrap());
        let v6 = ["[2001:db8::7%3]:40000", "[2001:db8::1]:143"].map(|text| text.parse().unwrap());
        let header = |version: ProxyProtocol, [from, to]: [SocketAddr; 2]| version.make_header(from, to);
        assert_eq!(header(ProxyProtocol::V1, v4), b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 993\r\n");
        assert_eq!(header(ProxyProtocol::V1, v6), b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 143\r\n");
        assert_eq!(
            header(ProxyProtocol::V2, v4),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x03\xe1"
        );
        assert_eq!(
            header(ProxyProtocol::V2, v6),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\
              \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x9c\x40\0\x8f"
        );
    }
}
