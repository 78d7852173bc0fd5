//! Name to addresses, and addresses to a TCP connection. Blocking, without limits: those are the supervisor's.

use crate::options::Family;
use crate::run::event::{Fact, Failure};
use crate::text::io_reason;
use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long an address is waited for before the next one is tried beside it (RFC 8305 section 5,
/// connection attempt delay).
const STAGGER: Duration = Duration::from_millis(250);

/// Asks the system's resolver (getaddrinfo) for addresses of the family only, in its order (RFC 6724).
///
/// # Errors
/// The resolver's words, or that an address is of the other family.
pub fn resolve(host: &str, port: u16, family: Option<Family>) -> Result<Vec<SocketAddr>, String> {
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
            Err(format!("{ip} is of the other family{name}"))
        };
    }
    let hints = AddrInfoHints {
        address: wanted.map_or(0, Into::into),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let found =
        getaddrinfo(Some(host), None, Some(hints)).map_err(|error| format!("{}{name}", io_reason(&error.into())))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for mut address in found.flatten().map(|found| found.sockaddr) {
        address.set_port(port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(format!("the name has no address{name}")) } else { Ok(addresses) }
}

/// Tries the addresses in their order, the next one when one fails or after [`STAGGER`]; the first to answer wins.
///
/// # Errors
/// What each address answered.
pub fn connect(addresses: &[SocketAddr], tell: &dyn Fn(Fact)) -> Result<TcpStream, Failure> {
    let refused = |address: SocketAddr, reason: String| tell(Fact::Refused(address, reason));
    let connected = |address, tcp: TcpStream| {
        tell(Fact::Peer(address, tcp.try_clone().ok()));
        // A command is one write: nothing is gained by waiting for more.
        let _ = tcp.set_nodelay(true);
        tcp
    };
    if let [only] = addresses {
        tell(Fact::Tried(*only));
        return match TcpStream::connect(only) {
            Ok(tcp) => Ok(connected(*only, tcp)),
            Err(error) => {
                refused(*only, io_reason(&error));
                Err(Failure { ours: is_ours(&error), ..Failure::lost(failed(*only, &error)) })
            }
        };
    }

    let (results, answers) = mpsc::channel();
    let mut waiting = addresses.iter();
    let mut pending = 0_usize;
    let mut reasons = Vec::new();
    let mut ours = true;
    loop {
        let tried = waiting.next();
        if let Some(&address) = tried {
            tell(Fact::Tried(address));
            let results = results.clone();
            let attempt = move || {
                // Nobody listens any more once another address has won.
                let _ = results.send((address, TcpStream::connect(address)));
            };
            // Where no thread is to be had, one address after the other has to do.
            if thread::Builder::new().spawn(attempt.clone()).is_err() {
                attempt();
            }
            pending += 1;
        }
        let answer = if tried.is_some() {
            answers.recv_timeout(STAGGER).ok()
        } else if pending > 0 {
            answers.recv().ok()
        } else {
            return Err(Failure { ours, ..Failure::lost(reasons.join(", ")) });
        };
        match answer {
            Some((address, Ok(tcp))) => return Ok(connected(address, tcp)),
            Some((address, Err(error))) => {
                pending -= 1;
                refused(address, io_reason(&error));
                reasons.push(failed(address, &error));
                ours &= is_ours(&error);
            }
            None => {}
        }
    }
}

/// A refusal that may be for want of a file: a resolver that can open none knows no name, and OpenSSL no CA.
#[must_use]
pub fn lost_or_ours(reason: String) -> Failure {
    if File::open("/").is_err_and(|error| is_ours(&error)) {
        Failure { ours: true, ..Failure::lost(format!("{reason}, while no file could be opened")) }
    } else {
        Failure::lost(reason)
    }
}

/// No file descriptor or no memory was to be had.
fn is_ours(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS))
}

fn failed(address: SocketAddr, error: &io::Error) -> String {
    format!("{} port {}: {}", address.ip(), address.port(), io_reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::net::TcpListener;
    use std::time::Instant;

    #[test]
    fn an_address_that_refuses_costs_no_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses: Vec<SocketAddr> = ["127.0.0.9", "127.0.0.8", "127.0.0.1"]
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
            .collect();
        let told = RefCell::new(Vec::new());
        let begun = Instant::now();
        let tcp = connect(&addresses, &|fact| told.borrow_mut().push(format!("{fact:?}"))).unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), addresses[2]);
        assert!(begun.elapsed() < STAGGER, "{:?}", begun.elapsed());
        assert_eq!(told.borrow().len(), 6, "{told:?}");
    }

    #[test]
    fn when_all_refuse_each_is_named() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let addresses: Vec<SocketAddr> =
            ["127.0.0.9", "127.0.0.8"].iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        assert_eq!(
            connect(&addresses, &|_| {}).unwrap_err().reason,
            format!("127.0.0.9 port {port}: connection refused, 127.0.0.8 port {port}: connection refused")
        );
        assert_eq!(
            connect(&addresses[..1], &|_| {}).unwrap_err().reason,
            format!("127.0.0.9 port {port}: connection refused")
        );
    }

    #[test]
    fn an_address_of_the_other_family_is_refused() {
        let error = resolve("127.0.0.1", 1, Some(Family::V6)).unwrap_err();
        assert_eq!(error, "127.0.0.1 is of the other family (IPv6 only)");
        assert_eq!(resolve("::1", 1, Some(Family::V6)).unwrap().len(), 1);
    }
}
