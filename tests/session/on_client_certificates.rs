//! `--client-cert` and `--client-key`: a server that wants a certificate gets it with its chain, and files that are no good
//! are reported before anything is sent.
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use openssl::hash::MessageDigest;
use openssl::rsa::Rsa;
use openssl::ssl::{SslVerifyMode, SslVersion};
use openssl::symm::Cipher;
use openssl::x509::store::X509StoreBuilder;

use crate::case::{PASSWORD, USER};
use crate::resolver::Resolver;
use crate::testkit::dovecot::dovecot;
use crate::testkit::identity::{CA, Certificate, Identity, Key, SERVER, in_file, serve};
use crate::testkit::plan::Mode;
use crate::testkit::plugin::Plugin;
use crate::testkit::screen::Size;
use crate::testkit::server::Server;
use crate::testkit::step::{Step, leave, send};
use crate::testkit::terminal::Terminal;
use crate::testkit::well_behaved::{is_last_expect, replaced};

const OURS: Certificate = Certificate { common_name: "monitor", dns: &["monitor.example.org"], ..SERVER };

#[test]
fn dovecot_lets_in_whom_its_ca_has_certified() {
    let dovecot = dovecot();
    let folder = Path::new(&dovecot.ca_file).parent().unwrap();
    for (mode, port) in [("implicit", dovecot.imaps_port), ("starttls", dovecot.imap_port)] {
        for (certificate, code) in [(Some("client.pem"), 0), (Some("foreign.pem"), 2), (None, 2)] {
            let mut plugin = Plugin::new(["-H", "127.0.0.12", "-p", &port.to_string(), "--tls", mode])
                .args(["--ca-file", &dovecot.ca_file, "-u", "ordinary", "--password-file"])
                .arg(dovecot.password_file("ordinary"));
            if let Some(file) = certificate {
                plugin = plugin.arg("--client-cert").arg(folder.join(file));
            }
            let run = plugin.arg("-v").run();
            assert_eq!(run.check_sound().code, code, "{certificate:?}: {run:#?}");
            let note = ", certificate of ordinary for a server that asks";
            assert_eq!(run.phase_line("tls").unwrap().contains(note), certificate.is_some(), "{run:#?}");
            let refused = "login failed: NO [AUTHENTICATIONFAILED] Authentication failed";
            assert_eq!(run.summary().contains(refused), code == 2, "{run:#?}");
        }
    }
}

#[test]
fn a_server_that_knows_the_user_by_the_certificate_need_not_be_asked() {
    let folder = Path::new(&dovecot().ca_file).parent().unwrap();
    let certificate = format!("--client-cert={}", folder.join("client.pem").display());
    let greeting = "* PREAUTH [CAPABILITY IMAP4rev1 AUTH=EXTERNAL] hello monitor\r\n";
    for (mode, options, code) in [
        (Mode::Implicit, vec!["--auth=external", &certificate], 0),
        (Mode::Implicit, vec!["--auth=external"], 2),
        (Mode::Implicit, vec!["-u", USER, &certificate], 2),
        (Mode::Clear, vec!["--auth=external"], 2),
    ] {
        let mut script = replaced(mode, "greeting", &[send(greeting)]);
        let login = script.iter().position(|step| is_last_expect(step, "login")).unwrap();
        script.drain(login..login + 2);
        if code != 0 {
            script.truncate(login);
            script.extend(leave());
        }
        let server = Server::start(script);
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &server.port.to_string(), "--tls", mode.option()])
            .args(["-m", "INBOX", "-m", "Archive", "--ca-file"])
            .arg(server.ca_file())
            .args(&options)
            .password(PASSWORD)
            .run();
        let record = server.finish();
        record.check_expected();
        assert_eq!(run.check_sound().code, code, "{options:?}: {run:#?}");
        assert_eq!(run.value("login_ok"), Some(if code == 0 { 1.0 } else { 0.0 }));
        assert!(!record.contains("AUTHENTICATE") && !record.contains("LOGIN"), "{record:?}");
    }
}

#[test]
fn the_chain_in_the_file_is_sent_and_the_key_may_be_in_either_file() {
    let root = Identity::new(&Certificate { common_name: "Clients CA", ..CA }, None);
    let middle = Identity::new(&Certificate { common_name: "Middle CA", ..CA }, Some(&root));
    let ours = Identity::new(&OURS, Some(&middle));
    let files = Files::new();
    let chain = in_pem(&[&ours, &middle]);
    let key = ours.key.private_key_to_pem_pkcs8().unwrap();
    let (together, reversed) = ([&chain[..], &key].concat(), [&key[..], &chain].concat());
    let alone = in_pem(&[&ours]);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        for (certificates, key, code) in [
            (&chain, Some(&key), 0),
            (&together, None, 0),
            (&reversed, None, 0),
            (&alone, Some(&key), 2),
            (&Vec::new(), None, 2),
        ] {
            let (server, trusted) = demanding(version, &root);
            let mut plugin = plugin(server.port).arg("--ca-file").arg(trusted.path()).arg("-vvv");
            if !certificates.is_empty() {
                plugin = plugin.arg("--client-cert").arg(files.write("certificates", certificates));
            }
            if let Some(key) = key {
                plugin = plugin.arg("--client-key").arg(files.write("key", key));
            }
            let run = plugin.run();
            assert_eq!(run.check_sound().code, code, "{run:#?}");
            assert_eq!(run.summary().contains("see --client-cert"), code == 2, "{run:#?}");
            check_secret(&run.stdout, &String::from_utf8(together.clone()).unwrap());
        }
    }
}

#[test]
fn files_that_are_no_good_are_unknown_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (ours, other) = (Identity::new(&OURS, None), Identity::new(&OURS, None));
    let rsa = Rsa::generate(2048).unwrap();
    let certificate = in_pem(&[&ours]);
    let key = ours.key.private_key_to_pem_pkcs8().unwrap();
    let modern = ours.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"opensesame").unwrap();
    let old = rsa.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"opensesame").unwrap();
    let empty = ours.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"").unwrap();
    let cut = String::from_utf8(key.clone()).unwrap().replacen("MIG", "", 1).into_bytes();
    let encrypted = "the private key in it is encrypted, right is one without a passphrase";
    let files = Files::new();
    for (certificates, key, option, reason) in [
        (&b""[..], None, "--client-cert", "no PEM certificate is in it"),
        (&key, None, "--client-cert", "no PEM certificate is in it"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            None,
            "--client-cert",
            "no PEM certificates: ",
        ),
        (&certificate, None, "--client-cert", "no PEM private key is in it, see --client-key"),
        (&certificate, Some(&b""[..]), "--client-key", "no PEM private key is in it"),
        (&certificate, Some(&certificate), "--client-key", "no PEM private key is in it"),
        (&certificate, Some(&cut), "--client-key", "the private key in it cannot be read: "),
        (&certificate, Some(&modern), "--client-key", encrypted),
        (&certificate, Some(&empty), "--client-key", encrypted),
        (&certificate, Some(&old), "--client-key", encrypted),
        (&[&certificate[..], &modern].concat(), None, "--client-cert", encrypted),
        (
            &in_pem(&[&other]),
            Some(&key),
            "--client-cert",
            "the private key does not belong to the first certificate in it",
        ),
    ] {
        let certificates = files.write("certificates", certificates);
        let mut plugin = plugin(listener.local_addr().unwrap().port()).arg("--client-cert").arg(&certificates);
        let mut named = certificates;
        if let Some(key) = key {
            let file = files.write("key", key);
            plugin = plugin.arg("--client-key").arg(&file);
            if option == "--client-key" {
                named = file;
            }
        }
        let run = plugin.arg("-vvv").run();
        assert_eq!(run.check_sound().code, 3, "{run:#?}");
        let wanted = format!("127.0.0.1: {option}: {}: {reason}", named.display());
        assert!(run.summary().starts_with(&wanted), "{wanted}: {run:#?}");
        check_secret(&run.stdout, &String::from_utf8([key.unwrap_or_default(), &modern].concat()).unwrap());
    }
    for option in ["--client-cert", "--client-key"] {
        let missing = files.0.path().join("missing");
        let mut plugin = plugin(listener.local_addr().unwrap().port()).arg(option).arg(&missing);
        if option == "--client-key" {
            plugin = plugin.arg("--client-cert").arg(files.write("certificates", &certificate));
        }
        let run = plugin.run();
        assert_eq!(run.check_sound().code, 3, "{run:#?}");
        let wanted = format!("127.0.0.1: {option}: {}: No such file or directory", missing.display());
        assert_eq!(run.summary(), wanted);
    }
    assert!(listener.accept().is_err(), "a connection was made");
}

#[test]
fn a_certificate_of_ours_that_is_too_weak_is_refused_unless_weak_ones_are_taken() {
    let ca = Identity::new(&Certificate { common_name: "Clients CA", ..CA }, None);
    let short = Identity::new(&Certificate { key: Key::Rsa(1024), ..OURS }, Some(&ca));
    let sha1 = Identity::new(&Certificate { hash: MessageDigest::sha1, ..OURS }, Some(&ca));
    let files = Files::new();
    for (ours, fault) in [(short, "has a key that is too short"), (sha1, "is signed with a hash that is too weak")] {
        let pem = [in_pem(&[&ours]), ours.key.private_key_to_pem_pkcs8().unwrap()].concat();
        let file = files.write("certificates", &pem);
        let (server, trusted) = demanding(SslVersion::TLS1_2, &ca);
        let run = || plugin(server.port).arg("--ca-file").arg(trusted.path()).arg("--client-cert").arg(&file);
        let refused = run().run();
        assert_eq!(refused.check_sound().code, 3, "{refused:#?}");
        let reason = format!("the first certificate in it {fault} for the security level of this host, right is a");
        assert!(refused.summary().contains(&reason), "{refused:#?}");
        let taken = run().args(["--tls-min", "1.0"]).run();
        assert_eq!(taken.check_sound().code, 0, "{taken:#?}");
    }
}

#[test]
fn nobody_is_asked_for_a_passphrase_on_a_terminal() {
    let ours = Identity::new(&OURS, None);
    let modern = ours.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"opensesame").unwrap();
    let files = Files::new();
    let plugin = plugin(1).arg("--client-cert").arg(files.write("both", &[in_pem(&[&ours]), modern].concat()));
    let shown = Terminal::begin(&plugin, Size { columns: 400, lines: 20 }).finish();
    assert_eq!(shown.code, Some(3), "{shown:#?}");
    assert!(shown.screen.lines()[0].starts_with("IMAP is UNKNOWN: 127.0.0.1: --client-cert: "), "{shown:#?}");
}

#[test]
fn files_on_a_dead_mount_are_given_up_within_the_limit() {
    let Some(shim) = Resolver::build() else { return };
    let ours = Identity::new(&OURS, None);
    let files = Files::new();
    let certificates = files.write("certificates", &in_pem(&[&ours]));
    let key = files.write("key", &ours.key.private_key_to_pem_pkcs8().unwrap());
    for (option, dead) in [("--client-cert", &certificates), ("--client-key", &key)] {
        let plugin = plugin(1).args(["-t", "1", "--client-cert"]).arg(&certificates).arg("--client-key").arg(&key);
        let run = shim.load(plugin).env("SHIM_DEAD_FILE", dead).run();
        assert_eq!(run.check_sound().code, 3, "{run:#?}");
        let wanted = format!("127.0.0.1: {option}: {}: not done within 1 s (total limit)", dead.display());
        assert_eq!(run.summary(), wanted);
    }
}

fn plugin(port: u16) -> Plugin {
    Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "-u", USER, "-m", "INBOX", "-m", "Archive"])
        .password(PASSWORD)
}

/// A server that takes only clients whom this CA has certified, and the file of the CA that its own certificate is from.
fn demanding(version: SslVersion, ca: &Identity) -> (Server, tempfile::NamedTempFile) {
    let itself = Identity::new(&SERVER, None);
    let mut builder = serve(&[&itself]);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(ca.certificate.clone()).unwrap();
    builder.set_cert_store(store.build());
    let server = Server::start(replaced(Mode::Implicit, "tls", &[Step::StartTlsAs(builder.build())]));
    (server, in_file(&[&itself]))
}

fn in_pem(identities: &[&Identity]) -> Vec<u8> {
    identities.iter().flat_map(|identity| identity.certificate.to_pem().unwrap()).collect()
}

/// No line of a PEM file is in the output.
fn check_secret(output: &str, pem: &str) {
    let lines = pem.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----"));
    assert!(!output.contains("opensesame") && lines.clone().all(|line| !output.contains(line)), "{output}");
}

/// A folder for the files of one test.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, content).unwrap();
        file
    }
}
