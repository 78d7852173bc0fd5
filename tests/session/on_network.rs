//! Resolvers and addresses that do not answer, or answer with no.
use std::fs;
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
        assert!(run.elapsed < Duration::from_secs(9), "{run:#?}");
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
        assert!(connect < 4.0, "{addresses}: connected in {connect} s");
    }
    let run = shim.load(to_two_addresses(server.port).args(["-t", "1"])).env("SHIM_ADDRESSES", "127.0.0.2").run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.summary().contains("connect timed out after "));
    assert!(run.elapsed < Duration::from_secs(9), "{run:#?}");
}

#[test]
fn a_resolver_that_is_short_of_memory_says_nothing_about_the_server() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    // EAI_NONAME, EAI_AGAIN, EAI_MEMORY, EAI_SYSTEM with ENOMEM.
    for (error, code) in [("-2", 2), ("-3", 2), ("-10", 3), ("-11", 3)] {
        let run = shim.load(to_two_addresses(993)).env("SHIM_FAILS", error).run();
        assert_eq!(run.check_sound().code, code, "{error}: {run:#?}");
        assert!(run.summary().starts_with("imap.example.org: resolve failed: "), "{run:#?}");
    }
}

#[test]
fn a_name_with_letters_beyond_ascii_is_converted_for_the_network_and_shown_as_written() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let written = "imap.bücher.example";
    for (host, tls_name) in [(written, &[][..]), ("imap.example.org", &["--tls-name", written])] {
        for format in ["nagios", "json"] {
            let server = Server::start(well(Mode::Implicit));
            let plugin = Plugin::new(["-H", host, "-p", &server.port.to_string(), "-u", USER, "-o", format])
                .args(["-m", "INBOX", "-m", "Archive"])
                .args(tls_name)
                .arg("--ca-file")
                .arg(server.ca_file())
                .password(PASSWORD);
            let run = shim.answer(plugin, "127.0.0.1").env("SHIM_CALLED", shim.called()).run();
            assert_eq!(run.code, 0, "{run:#?}");
            assert!(run.stdout.contains(host) && !run.stdout.contains("xn--"), "{run:#?}");
            let asked = fs::read_to_string(shim.called()).unwrap();
            assert_eq!(asked, if host == written { "imap.xn--bcher-kva.example" } else { host });
        }
    }
}

/// As connect(2) reports a rule of the host's own firewall, a lack of ports and a lack of IPv6.
#[test]
fn a_connection_that_this_host_cannot_make_says_nothing_about_the_server() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let server = Server::start(well(Mode::Clear));
    let forbidden = "a firewall or a security policy of this host forbids it";
    let without_port = "this host has no free port or no address for it";
    for (addresses, errors, code, said) in [
        ("127.0.0.9", "127.0.0.9=1", 3, forbidden),
        ("127.0.0.9", "127.0.0.9=13", 3, forbidden),
        ("127.0.0.9", "127.0.0.9=99", 3, without_port),
        ("127.0.0.9", "127.0.0.9=24", 3, "this host is short of files or memory"),
        ("::1", "::1=97", 3, "this host has no IPv6"),
        ("::1", "::1=1", 3, forbidden),
        // A firewall far away.
        ("::1", "::1=13", 2, "Permission denied"),
        ("127.0.0.9", "127.0.0.9=101", 2, "Network is unreachable"),
        ("127.0.0.9", "127.0.0.9=113", 2, "No route to host"),
        ("::1,127.0.0.9", "::1=99,127.0.0.9=13", 3, without_port),
        // The server says no at one of its addresses.
        ("::1,127.0.0.9", "::1=97", 2, "connection refused"),
        ("::1,127.0.0.1", "::1=97", 0, "login 0."),
    ] {
        let plugin = to_two_addresses(server.port).env("SHIM_CONNECT", errors);
        let run = shim.answer(plugin, addresses).run();
        run.check_sound();
        assert_eq!(run.code, code, "{errors}: {run:#?}");
        assert!(run.summary().contains(said), "{errors}: {run:#?}");
        assert_eq!(run.summary().contains("connect failed: "), code != 0, "{errors}: {run:#?}");
        assert_eq!(run.value("login_ok"), Some(if code == 0 { 1.0 } else { 0.0 }), "{errors}: {run:#?}");
    }
    let plugin = to_two_addresses(server.port).arg("--every-address").env("SHIM_CONNECT", "127.0.0.9=13");
    let run = shim.answer(plugin, "127.0.0.1,127.0.0.9").run();
    assert_eq!(run.check_sound().code, 3, "{run:#?}");
    let said = format!("127.0.0.9 connect failed: port {}: Permission denied ({forbidden})", server.port);
    assert!(run.summary().contains(&said), "{run:#?}");
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
