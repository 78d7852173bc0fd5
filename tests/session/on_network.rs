//! Resolvers and addresses that do not answer, or answer with no.
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::case::{PASSWORD, USER, plugin, skip_host};
use crate::resolver::Resolver;
use crate::testkit::plan::Mode;
use crate::testkit::plugin::Plugin;
use crate::testkit::server::Server;
use crate::testkit::well_behaved::well;

#[test]
fn a_refused_connection_is_a_failure_of_connect() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let run = plugin(port, Mode::Clear).run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(skip_host(&run).starts_with("connect failed: "), "{run:#?}");
    assert!(run.summary().contains("refused"), "{run:#?}");
    assert_eq!(run.value("timed_out"), Some(0.0));
}

#[test]
fn a_resolver_that_never_answers_is_ended_by_the_limit() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let arguments = ["-H", "imap.example.org", "-u", USER];
    for (limit, said) in [("-t", "(total limit 1 s)"), ("--limit", "(its limit 1 s)")] {
        let value = if limit == "-t" { "1" } else { "resolve=1" };
        let run = shim.load(Plugin::new(arguments).args([limit, value])).password(PASSWORD).run();
        run.check_sound();
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.summary().contains("resolve timed out after "));
        assert!(run.summary().contains(said), "{run:#?}");
        assert!(run.elapsed < Duration::from_secs(6), "{run:#?}");
        assert_eq!(run.value("timed_out"), Some(1.0));
        assert_eq!(run.value("login_ok"), Some(0.0));
    }
}

#[test]
fn the_next_address_gets_its_chance_before_the_first_one_has_eaten_the_limit() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let server = Server::start(well(Mode::Clear));
    let hole = BlackHole::dig(server.port);
    for (first, at_least) in [(hole.address, 0.1), ([127, 0, 0, 9], 0.0)] {
        let addresses = format!("{},127.0.0.1", Ipv4Addr::from(first));
        let run = shim.load(to_two_addresses(server.port)).env("SHIM_ADDRESSES", &addresses).run();
        run.check_sound();
        assert_eq!(run.code, 0, "{addresses}: {run:#?}");
        let connect = run.value("connect").unwrap();
        assert!(connect >= at_least, "{addresses}: connected in {connect} s");
        assert!(connect < 2.0, "{addresses}: connected in {connect} s");
    }
    let run = shim.load(to_two_addresses(server.port).args(["-t", "1"])).env("SHIM_ADDRESSES", "127.0.0.2").run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.summary().contains("connect timed out after "));
    assert!(run.elapsed < Duration::from_secs(6), "{run:#?}");
}

fn to_two_addresses(port: u16) -> Plugin {
    Plugin::new(["-H", "imap.example.org", "-p", &port.to_string()])
        .args(["--tls", "none", "-u", USER, "-m", "INBOX", "-m", "Archive"])
        .password(PASSWORD)
}

/// An address that answers no SYN: a listener whose queue is full.
struct BlackHole {
    address: [u8; 4],
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn dig(port: u16) -> Self {
        let address = [127, 0, 0, 2];
        let target = SocketAddr::from((address, port));
        let listener = TcpListener::bind(target).expect("the port is free on 127.0.0.2 too");
        let mut queue = Vec::new();
        let start = Instant::now();
        while let Ok(socket) = TcpStream::connect_timeout(&target, Duration::from_millis(300)) {
            queue.push(socket);
            assert!(start.elapsed() < Duration::from_secs(30), "no end to it");
        }
        Self { address, _listener: listener, _queue: queue }
    }
}
