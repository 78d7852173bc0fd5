//! Addresses to a TCP connection. Blocking, without limits: those are the supervisor's.

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::proxy_protocol::ProxyProtocol;
use super::source::connect_from;
use super::tcp::Tcp;
use crate::facts::Fact;
use crate::failure::{Failure, Reason};
use crate::text::describe_io_error;

/// The time after which the next address is tried beside one that has not answered (RFC 8305 section 5,
/// connection attempt delay).
const STAGGER: Duration = Duration::from_millis(250);

/// Tries the addresses in their order, the next one when one fails or after a quarter of a second; the first to answer wins.
/// They are tried from `source`, if there is one; the one that answers gets the header of a proxy, if one is wanted.
///
/// # Errors
/// The failure lists the answer of each address.
pub fn connect(
    addresses: &[SocketAddr],
    source: Option<IpAddr>,
    proxy_protocol: Option<ProxyProtocol>,
    report: &dyn Fn(Fact),
) -> Result<Tcp, Failure> {
    let finish = |address, mut tcp: TcpStream| {
        report(Fact::Peer(address, tcp.try_clone().ok().map(Arc::new)));
        if let Some(version) = proxy_protocol {
            // In one segment: a server need not wait for the rest of it (section 2 of its specification).
            let sent = tcp.local_addr().and_then(|own| {
                tcp.write_all(&version.make_header(own, address))?;
                report(Fact::Announced(own));
                Ok(())
            });
            sent.map_err(|error| explain(&[(address, error)], source))?;
        }
        Ok(Tcp::new(tcp))
    };
    let mut errors = Vec::new();
    let mut note_error = |address: SocketAddr, error: io::Error| {
        report(Fact::Unreachable(address, describe_io_error(&error)));
        errors.push((address, error));
    };
    // The usual case needs no thread.
    if let [only] = addresses {
        report(Fact::Tried(*only));
        return match connect_from(source, *only) {
            Ok(tcp) => finish(*only, tcp),
            Err(error) => {
                note_error(*only, error);
                Err(explain(&errors, source))
            }
        };
    }

    let (results, answers) = mpsc::channel();
    let mut waiting = addresses.iter();
    let mut pending = 0_usize;
    loop {
        let tried = waiting.next();
        if let Some(&address) = tried {
            report(Fact::Tried(address));
            let results = results.clone();
            let attempt = move || {
                // The receiver is gone once another address has won.
                let _ = results.send((address, connect_from(source, address)));
            };
            // If no thread can be started, one address is tried after the other.
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
            return Err(explain(&errors, source));
        };
        match answer {
            Some((address, Ok(tcp))) => return finish(address, tcp),
            Some((address, Err(error))) => {
                pending -= 1;
                note_error(address, error);
            }
            None => {}
        }
    }
}

/// Each address with its error. The failure is local only if this host is at fault at every address: an address that
/// was reached and refused says that the service is down there, whatever is wrong with the others.
fn explain(errors: &[(SocketAddr, io::Error)], source: Option<IpAddr>) -> Failure {
    let describe = |(address, error): &(SocketAddr, io::Error)| {
        format!("{} port {}: {}", address.ip(), address.port(), describe_io_error(error))
    };
    let reason = errors.iter().map(describe).collect::<Vec<_>>().join(", ");
    let faults: Option<Vec<&str>> =
        errors.iter().map(|(address, error)| find_own_fault(*address, source, error)).collect();
    match faults.as_deref() {
        Some([first, ..]) => Failure::local(reason).with_hint(*first),
        _ => Failure::lost(reason),
    }
}

/// The fault of this host that this error of connect(2) shows, if it shows one. ENETUNREACH and EHOSTUNREACH may come
/// from a router, and EACCES over IPv6 from a remote firewall (RFC 4443 section 3.1, code 1).
fn find_own_fault(address: SocketAddr, source: Option<IpAddr>, error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::PERM => Some("a firewall or a security policy of this host forbids it"),
        Errno::ACCESS if address.is_ipv4() => Some("a firewall or a security policy of this host forbids it"),
        Errno::INVAL if lacks_interface(address) => Some("it needs its interface, as in fe80::1%eth0"),
        Errno::ADDRNOTAVAIL if source.is_some() => Some("is the address of --source one of this host?"),
        // From a loopback address no other host can be reached.
        Errno::INVAL if source.is_some() => Some("it cannot be reached from the address of --source"),
        Errno::ADDRINUSE => Some("this host has no free port"),
        Errno::ADDRNOTAVAIL => Some("this host has no free port or no address for it"),
        Errno::AFNOSUPPORT if address.is_ipv6() => Some("this host has no IPv6"),
        Errno::AFNOSUPPORT => Some("this host has no IPv4"),
        _ if is_shortage(error) => Some("this host is short of files or memory"),
        _ => None,
    }
}

/// Whether the address is only of one link, and the link is not named (RFC 4007 section 6).
fn lacks_interface(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// A resolver that can open no file knows no name, and OpenSSL no CA: then the reason is this host's want of files.
#[must_use]
pub fn blame_missing_files(reason: impl Into<Reason>) -> Failure {
    let mut reason = reason.into();
    if File::open("/").is_err_and(|error| is_shortage(&error)) {
        reason.what += ", while no file could be opened";
        Failure::Local(reason)
    } else {
        Failure::Lost(reason)
    }
}

/// Whether this host has no file descriptor or no memory left.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS))
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
        let facts = RefCell::new(Vec::new());
        let begun = Instant::now();
        connect(&addresses, None, None, &|fact| facts.borrow_mut().push(format!("{fact:?}"))).unwrap();
        assert!(facts.borrow().last().unwrap().starts_with(&format!("Peer({}", addresses[2])), "{facts:?}");
        assert!(begun.elapsed() < STAGGER, "{:?}", begun.elapsed());
        assert_eq!(facts.borrow().len(), 6, "{facts:?}");
    }

    #[test]
    fn only_what_this_host_alone_can_cause_is_its_own_fault() {
        let (v4, v6) = ("192.0.2.1:993".parse().unwrap(), "[2001:db8::1]:993".parse().unwrap());
        for (errno, is_own_over_v4, is_own_over_v6) in [
            (Errno::PERM, true, true),
            (Errno::ACCESS, true, false),
            (Errno::ADDRNOTAVAIL, true, true),
            (Errno::ADDRINUSE, true, true),
            (Errno::AFNOSUPPORT, true, true),
            (Errno::MFILE, true, true),
            (Errno::NOBUFS, true, true),
            (Errno::CONNREFUSED, false, false),
            (Errno::TIMEDOUT, false, false),
            (Errno::NETUNREACH, false, false),
            (Errno::HOSTUNREACH, false, false),
            (Errno::INVAL, false, false),
        ] {
            for (address, is_own) in [(v4, is_own_over_v4), (v6, is_own_over_v6)] {
                let failure = explain(&[(address, errno.into())], None);
                assert_eq!(matches!(failure, Failure::Local(_)), is_own, "{errno} at {address}");
                // An address that says no counts more.
                let failure = explain(&[(address, errno.into()), (v4, Errno::CONNREFUSED.into())], None);
                assert!(matches!(failure, Failure::Lost(_)), "{errno} at {address}");
            }
        }
    }

    #[test]
    fn an_address_of_one_link_needs_its_interface() {
        let is_own = |address: &str| {
            let failure = explain(&[(address.parse().unwrap(), Errno::INVAL.into())], None);
            matches!(&failure, Failure::Local(reason) if reason.to_string().contains("fe80::1%eth0"))
        };
        assert!(is_own("[fe80::1]:993"));
        assert!(!is_own("[fe80::1%2]:993"));
        assert!(!is_own("[2001:db8::1]:993"));
    }

    #[test]
    fn an_address_of_ours_that_does_not_fit_is_the_users_fault() {
        let address = "192.0.2.1:993".parse().unwrap();
        for (errno, hint) in [
            (Errno::ADDRNOTAVAIL, "is the address of --source one of this host?"),
            (Errno::INVAL, "it cannot be reached from the address of --source"),
        ] {
            let failure = explain(&[(address, errno.into())], Some("127.0.0.1".parse().unwrap()));
            assert!(matches!(&failure, Failure::Local(reason) if reason.hint.as_deref() == Some(hint)), "{failure:?}");
        }
    }

    #[test]
    fn when_all_refuse_each_is_named() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let addresses: Vec<SocketAddr> =
            ["127.0.0.9", "127.0.0.8"].iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        assert_eq!(
            connect(&addresses, None, None, &|_| {}).unwrap_err().reason().what,
            format!("127.0.0.9 port {port}: connection refused, 127.0.0.8 port {port}: connection refused")
        );
        assert_eq!(
            connect(&addresses[..1], None, None, &|_| {}).unwrap_err().reason().what,
            format!("127.0.0.9 port {port}: connection refused")
        );
    }
}
