//! Options that say how the server is reached.

use super::super::host::Host;
use super::super::values::{parse_address, parse_choice, parse_path, parse_port};
use super::{Completes, Given, InCheck, Opt, Options, Section, put};
use crate::net::proxy_protocol::ProxyProtocol;
use crate::net::{self, Family, TlsMode, TlsVersion};

/// Server and TLS.
pub static SECTION: Section = Section {
    title: "Server and TLS",
    options: &[
        Opt {
            short: "H",
            long: "hostname",
            value: "HOST",
            help: "name or address of the server; required",
            doc: "Name or IP address of the server. A name with letters beyond ASCII is converted (IDNA 2008). Required.",
            completes: Completes::Hosts,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.host, Host::parse(v)),
        },
        Opt {
            short: "p",
            long: "port",
            value: "PORT",
            help: "port; default 993, or 143 with --tls starttls or none",
            doc: "Port of the server. The default is 993, or 143 with `--tls starttls` or `--tls none`.",
            completes: Completes::Words(&["993", "143"]),
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.port, parse_port(v).map(Some)),
        },
        Opt {
            short: "4",
            long: "ipv4",
            value: "",
            help: "use IPv4 only",
            doc: "Use IPv4 only.",
            completes: Completes::Nothing,
            given: Given::InsteadOf("ipv6"),
            in_check: InCheck::Flag(|o| o.server.family == Some(Family::V4)),
            set: |o, _| set_family(o, Family::V4),
        },
        Opt {
            short: "6",
            long: "ipv6",
            value: "",
            help: "use IPv6 only",
            doc: "Use IPv6 only.",
            completes: Completes::Nothing,
            given: Given::InsteadOf("ipv4"),
            in_check: InCheck::Flag(|o| o.server.family == Some(Family::V6)),
            set: |o, _| set_family(o, Family::V6),
        },
        Opt {
            short: "",
            long: "every-address",
            value: "",
            help: "check every address of the name, all at the same time",
            doc: "Check every address of the name, all at the same time. The worst state is the state of the \
                  check. Perfdata labels end in `_a1`, `_a2` and so on. At most 16 addresses and 15 operations.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Flag(|o| o.plan.every_address),
            set: |o, _| put(&mut o.plan.every_address, Ok(true)),
        },
        Opt {
            short: "",
            long: "source",
            value: "ADDRESS",
            help: "connect from this address of this host",
            doc: "Address of this host to connect from, if it has several. Only addresses of the server of the same family are \
                  used.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.server.source.map(|source| source.to_string())),
            set: |o, v| put(&mut o.server.source, parse_address(v).map(Some)),
        },
        Opt {
            short: "",
            long: "proxy-protocol",
            value: "VERSION",
            help: "begin with a PROXY protocol header, 1 or 2, as a server behind HAProxy wants it",
            doc: "Begin each connection with a header of the PROXY protocol, version `1` (text) or `2` (binary), before TLS. It has \
                  the address of this host and that of the server. For a server that takes connections from HAProxy alone.",
            completes: Completes::Words(&["1", "2"]),
            given: Given::Once,
            in_check: InCheck::Value(|o| o.server.proxy_protocol.map(|version| version.name().to_owned())),
            set: |o, v| put(&mut o.server.proxy_protocol, parse_choice(v, &ProxyProtocol::NAMES).map(Some)),
        },
        Opt {
            short: "",
            long: "tls",
            value: "MODE",
            help: "implicit (default), starttls or none",
            doc: "`implicit` (default): TLS from the first byte on. `starttls`: the connection begins in clear \
                  text and changes to TLS before the login. `none`: no TLS, so that the password is sent in clear \
                  text. With `implicit` and `starttls` the certificate and its name are verified.",
            completes: Completes::Words(&["implicit", "starttls", "none"]),
            given: Given::Once,
            in_check: InCheck::Value(|o| {
                Some(o.server.tls_mode).filter(|mode| *mode != TlsMode::Implicit).map(|mode| mode.name().to_owned())
            }),
            set: |o, v| put(&mut o.server.tls_mode, parse_choice(v, &TlsMode::NAMES)),
        },
        Opt {
            short: "",
            long: "tls-name",
            value: "NAME",
            help: "name that the certificate must have, default HOST",
            doc: "Name that the certificate must have. It is also sent in the TLS handshake (SNI). The default is \
                  HOST.",
            completes: Completes::Hosts,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.tls_name.as_ref().map(|name| name.shown.clone())),
            set: |o, v| put(&mut o.tls_name, Host::parse(v).map(Some)),
        },
        Opt {
            short: "",
            long: "ca-file",
            value: "FILE",
            help: "trust only the certificates in this PEM file",
            doc: "Trust only the certificates in this PEM file, instead of the CAs of the system. Each of them is trusted by \
                  itself, even if it is no root.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.server.ca_file.as_ref().map(|file| file.to_string_lossy().into_owned())),
            set: |o, v| put(&mut o.server.ca_file, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "client-cert",
            value: "FILE",
            help: "PEM file with a client certificate, for a server that asks for one",
            doc: "PEM file with a client certificate, for a server that asks for one. CA certificates that follow it in the \
                  file are sent, too. The private key may be in the same file.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.server.client_cert.as_ref().map(|file| file.to_string_lossy().into_owned())),
            set: |o, v| put(&mut o.server.client_cert, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "client-key",
            value: "FILE",
            help: "PEM file with its private key, if it is not in the same file",
            doc: "PEM file with the private key of that certificate, if it has a file of its own. A key with a passphrase is \
                  refused.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.server.client_key, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "no-verify",
            value: "",
            help: "do not verify the certificate and its name",
            doc: "Do not verify the certificate and its name. The output says so.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Flag(|o| !o.server.verify),
            set: |o, _| put(&mut o.server.verify, Ok(false)),
        },
        Opt {
            short: "",
            long: "tls-min",
            value: "VERSION",
            help: "oldest TLS version to accept, 1.0 to 1.3, default 1.2",
            doc: "Oldest TLS version to accept: `1.0`, `1.1`, `1.2` (default) or `1.3`. `1.0` and `1.1` also lower the \
                  security level of OpenSSL to 0: short keys and weak hashes are accepted, too.",
            completes: Completes::Words(&["1.0", "1.1", "1.2", "1.3"]),
            given: Given::Once,
            in_check: InCheck::Value(|o| {
                let version = Some(o.server.tls_min).filter(|version| *version != TlsVersion::V1_2);
                version.map(|version| version.name().to_owned())
            }),
            set: |o, v| put(&mut o.server.tls_min, parse_choice(v, &TlsVersion::NAMES)),
        },
    ],
};

/// Whether the options of this section fit together.
pub fn check(server: &net::Settings) -> Result<(), String> {
    let net::Settings { family, source, tls_mode, client_cert, client_key, .. } = server;
    if let (Some(family), Some(source)) = (family, source)
        && (*family == Family::V4) != source.is_ipv4()
    {
        let option = if *family == Family::V4 { "-4" } else { "-6" };
        return Err(format!("--source: {source} is of the other family than {option}, right is one of them"));
    }
    let (option, why) = match (client_cert, client_key) {
        (None, None) => return Ok(()),
        (None, Some(_)) => ("--client-key", "a key alone proves nothing, right is --client-cert FILE beside it"),
        (Some(_), _) if *tls_mode != TlsMode::None => return Ok(()),
        (Some(_), _) => ("--client-cert", "without TLS no certificate is sent, right is --tls implicit or starttls"),
    };
    Err(format!("{option}: {why}"))
}

fn set_family(options: &mut Options, family: Family) -> Result<(), String> {
    if options.server.family.is_some_and(|other| other != family) {
        return Err("-4 and -6 exclude each other, right is one of them, or none for both families".to_owned());
    }
    options.server.family = Some(family);
    Ok(())
}
