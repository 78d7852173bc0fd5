//! `--proxy-protocol`: the header that stands before everything else, and a server that takes no connection without it.
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::case::{PASSWORD, USER};
use crate::testkit::dovecot::dovecot;
use crate::testkit::plugin::{Plugin, skipped};

#[test]
fn dovecot_behind_the_protocol_lets_the_plugin_in() {
    let dovecot = dovecot();
    let ports = [
        ("none", dovecot.proxied_imap_port),
        ("starttls", dovecot.proxied_imap_port),
        ("implicit", dovecot.proxied_imaps_port),
    ];
    for host in list_hosts() {
        for version in ["1", "2"] {
            for (mode, port) in ports {
                let run =
                    Plugin::new(["-H", host, "-p", &port.to_string(), "--tls", mode, "--proxy-protocol", version])
                        .args(["--ca-file", &dovecot.ca_file, "-u", "ordinary", "--password-file"])
                        .arg(dovecot.password_file("ordinary"))
                        .arg("-v")
                        .run();
                assert_eq!(run.check_sound().code, 0, "{run:#?}");
                let connected = run.phase_line("connect").unwrap();
                assert!(connected.contains(&format!(", PROXY protocol header from {host} port ")), "{run:#?}");
            }
        }
    }
}

#[test]
fn the_header_has_both_addresses_and_stands_before_tls() {
    for host in list_hosts() {
        for (version, mode) in [("1", "none"), ("2", "none"), ("1", "implicit"), ("2", "implicit")] {
            let listener = TcpListener::bind((host, 0)).unwrap();
            let to = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut client, from) = listener.accept().unwrap();
                let wanted = write_header(version, from, to);
                client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let mut header = vec![0; wanted.len()];
                client.read_exact(&mut header).unwrap();
                (wanted, header, read_next(client))
            });
            let run =
                Plugin::new(["-H", host, "-p", &to.port().to_string(), "--tls", mode, "--proxy-protocol", version])
                    .args(["-u", USER, "-t", "1"])
                    .password(PASSWORD)
                    .run();
            let (wanted, header, next) = server.join().unwrap();
            assert_eq!(header, wanted, "{run:#?}");
            // A handshake record, or nothing: the server speaks first.
            assert_eq!(next, if mode == "none" { None } else { Some(0x16) }, "{run:#?}");
        }
    }
}

#[test]
fn a_server_that_knows_no_such_header_is_reported_by_its_answer() {
    let dovecot = dovecot();
    for (mode, port, said) in
        [("implicit", dovecot.imaps_port, "tls failed: "), ("none", dovecot.imap_port, "login failed: ")]
    {
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "--tls", mode, "--proxy-protocol", "1"])
            .args(["--ca-file", &dovecot.ca_file, "-u", "ordinary", "--password-file"])
            .arg(dovecot.password_file("ordinary"))
            .run();
        assert_eq!(run.check_sound().code, 2, "{run:#?}");
        assert!(run.summary().starts_with(&format!("127.0.0.1: {said}")), "{run:#?}");
    }
}

/// The header by the specification.
fn write_header(version: &str, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let (ports, addresses) = ([from.port(), to.port()], [from.ip(), to.ip()]);
    if version == "1" {
        let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
        return format!("PROXY {family} {} {} {} {}\r\n", addresses[0], addresses[1], ports[0], ports[1]).into_bytes();
    }
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    header.extend(if from.is_ipv4() { [0x11, 0, 12] } else { [0x21, 0, 36] });
    for address in addresses {
        match address {
            std::net::IpAddr::V4(ip) => header.extend(ip.octets()),
            std::net::IpAddr::V6(ip) => header.extend(ip.octets()),
        }
    }
    header.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    header
}

/// The byte behind the header, if one comes within half a second.
fn read_next(mut client: TcpStream) -> Option<u8> {
    let mut next = [0];
    client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    client.read_exact(&mut next).ok().map(|()| next[0])
}

fn list_hosts() -> Vec<&'static str> {
    if dovecot().ipv6 {
        vec!["127.0.0.1", "::1"]
    } else {
        skipped("PROXY protocol over IPv6: this host has no ::1");
        vec!["127.0.0.1"]
    }
}
