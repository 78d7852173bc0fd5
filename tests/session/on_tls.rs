//! Certificates and handshakes that admins ask about: who is not trusted and why, what expires first, what is too weak.
//! Each server has a certificate, or a fault, of its own; Dovecot's are in `on_dovecot.rs`.
use std::fs;
use std::path::Path;

use openssl::dh::Dh;
use openssl::hash::MessageDigest;
use openssl::ssl::{SslContextBuilder, SslVerifyMode, SslVersion};
use tempfile::{NamedTempFile, TempDir};

use crate::case::plugin;
use crate::testkit::identity::{CA, Certificate, Identity, Key, SERVER, foreign_ca, in_file, serve};
use crate::testkit::json::{phase, read};
use crate::testkit::plan::{Mode, Plan};
use crate::testkit::plugin::{Plugin, Run, is_portable};
use crate::testkit::prometheus::Exposition;
use crate::testkit::server::Server;
use crate::testkit::step::{Step, send};
use crate::testkit::well_behaved::{ended, replaced};

const TLS_MODES: [Mode; 2] = [Mode::Implicit, Mode::Starttls];

/// A root, a CA that it signed, and the certificate of a server that this one signed, valid for so many days.
struct Chain {
    root: Identity,
    middle: Identity,
    leaf: Identity,
}

impl Chain {
    fn of_days([root, middle, leaf]: [i64; 3]) -> Self {
        let root = Identity::new(&Certificate { days: root, ..CA }, None);
        let middle = Identity::new(&Certificate { common_name: "Middle CA", days: middle, ..CA }, Some(&root));
        let leaf = Identity::new(&Certificate { days: leaf, ..SERVER }, Some(&middle));
        Self { root, middle, leaf }
    }

    fn usual() -> Self {
        Self::of_days([3650, 900, 300])
    }
}

#[test]
fn the_first_certificate_of_the_verified_chain_to_expire_counts_and_is_named() {
    for mode in TLS_MODES {
        for (days, first, name) in
            [([3650, 3, 300], 3, Some("Middle CA")), ([2, 900, 300], 2, Some("Root CA")), ([3650, 900, 3], 3, None)]
        {
            let Chain { root, middle, leaf } = Chain::of_days(days);
            let server = serving(mode, serve(&[&leaf, &middle]));
            let trusted = in_file(&[&root]);
            let run = run(&server, mode, Some(trusted.path()), "-v -c tls.cert_days=5:");
            assert_eq!(run.code, 2, "{run:#?}");
            expect_days(&run, first);
            let whose = name.map(|name| format!(" of the CA {name}")).unwrap_or_default();
            let text = format!("(certificate{whose} expires in {}.9 days, critical below 5)", first - 1);
            assert!(run.summary().contains(&text), "{text}: {run:#?}");
            let note = name.map(|name| format!("the certificate of the CA {name} is the first one to expire"));
            let line = run.phase_line("tls").unwrap();
            assert!(line.contains("certificate of imap.example.org by Middle CA expires"), "{run:#?}");
            assert_eq!(note.as_ref().is_some_and(|note| line.contains(note)), note.is_some(), "{run:#?}");
            assert_eq!(line.matches("of the CA").count(), note.iter().count() * 2, "{run:#?}");
        }
    }
}

#[test]
fn every_output_has_the_same_expiry() {
    let Chain { root, middle, leaf } = Chain::of_days([3650, 3, 300]);
    let trusted = in_file(&[&root]);
    let output = |format| {
        let server = serving(Mode::Implicit, serve(&[&leaf, &middle]));
        run(&server, Mode::Implicit, Some(trusted.path()), &format!("-o {format}")).stdout
    };
    let expiry =
        Exposition::read(&output("prometheus")).values("imap_session_certificate_expiry_timestamp_seconds", &[]);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((expiry[0] - now - 3.0 * 86_400.0).abs() < 60.0, "{expiry:?}");
    let json = read(&output("json"));
    let tls = phase(&json, "tls");
    assert_eq!(tls["figures"]["cert_days"], 2.9, "{tls}");
    assert!(tls["note"].as_str().unwrap().contains("the CA Middle CA is the first one to expire"), "{tls}");
    assert!(output("timeline").contains("Middle CA"));
}

#[test]
fn a_ca_that_has_expired_is_named_and_counts() {
    let Chain { root, middle, leaf } = Chain::of_days([3650, -4, 300]);
    let trusted = in_file(&[&root]);
    let run = run(&serving(Mode::Implicit, serve(&[&leaf, &middle])), Mode::Implicit, Some(trusted.path()), "");
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.summary().contains("tls failed: CA certificate Middle CA has expired (4 days ago)"), "{run:#?}");
    expect_days(&run, -4);
}

#[test]
fn without_verification_the_certificates_that_the_server_sent_count() {
    let Chain { middle, leaf, .. } = Chain::of_days([2, 3, 300]);
    for mode in TLS_MODES {
        for (chain, days) in [(&[&leaf, &middle][..], 3), (&[&leaf], 300)] {
            let run = run(&serving(mode, serve(chain)), mode, None, "--no-verify");
            assert_eq!(run.code, 0, "{run:#?}");
            expect_days(&run, days);
        }
    }
}

#[test]
fn a_server_that_is_asked_for_no_name_is_a_hint_to_ask_for_one() {
    let Chain { root, middle, .. } = Chain::usual();
    let other = Identity::new(&Certificate { ip: &["192.0.2.7"], dns: &["imap.example.org"], ..SERVER }, Some(&middle));
    let placeholder = Identity::new(&Certificate { common_name: "placeholder", ..SERVER }, None);
    let trusted = in_file(&[&root]);
    let refused = |chain: &[&Identity], options: &str| {
        let server = serving(Mode::Implicit, serve(chain));
        let run = run(&server, Mode::Implicit, Some(trusted.path()), options);
        assert_eq!(run.code, 2, "{run:#?}");
        run.summary().to_owned()
    };
    let text = refused(&[&other, &middle], "");
    assert!(text.contains("certificate is for 192.0.2.7, imap.example.org, not for 127.0.0.1"), "{text}");
    assert!(text.contains("(the server was asked for no name: see --tls-name)"), "{text}");
    let text = refused(&[&placeholder], "");
    assert!(
        text.contains("self-signed and not trusted")
            && text.contains("--tls-name, as the server was asked for no name"),
        "{text}"
    );

    let text = refused(&[&other, &middle], "--tls-name mail.example.org");
    assert!(text.contains("not for mail.example.org") && !text.contains("no name"), "{text}");
    let text = refused(&[&placeholder], "--tls-name mail.example.org");
    assert!(text.contains("(see --ca-file)"), "{text}");
}

#[test]
fn an_address_that_is_in_the_certificate_as_a_name_is_reported_so() {
    let Chain { root, middle, .. } = Chain::usual();
    let named = Certificate { dns: &["mail.example.org", "127.0.0.1"], ip: &["192.0.2.7"], ..SERVER };
    let named = Identity::new(&named, Some(&middle));
    let trusted = in_file(&[&root]);
    for mode in TLS_MODES {
        let run = run(&serving(mode, serve(&[&named, &middle])), mode, Some(trusted.path()), "");
        let text = "tls failed: certificate has 127.0.0.1 as a name, not as an address (a new one must have it as \
                    subjectAltName IP)";
        assert!(run.code == 2 && run.summary().contains(text), "{run:#?}");
    }
}

#[test]
fn a_server_that_sends_no_intermediate_certificate_is_reported_so() {
    let Chain { root, leaf, .. } = Chain::usual();
    let trusted = in_file(&[&root]);
    for mode in TLS_MODES {
        let run = run(&serving(mode, serve(&[&leaf])), mode, Some(trusted.path()), "--tls-name localhost");
        assert_eq!(run.code, 2, "{run:#?}");
        let text = "the server sent no certificate of its issuer Middle CA, and none is known here (should it send an \
                    intermediate certificate? otherwise see --ca-file)";
        assert!(run.summary().contains(text), "{run:#?}");
    }
}

#[test]
fn each_certificate_in_the_ca_file_is_trusted_root_or_not() {
    let Chain { root, middle, leaf } = Chain::usual();
    let itself = Identity::new(&SERVER, None);
    for (trusted, sent) in [
        (&[&root][..], &[&leaf, &middle][..]),
        (&[&middle], &[&leaf]),
        (&[&middle], &[&leaf, &middle]),
        (&[&leaf], &[&leaf]),
        (&[&leaf], &[&leaf, &middle]),
        (&[&root, &middle], &[&leaf]),
        (&[&itself], &[&itself]),
    ] {
        let trusted = in_file(trusted);
        let run = run(&serving(Mode::Implicit, serve(sent)), Mode::Implicit, Some(trusted.path()), "");
        assert_eq!(run.code, 0, "{run:#?}");
    }
    // Its name still has to be right.
    let trusted = in_file(&[&leaf]);
    let options = "--tls-name imap.example.net";
    let run = run(&serving(Mode::Implicit, serve(&[&leaf])), Mode::Implicit, Some(trusted.path()), options);
    assert!(run.code == 2 && run.summary().contains("not for imap.example.net"), "{run:#?}");
}

#[test]
fn of_the_systems_certificates_only_roots_are_trusted_by_themselves() {
    let Chain { root, middle, leaf } = Chain::usual();
    for (known, code) in [(&[&root, &middle][..], 0), (&[&middle], 2)] {
        let system = hashed(known);
        let server = serving(Mode::Implicit, serve(&[&leaf]));
        let run = of_system(&server, system.path(), "/nonexistent").run();
        assert_eq!(run.code, code, "{run:#?}");
        let blames = run.summary().contains("CA certificate Middle CA is not trusted: its issuer Root CA is not known");
        assert_eq!(blames, code == 2, "{run:#?}");
    }
}

#[test]
fn a_host_without_any_ca_is_at_fault_itself() {
    let Chain { middle, leaf, .. } = Chain::usual();
    let itself = Identity::new(&SERVER, None);
    let empty = tempfile::tempdir().unwrap();
    let nothing = empty.path().join("empty.pem");
    fs::write(&nothing, "# no certificate\n").unwrap();
    let dangling = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/nonexistent", dangling.path().join("4a6481c9.0")).unwrap();
    let missing = Path::new("/nonexistent/certs");
    for (directory, file, places) in [
        (empty.path(), &*nothing, format!("{} or {}", empty.path().display(), nothing.display())),
        (missing, &nothing, format!("/nonexistent/certs or {}", nothing.display())),
        (missing, Path::new("/nonexistent/ca.pem"), "/nonexistent/certs or /nonexistent/ca.pem".to_owned()),
        (dangling.path(), missing, format!("{} or /nonexistent/certs", dangling.path().display())),
        (Path::new(""), missing, "in /nonexistent/certs".to_owned()),
    ] {
        for chain in [&[&leaf, &middle][..], &[&leaf], &[&itself]] {
            let run = of_system(&serving(Mode::Implicit, serve(chain)), directory, file).run();
            run.check_sound();
            assert_eq!(run.code, 3, "{run:#?}");
            assert!(run.summary().contains("tls failed: this host has no CA certificates in "), "{run:#?}");
            assert!(run.summary().contains(&format!("{places} (install the package ca-certificates, ")), "{run:#?}");
            assert_eq!(run.value("login_ok"), Some(0.0), "{run:#?}");
        }
    }
}

#[test]
fn a_host_whose_places_for_cas_are_empty_variables_is_at_fault_itself() {
    let server = serving(Mode::Implicit, serve(&[&Identity::new(&SERVER, None)]));
    let run = of_system(&server, Path::new(""), Path::new("")).run();
    assert_eq!(run.check_sound().code, 3, "{run:#?}");
    assert!(run.summary().contains("tls failed: SSL_CERT_DIR and SSL_CERT_FILE are empty (install the"), "{run:#?}");
}

#[test]
fn the_places_of_the_systems_cas_are_named_if_the_plugin_reads_them_itself() {
    if !is_portable() {
        // OpenSSL looks for its files by itself.
        return;
    }
    let Chain { root, middle, leaf } = Chain::usual();
    let (system, bundle) = (hashed(&[&root]), in_file(&[&root]));
    let (directory, file, nowhere) = (system.path(), bundle.path(), Path::new("/nonexistent"));
    for (first, second, places) in [
        (directory, file, format!("{} and {}", file.display(), directory.display())),
        (directory, nowhere, directory.display().to_string()),
        (Path::new(""), file, file.display().to_string()),
    ] {
        let run = of_system(&serving(Mode::Implicit, serve(&[&leaf, &middle])), first, second).arg("-vv").run();
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stdout.contains(&format!("trust: the system CAs in {places}\n")), "{run:#?}");
    }
}

#[test]
fn a_host_that_has_a_ca_is_not_at_fault() {
    let Chain { root, middle, leaf } = Chain::usual();
    let foreign = Identity::new(&Certificate { common_name: "foreign CA", ..CA }, None);
    let nowhere = Path::new("/nonexistent");
    let (system, bundle) = (hashed(&[&foreign]), in_file(&[&foreign]));
    for (directory, file) in [(system.path(), nowhere), (nowhere, bundle.path())] {
        let run = of_system(&serving(Mode::Implicit, serve(&[&leaf, &middle])), directory, file).run();
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.summary().contains("is not trusted"), "{run:#?}");
    }
    // The system's CAs are not asked for.
    let foreign = in_file(&[&foreign]);
    let server = serving(Mode::Implicit, serve(&[&leaf, &middle]));
    let run = of_system(&server, nowhere, nowhere).arg("--ca-file").arg(foreign.path()).run();
    assert!(run.code == 2 && run.summary().contains("see --ca-file"), "{run:#?}");
    let root = in_file(&[&root]);
    let server = serving(Mode::Implicit, serve(&[&leaf, &middle]));
    assert_eq!(of_system(&server, nowhere, nowhere).arg("--ca-file").arg(root.path()).run().code, 0);
}

#[test]
fn a_root_may_forbid_cas_below_itself() {
    let root = Identity::new(&Certificate { most_below: Some(0), ..CA }, None);
    let middle = Identity::new(&Certificate { common_name: "Middle CA", ..CA }, Some(&root));
    let direct = Identity::new(&SERVER, Some(&root));
    let leaf = Identity::new(&SERVER, Some(&middle));
    let trusted = in_file(&[&root]);
    for options in ["", "--tls-min 1.0"] {
        let run = |chain: &[&Identity]| {
            run(&serving(Mode::Implicit, serve(chain)), Mode::Implicit, Some(trusted.path()), options)
        };
        assert_eq!(run(&[&direct]).code, 0);
        let run = run(&[&leaf, &middle]);
        let reason = "tls failed: CA certificate Root CA forbids so long a chain of certificates";
        assert!(run.code == 2 && run.summary().ends_with(reason), "{run:#?}");
    }
}

#[test]
fn a_certificate_that_a_server_made_for_itself_is_reported_so() {
    for has_usage in [false, true] {
        let own = Identity::new(&Certificate { has_usage, ..SERVER }, None);
        let (trusted, foreign) = (in_file(&[&own]), foreign_ca());
        let run =
            |file: &NamedTempFile| run(&serving(Mode::Implicit, serve(&[&own])), Mode::Implicit, Some(file.path()), "");
        let (accepted, refused) = (run(&trusted), run(&foreign));
        assert_eq!(accepted.code, 0, "{accepted:#?}");
        let reason = "tls failed: certificate of imap.example.org is self-signed and not trusted (see --ca-file";
        assert!(refused.code == 2 && refused.summary().contains(reason), "{refused:#?}");
    }
}

#[test]
fn a_server_that_is_too_weak_is_reported_with_what_takes_it() {
    let weak = |key, hash| Identity::new(&Certificate { key, hash, ..SERVER }, None);
    let strong = weak(Key::Rsa(2048), MessageDigest::sha256);
    let short = weak(Key::Rsa(1024), MessageDigest::sha256);
    let ca = Identity::new(&CA, None);
    let sha1 = Identity::new(&Certificate { hash: MessageDigest::sha1, ..SERVER }, Some(&ca));
    let too_weak = "for the security level of this host (a stronger one, or --tls-min 1.0, which takes weak ones, too)";
    if !is_portable() {
        // AWS-LC has no Diffie-Hellman without a curve.
        let dh = format!("the Diffie-Hellman key of the server is too short {too_weak}");
        expect_too_weak(&[&strong], &strong, use_short_dh, &dh);
    }
    let short_key = format!("certificate has a key that is too short {too_weak}");
    expect_too_weak(&[&short], &short, |_| {}, &short_key);
    let weak_hash = format!("certificate is signed with a hash that is too weak {too_weak}");
    expect_too_weak(&[&sha1], &ca, |_| {}, &weak_hash);
    let pss = Identity::new(&Certificate { key: Key::RsaPss, ..CA }, None);
    let sha1_by_pss = Identity::new(&Certificate { hash: MessageDigest::sha1, ..SERVER }, Some(&pss));
    expect_too_weak(&[&sha1_by_pss], &pss, |_| {}, &weak_hash);

    let of_ca = |key, hash| Identity::new(&Certificate { common_name: "Middle CA", key, hash, ..CA }, Some(&ca));
    for (middle, text) in [
        (of_ca(Key::Rsa(1024), MessageDigest::sha256), "CA certificate Middle CA has a key that is too short"),
        (of_ca(Key::P256, MessageDigest::sha1), "CA certificate Middle CA is signed with a hash that is too weak"),
    ] {
        let leaf = Identity::new(&SERVER, Some(&middle));
        expect_too_weak(&[&leaf, &middle], &ca, |_| {}, &format!("{text} {too_weak}"));
    }
    // What is too weak comes before what is out of date.
    let expired = Identity::new(&Certificate { days: -3, hash: MessageDigest::sha1, ..SERVER }, Some(&ca));
    let trusted = in_file(&[&ca]);
    let run = run(&serving(Mode::Implicit, serve(&[&expired])), Mode::Implicit, Some(trusted.path()), "");
    assert!(run.summary().contains(&weak_hash), "{run:#?}");

    let too_old = "the server has no TLS version from 1.2 on (update the server, or see --tls-min)";
    expect_too_weak(&[&strong], &strong, |builder| limit(builder, SslVersion::TLS1), too_old);
    expect_too_weak(&[&strong], &strong, |builder| limit(builder, SslVersion::TLS1_1), too_old);
}

#[test]
fn a_certificate_with_md5_is_refused_for_its_hash_if_the_library_has_none() {
    let ca = Identity::new(&Certificate { key: Key::Rsa(2048), ..CA }, None);
    let md5 = Identity::new(&Certificate { hash: MessageDigest::md5, ..SERVER }, Some(&ca));
    let reason = "certificate is signed with a hash that is too weak for the security level of this host";
    expect_unknown_to_aws_lc(&md5, &ca, "--tls-min 1.0", reason);
}

#[test]
fn a_ca_with_a_key_of_an_unknown_kind_is_reported_so() {
    let ca = Identity::new(&Certificate { key: Key::Ed448, ..CA }, None);
    let leaf = Identity::new(&SERVER, Some(&ca));
    expect_unknown_to_aws_lc(&leaf, &ca, "", "AWS-LC does not know the kind of a key in the chain of certificates");
}

/// The portable build refuses this certificate, and the default one accepts it.
fn expect_unknown_to_aws_lc(certificate: &Identity, ca: &Identity, options: &str, reason: &str) {
    let trusted = in_file(&[ca]);
    let run = run(&serving(Mode::Implicit, serve(&[certificate])), Mode::Implicit, Some(trusted.path()), options);
    if is_portable() {
        assert!(run.code == 2 && run.summary().ends_with(&format!("tls failed: {reason}")), "{run:#?}");
    } else {
        assert_eq!(run.code, 0, "{run:#?}");
    }
}

#[test]
fn a_server_with_a_key_on_a_short_curve_has_nothing_in_common() {
    let short = Identity::new(&Certificate { key: Key::P192, ..SERVER }, None);
    let trusted = in_file(&[&short]);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut builder = serve(&[&short]);
        builder.set_max_proto_version(Some(version)).unwrap();
        let run = run(&serving(Mode::Implicit, builder), Mode::Implicit, Some(trusted.path()), "");
        assert_eq!(run.code, 2, "{run:#?}");
        // It is not among the curves that it is offered.
        assert!(run.summary().contains("tls failed: the server refused the handshake"), "{run:#?}");
    }
}

#[test]
fn the_signature_of_a_root_may_be_weak() {
    let root = Identity::new(&Certificate { hash: MessageDigest::sha1, ..CA }, None);
    let leaf = Identity::new(&SERVER, Some(&root));
    let trusted = in_file(&[&root]);
    let run = run(&serving(Mode::Implicit, serve(&[&leaf, &root])), Mode::Implicit, Some(trusted.path()), "");
    assert_eq!(run.code, 0, "{run:#?}");
}

#[test]
fn a_certificate_with_ed25519_is_accepted() {
    let ed25519 = Identity::new(&Certificate { key: Key::Ed25519, ..SERVER }, None);
    let trusted = in_file(&[&ed25519]);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut builder = serve(&[&ed25519]);
        builder.set_max_proto_version(Some(version)).unwrap();
        let run = run(&serving(Mode::Implicit, builder), Mode::Implicit, Some(trusted.path()), "");
        assert_eq!(run.code, 0, "{run:#?}");
    }
}

#[test]
fn a_server_that_knows_the_curve_p_521_alone_is_accepted() {
    let long = Identity::new(&Certificate { key: Key::P521, ..SERVER }, None);
    let trusted = in_file(&[&long]);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut builder = serve(&[&long]);
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_groups_list("P-521").unwrap();
        let run = run(&serving(Mode::Implicit, builder), Mode::Implicit, Some(trusted.path()), "");
        assert_eq!(run.code, 0, "{run:#?}");
    }
}

#[test]
fn an_openssl_that_allows_no_version_is_the_hosts_own_fault() {
    if is_portable() {
        // AWS-LC has no openssl.cnf.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openssl.cnf");
    let limit = "openssl_conf = modules\n[modules]\nssl_conf = ssl\n[ssl]\nsystem_default = limited\n[limited]\nMaxProtocol = TLSv1.1\n";
    fs::write(&file, limit).unwrap();
    let server = serving(Mode::Implicit, serve(&[&Identity::new(&SERVER, None)]));
    let run = plugin(server.port, Plan::from(Mode::Implicit)).env("OPENSSL_CONF", &file).run();
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.summary().contains("tls failed: OpenSSL on this host allows no TLS version from 1.2 on"), "{run:#?}");
}

#[test]
fn a_server_that_wants_a_client_certificate_is_reported_so() {
    let itself = Identity::new(&SERVER, None);
    let trusted = in_file(&[&itself]);
    for (version, text) in [
        (
            SslVersion::TLS1_2,
            "tls failed: the server refused the handshake (no common cipher, or it wants a client certificate or a name: see --client-cert and --tls-name)",
        ),
        (SslVersion::TLS1_3, "greeting failed: the server wants a client certificate (see --client-cert)"),
    ] {
        let mut builder = serve(&[&itself]);
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        let steps = vec![Step::StartTlsAs(builder.build())];
        let server = Server::start(ended(Mode::Implicit, "tls", steps));
        let run = run(&server, Mode::Implicit, Some(trusted.path()), "");
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.summary().contains(text), "{text}: {run:#?}");
    }
}

#[test]
fn only_the_library_that_has_a_setting_for_ciphers_names_it() {
    let insufficient_security = vec![21, 3, 3, 0, 2, 2, 71];
    let run = raw(Mode::Implicit, insufficient_security);
    let hint = if is_portable() { "" } else { " (see CipherString in openssl.cnf)" };
    let reason = format!("tls failed: the server refused TLS: it wants stronger ciphers{hint}");
    assert!(run.code == 2 && run.summary().ends_with(&reason), "{run:#?}");
}

#[test]
fn a_connection_that_closes_without_any_tls_is_no_ground_for_a_guess() {
    for mode in TLS_MODES {
        for (answer, text) in [
            (vec![], "tls failed: connection closed by the server before it answered the handshake"),
            (hello(true), "tls failed: connection closed by the server in the handshake"),
        ] {
            let run = raw(mode, answer);
            assert!(run.summary().ends_with(text), "{text}: {run:#?}");
        }
    }
}

#[test]
fn a_server_without_secure_renegotiation_is_reported_with_the_setting_that_takes_it() {
    let run = raw(Mode::Implicit, hello(false));
    if is_portable() {
        // AWS-LC never renegotiates, so it demands nothing.
        assert!(run.summary().ends_with("tls failed: connection closed by the server in the handshake"), "{run:#?}");
        return;
    }
    assert!(run.summary().contains("tls failed: the server has no secure renegotiation (RFC 5746)"), "{run:#?}");
    assert!(run.summary().contains("OPENSSL_CONF with Options = UnsafeLegacyServerConnect"), "{run:#?}");
}

#[test]
fn a_silent_server_may_be_one_that_waits_for_tls() {
    let hint = "timed out after 0.500 s (its limit 0.5 s), the server sent nothing (is it a port for --tls implicit?)";
    for (mode, steps, is_hinted) in [
        (Mode::Starttls, vec![Step::StartTls], true),
        (Mode::Clear, vec![Step::Silence], true),
        (Mode::Starttls, vec![send("* OK [CAPABILITY"), Step::Silence], false),
        (Mode::Implicit, vec![Step::Silence], false),
    ] {
        let server = Server::start(ended(mode, "greeting", steps));
        let trusted = (mode == Mode::Implicit).then(|| server.ca_file());
        let run = run(&server, mode, trusted, "--limit greeting=500ms");
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.summary().contains("greeting timed out after 0.500 s"), "{run:#?}");
        assert_eq!(run.summary().contains(hint), is_hinted, "{run:#?}");
    }
    let server = Server::start(ended(Mode::Clear, "greeting", vec![Step::Silence]));
    let run = run(&server, Mode::Clear, None, "--limit greeting=500ms -o timeline");
    assert!(run.stdout.contains("\n  hint: is it a port for --tls implicit?\n"), "{run:#?}");
}

/// A server that does all else well.
fn serving(mode: Mode, builder: SslContextBuilder) -> Server {
    Server::start(replaced(mode, "tls", &[Step::StartTlsAs(builder.build())]))
}

fn run(server: &Server, mode: Mode, trusted: Option<&Path>, options: &str) -> Run {
    let mut plugin = plugin(server.port, Plan::from(mode)).args(options.split_whitespace());
    if let Some(trusted) = trusted {
        plugin = plugin.arg("--ca-file").arg(trusted);
    }
    plugin.run()
}

/// Trusts what OpenSSL trusts, whose files are these.
fn of_system(server: &Server, directory: &Path, file: impl AsRef<Path>) -> Plugin {
    plugin(server.port, Plan::from(Mode::Implicit)).env("SSL_CERT_DIR", directory).env("SSL_CERT_FILE", file.as_ref())
}

/// A directory in which OpenSSL finds these certificates.
fn hashed(identities: &[&Identity]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for Identity { certificate, .. } in identities {
        let name = format!("{:08x}.0", certificate.subject_name_hash());
        fs::write(folder.path().join(name), certificate.to_pem().unwrap()).unwrap();
    }
    folder
}

/// The server answers the client's hello with these bytes and closes.
fn raw(mode: Mode, answer: Vec<u8>) -> Run {
    let server = Server::start(ended(mode, "tls", vec![Step::Await, Step::Send(answer), Step::HalfClose]));
    let run = run(&server, mode, None, "--no-verify --tls-name localhost");
    assert_eq!(run.code, 2, "{run:#?}");
    Run { stdout: run.stdout.replace(", certificate not verified|", "|"), ..run }
}

/// The server is refused with this text, and taken with `--tls-min 1.0`.
fn expect_too_weak(chain: &[&Identity], trusted: &Identity, change: fn(&mut SslContextBuilder), text: &str) {
    let trusted = in_file(&[trusted]);
    for (options, code) in [("", 2), ("--tls-min 1.0", 0)] {
        let mut builder = serve(chain);
        change(&mut builder);
        let run = run(&serving(Mode::Implicit, builder), Mode::Implicit, Some(trusted.path()), options);
        assert_eq!(run.code, code, "{text}: {run:#?}");
        assert!(code == 0 || run.summary().contains(text), "{text}: {run:#?}");
    }
}

fn use_short_dh(builder: &mut SslContextBuilder) {
    builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    builder.set_cipher_list("DHE:@SECLEVEL=0").unwrap();
    builder.set_tmp_dh(&Dh::get_1024_160().unwrap()).unwrap();
}

/// The server has TLS 1.0 and those up to this version.
fn limit(builder: &mut SslContextBuilder, newest: SslVersion) {
    builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    builder.set_max_proto_version(Some(newest)).unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
}

/// The record with the hello of a server of TLS 1.2 (RFC 5246 section 7.4.1.3).
fn hello(has_secure_renegotiation: bool) -> Vec<u8> {
    let extensions: &[u8] = if has_secure_renegotiation { &[0, 5, 0xff, 1, 0, 1, 0] } else { &[] };
    // Version, random number, no session, ECDHE-RSA-AES256-GCM-SHA384, no compression.
    let body = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x30, 0], extensions].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[0x16, 3, 3, 0, length + 4, 2, 0, 0, length][..], &body].concat()
}

fn expect_days(run: &Run, days: i32) {
    run.check_sound();
    let said = run.figure("tls", "", "cert_days").unwrap_or_else(|| panic!("no cert_days: {run:#?}"));
    assert!((said - f64::from(days)).abs() < 0.15, "{run:#?}");
}
