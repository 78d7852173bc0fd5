//! What tcpdump saw on loopback: when each packet of a TCP connection was sent, and by whom. Reads pcap with nanoseconds,
//! as tcpdump writes it here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A running tcpdump.
pub struct Capture {
    tcpdump: Child,
    file: tempfile::NamedTempFile,
}

#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Time of day in seconds.
    pub at: f64,
    pub from_client: bool,
    pub syn: bool,
    /// Bytes of data.
    pub data: usize,
}

impl Capture {
    /// None without the right to capture.
    pub fn start(port: u16) -> Option<Self> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tcpdump = Command::new("tcpdump")
            .env("PATH", "/usr/bin:/usr/sbin")
            .args(["-i", "lo", "-n", "-U", "-s", "128", "--time-stamp-precision=nano", "-Z", "root", "-w"])
            .arg(file.path())
            .arg(format!("tcp port {port}"))
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut told = BufReader::new(tcpdump.stderr.take().unwrap()).lines();
        if told.any(|line| line.unwrap().contains("listening on")) {
            // What else it says has to go somewhere.
            thread::spawn(move || told.count());
            return Some(Self { tcpdump, file });
        }
        tcpdump.wait().unwrap();
        None
    }

    /// The connections in the order of their beginning.
    pub fn stop(mut self, port: u16) -> Vec<Vec<Packet>> {
        // The last packets are still on their way to it.
        thread::sleep(Duration::from_secs(2));
        Command::new("kill").args(["-INT", &self.tcpdump.id().to_string()]).status().unwrap();
        self.tcpdump.wait().unwrap();
        connections(&fs::read(self.file.path()).unwrap(), port)
    }
}

fn connections(pcap: &[u8], port: u16) -> Vec<Vec<Packet>> {
    let word = |at: usize| usize::try_from(u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap())).unwrap();
    assert_eq!(word(0), 0xa1b2_3c4d, "pcap with nanoseconds, of this machine's byte order");
    assert_eq!(word(20), 1, "Ethernet frames, as on loopback");
    let mut order = Vec::new();
    let mut found: BTreeMap<u16, Vec<Packet>> = BTreeMap::new();
    let mut at = 24;
    while at + 16 <= pcap.len() {
        let time = word(at) as f64 + word(at + 4) as f64 / 1e9;
        let frame = &pcap[at + 16..at + 16 + word(at + 8)];
        at += 16 + frame.len();
        if frame[12..14] != [8, 0] {
            continue;
        }
        let ip = &frame[14..];
        let short = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let header = usize::from(ip[0] & 15) * 4;
        let tcp = &ip[header..];
        let (from, to) = (short(tcp, 0), short(tcp, 2));
        let from_client = to == port;
        let client = if from_client { from } else { to };
        let packet = Packet {
            at: time,
            from_client,
            syn: tcp[13] & 2 != 0,
            data: usize::from(short(ip, 2)) - header - usize::from(tcp[12] >> 4) * 4,
        };
        if packet.syn && from_client {
            order.push(client);
        }
        found.entry(client).or_default().push(packet);
    }
    order.into_iter().map(|client| found.remove(&client).expect("a client's port comes once")).collect()
}
