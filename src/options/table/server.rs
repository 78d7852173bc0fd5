//! Options that say how the server is reached.

use super::super::values::{parse_choice, parse_host, parse_path, parse_port};
use super::{Completes, Given, InCheck, Opt, Options, Section, put};
use crate::net::{Family, TlsMode, TlsVersion};

/// Server and TLS.
pub static SECTION: Section = Section {
    title: "Server and TLS",
    options: &[
        Opt {
            short: "H",
            long: "hostname",
            value: "HOST",
            help: "name or address of the server; required",
            doc: "Name or address of the server; required.",
            completes: Completes::Hosts,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.server.host, parse_host(v)),
        },
        Opt {
            short: "p",
            long: "port",
            value: "PORT",
            help: "default 993, with --tls starttls or none 143",
            doc: "The default is 993, with `--tls starttls` or `none` 143.",
            completes: Completes::Words(&["993", "143"]),
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.port, parse_port(v).map(Some)),
        },
        Opt {
            short: "4",
            long: "ipv4",
            value: "",
            help: "IPv4 only",
            doc: "IPv4 only.",
            completes: Completes::Nothing,
            given: Given::InsteadOf("ipv6"),
            in_check: InCheck::Flag(|o| o.server.family == Some(Family::V4)),
            set: |o, _| set_family(o, Family::V4),
        },
        Opt {
            short: "6",
            long: "ipv6",
            value: "",
            help: "IPv6 only",
            doc: "IPv6 only.",
            completes: Completes::Nothing,
            given: Given::InsteadOf("ipv4"),
            in_check: InCheck::Flag(|o| o.server.family == Some(Family::V6)),
            set: |o, _| set_family(o, Family::V6),
        },
        Opt {
            short: "",
            long: "every-address",
            value: "",
            help: "check each address of the name, side by side",
            doc: "Run the whole plan against each address of the name, side by side. The worst state wins, and perfdata \
                  labels end in `_a1`, `_a2` and so on. At most 16 addresses and 15 operations.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Flag(|o| o.plan.every_address),
            set: |o, _| put(&mut o.plan.every_address, Ok(true)),
        },
        Opt {
            short: "",
            long: "tls",
            value: "MODE",
            help: "implicit (default), starttls or none",
            doc: "`implicit` (TLS from the first byte on, the default), `starttls` or `none`. With the first two, \
                  certificate and name are verified.",
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
            help: "name for SNI and verification, default HOST",
            doc: "Name for SNI and verification. The default is HOST.",
            completes: Completes::Hosts,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.tls_name.clone()),
            set: |o, v| put(&mut o.tls_name, parse_host(v).map(Some)),
        },
        Opt {
            short: "",
            long: "ca-file",
            value: "FILE",
            help: "trust the CAs in this PEM file only",
            doc: "Trust the CAs in this PEM file only, in place of those of the system.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.server.ca_file.as_ref().map(|file| file.to_string_lossy().into_owned())),
            set: |o, v| put(&mut o.server.ca_file, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "no-verify",
            value: "",
            help: "do not verify certificate and name",
            doc: "Do not verify certificate and name. The output says so.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Flag(|o| !o.server.verify),
            set: |o, _| put(&mut o.server.verify, Ok(false)),
        },
        Opt {
            short: "",
            long: "tls-min",
            value: "VERSION",
            help: "oldest TLS version that is accepted: 1.0 to 1.3, default 1.2",
            doc: "The oldest TLS version that is accepted: `1.0`, `1.1`, `1.2` (default) or `1.3`.",
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

fn set_family(options: &mut Options, family: Family) -> Result<(), String> {
    if options.server.family.is_some_and(|other| other != family) {
        return Err("-4 and -6 exclude each other, right is one of them, or none for both families".to_owned());
    }
    options.server.family = Some(family);
    Ok(())
}
