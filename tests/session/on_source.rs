//! `--source`: from which address the plugin comes, and what is said of one that does not fit.
use std::net::{IpAddr, TcpListener};
use std::thread;

use crate::case::{PASSWORD, USER};
use crate::resolver::Resolver;
use crate::testkit::dovecot::{Dovecot, dovecot};
use crate::testkit::plugin::{Plugin, skipped};

#[test]
fn a_server_and_the_header_of_a_proxy_have_the_address_that_is_wanted() {
    // Of its own, for its log.
    let dovecot = Dovecot::start();
    for (port, options) in [
        (dovecot.imaps_port, &[][..]),
        (dovecot.proxied_imaps_port, &["--proxy-protocol", "1"]),
        (dovecot.proxied_imaps_port, &["--proxy-protocol", "2"]),
    ] {
        let logins = || dovecot.log().matches("Login: user=<ordinary>, method=PLAIN, rip=127.0.0.77,").count();
        let before = logins();
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "--source", "127.0.0.77"])
            .args(["--ca-file", &dovecot.ca_file, "-u", "ordinary", "--password-file"])
            .arg(dovecot.password_file("ordinary"))
            .args(options)
            .run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert_eq!(logins(), before + 1, "{}", dovecot.log());
    }
}

#[test]
fn each_family_has_its_own_address() {
    for (host, source) in [("127.0.0.1", "127.0.0.5"), ("::1", "[::1]")] {
        if host == "::1" && !dovecot().ipv6 {
            skipped("--source over IPv6: this host has no ::1");
            continue;
        }
        let listener = TcpListener::bind((host, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || listener.accept().unwrap().1.ip());
        let run = plugin(host, port, source).run();
        assert_eq!(run.check_sound().code, 2, "{run:#?}");
        let wanted: IpAddr = source.trim_matches(['[', ']']).parse().unwrap();
        assert_eq!(server.join().unwrap(), wanted);
    }
}

#[test]
fn an_address_that_does_not_fit_is_reported_and_nothing_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let not_ours = format!(
        "connect failed: 127.0.0.1 port {port}: Cannot assign requested address (is the address of --source one of this host?)"
    );
    let other = "resolve failed: the server has only IPv4 addresses, and 2001:db8::7 of --source is IPv6";
    for (source, code, reason) in [("192.0.2.7", 3, not_ours.as_str()), ("2001:db8::7", 2, other)] {
        let run = plugin("127.0.0.1", port, source).run();
        assert_eq!(run.check_sound().code, code, "{run:#?}");
        assert_eq!(run.summary(), format!("127.0.0.1: {reason}"));
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "a connection was made");
}

#[test]
fn addresses_of_the_other_family_are_left_out_of_every_address() {
    let Some(shim) = Resolver::build() else { return };
    let dovecot = dovecot();
    let plugin =
        Plugin::new(["-H", "imap.example.org", "-p", &dovecot.imaps_port.to_string(), "--source", "127.0.0.1"])
            .args(["--every-address", "-vv", "--ca-file", &dovecot.ca_file, "-u", "ordinary", "--password-file"])
            .arg(dovecot.password_file("ordinary"));
    let run = shim.answer(plugin, "127.0.0.1,::1").run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(run.stdout.contains("127.0.0.1") && !run.stdout.contains("::1"), "{run:#?}");
}

fn plugin(host: &str, port: u16, source: &str) -> Plugin {
    Plugin::new(["-H", host, "-p", &port.to_string(), "--tls", "none", "-t", "1", "-u", USER])
        .args(["--source", source])
        .password(PASSWORD)
}
