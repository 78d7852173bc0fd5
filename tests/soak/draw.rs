//! What a run of the soak can be: fault, phase, TLS mode, operations, limits, verbosity, signal, drawn from a seed and the
//! run's number. Nothing is run or judged here.
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::testkit::dovecot::{Dovecot, dovecot};
use crate::testkit::exchange::{EXCHANGES, Exchange};
use crate::testkit::plan::{MODES, Mode, Phase, Plan, Task};
use crate::testkit::server::Server;
use crate::testkit::step::{Answers, Step, expect, send, tagged};

/// Mailboxes of the operations that take one.
const MAILBOXES: [&str; 6] = ["INBOX", "Archive", "Entwürfe", "Sent Items", "Projects/2026/Summer", "Large"];
/// Operations that `--examine` forbids.
const WRITING: [&str; 2] = ["append", "remove"];
const NASTY: &[u8] = b"* OK a | b \x1b[31m \xff\xfe 'x'=1;2 \0 ` $(id) <b>\r\n";

/// What becomes of the faulty phase; where limits are short, it can always time out instead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ends {
    Well,
    Fails,
    TimesOut,
    /// Both are right, or it depends.
    Any,
    /// A file of our own hangs: no phase is run.
    NeverBegins,
}

/// A fault: its name, the phases that it is for, what comes of it, and the server's steps in place of the good answer.
type Fault = (&'static str, fn(&Phase) -> bool, Ends, fn(&mut Random, &Phase, Vec<Step>) -> Vec<Step>);

const FAULTS: [Fault; 21] = [
    ("none", any, Ends::Well, |_, _, good| good),
    ("silence", any, Ends::TimesOut, |_, _, _| vec![Step::Silence]),
    ("a byte at a time", any, Ends::TimesOut, drip),
    ("close", any, Ends::Fails, |_, _, _| vec![Step::Close]),
    ("half-close", any, Ends::Fails, |_, _, _| vec![Step::HalfClose]),
    ("reset", any, Ends::Any, |_, _, _| vec![Step::Reset]),
    ("garbage, then close", any, Ends::Fails, |random, _, _| vec![Step::Send(random.bytes()), Step::Close]),
    ("late answer", any, Ends::Well, |random, _, good| [vec![random.pause()], good].concat()),
    ("half a reply, then silence", is_imap, Ends::TimesOut, |_, _, _| vec![send("* OK [UIDNE"), Step::Silence]),
    ("half a reply, then close", is_imap, Ends::Fails, |_, _, _| vec![send("* OK [UIDNE"), Step::Close]),
    ("NO", is_command, Ends::Fails, |_, _, _| vec![tagged("NO [UNAVAILABLE] not now")]),
    ("BAD", is_command, Ends::Fails, |_, _, _| vec![tagged("BAD what is that?")]),
    ("BYE, then close", is_imap, Ends::Fails, |_, _, _| vec![send("* BYE Too many connections\r\n"), Step::Close]),
    ("BYE with code", is_imap, Ends::Fails, |_, _, _| vec![send("* BYE [UNAVAILABLE] down\r\n"), Step::Close]),
    ("wrong tag", is_command, Ends::Any, |_, _, _| vec![send("X999 OK done\r\n"), Step::Silence]),
    ("early reply", is_imap, Ends::Any, |_, _, good| [vec![send("a1 OK\r\na2 OK\r\na3 OK\r\n")], good].concat()),
    ("nasty text", is_command, Ends::Any, |_, _, good| [vec![Step::Send(NASTY.to_vec())], good].concat()),
    ("flood of lines", is_imap, Ends::Fails, |_, _, _| flood("* 5 FETCH (FLAGS ())\r\n")),
    ("endless line", is_imap, Ends::Fails, |_, _, _| flood("x")),
    ("literal announced", is_imap, Ends::Any, |_, _, _| vec![send("* 1 X {4000000000}\r\n"), Step::Silence]),
    ("literal sent", is_imap, Ends::Fails, |_, _, _| [vec![send("* 1 X {9000000}\r\n")], flood("a\n")].concat()),
];

fn any(_: &Phase) -> bool {
    true
}

fn is_imap(phase: &Phase) -> bool {
    phase.operation != "tls"
}

fn is_command(phase: &Phase) -> bool {
    phase.command.is_some()
}

fn drip(random: &mut Random, phase: &Phase, _: Vec<Step>) -> Vec<Step> {
    let bytes = match phase.operation {
        "tls" => [b"\x16\x03\x03\x40\x00".to_vec(), vec![0; 200]].concat(),
        // A line of its own would be a good greeting.
        "greeting" => b"* OK still here".repeat(20),
        _ => b"* OK still here\r\n".repeat(20),
    };
    vec![Step::Drip { bytes, interval: Duration::from_millis(random.between(5, 100)) }, Step::Silence]
}

fn flood(text: &str) -> Vec<Step> {
    vec![Step::Flood { bytes: text.repeat(500).into_bytes(), at_most: 10_000_000 }, Step::Silence]
}

/// What all runs share.
pub struct World {
    pub dovecot: Option<&'static Dovecot>,
    folder: TempDir,
    hole: BlackHole,
}

impl World {
    pub fn prepare() -> Self {
        let installed = ["/usr/sbin/dovecot", "/usr/bin/dovecot"].iter().any(|path| Path::new(path).exists());
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("mkfifo").arg(folder.path().join("FIFO")).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        Self { dovecot: installed.then(dovecot), folder, hole: BlackHole::dig() }
    }

    fn fifo(&self) -> PathBuf {
        self.folder.path().join("FIFO")
    }
}

/// An address that answers no SYN: a listener whose queue is full.
struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn dig() -> Self {
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wait = Duration::from_millis(300);
        let queue = std::iter::from_fn(|| TcpStream::connect_timeout(&address, wait).ok()).take(10_000).collect();
        Self { address, _listener: listener, _queue: queue }
    }
}

/// One run to be.
pub struct Draw {
    pub number: u64,
    pub kind: &'static str,
    pub ends: Ends,
    pub plan: Plan,
    /// The phases of the plan, and which of them is faulty.
    pub phases: Vec<Phase>,
    pub fault: Option<usize>,
    pub args: Vec<String>,
    pub user: &'static str,
    pub password: String,
    pub limit: Duration,
    pub signal: Option<(&'static str, Duration)>,
    pub script: Vec<Step>,
    /// Serves while the draw is there.
    pub server: Option<Server>,
}

impl Draw {
    pub fn new(world: &World, seed: u64, number: u64) -> Self {
        let mut random = Random(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut plan = Plan::new(random.one_of(&MODES), random.tasks());
        plan.examine = random.below(6) == 0 && !plan.phases().iter().any(|phase| WRITING.contains(&phase.operation));
        let limit = Duration::from_millis(random.between(200, 1000));
        let mut draw = Self {
            number,
            kind: "",
            ends: Ends::Well,
            phases: plan.phases(),
            plan,
            fault: None,
            args: Vec::new(),
            user: "ordinary",
            password: "Gullible-Otter-7".to_owned(),
            limit,
            signal: None,
            script: Vec::new(),
            server: None,
        };
        match (random.below(24), world.dovecot) {
            (0..4, Some(dovecot)) => draw.against_dovecot(&mut random, dovecot),
            (4, _) => draw.against_nobody(&mut random, world),
            _ => draw.against_script(&mut random),
        }
        draw.add(&["-u", draw.user, "-t", &format!("{}ms", limit.as_millis())]);
        draw.args.extend(draw.plan.options());
        draw.vary(&mut random);
        draw
    }

    fn against_script(&mut self, random: &mut Random) {
        let (kind, fits, ends, steps) = random.one_of(&FAULTS);
        let of_server = |index: &usize| !self.phases[*index].answer.is_empty();
        let candidates: Vec<usize> =
            (0..self.phases.len()).filter(of_server).filter(|index| fits(&self.phases[*index])).collect();
        let fault = random.one_of(&candidates);
        let answers = Answers::of(&self.plan);
        for (index, phase) in self.phases.iter().enumerate() {
            // A fresh connection may begin with any operation.
            let read = phase.command.is_some().then(|| expect(""));
            let good = if read.is_some() { vec![Step::Answered(answers.clone())] } else { phase.answer.clone() };
            if index != fault {
                self.script.extend(read.into_iter().chain(good));
                continue;
            }
            let reads = phase.answer.iter().enumerate().filter(|(_, step)| matches!(step, Step::Expect(_)));
            let reads: Vec<usize> = reads.map(|(place, _)| place).collect();
            if reads.is_empty() || random.below(2) == 0 {
                // A reset comes of what was not read.
                self.script.extend(read.filter(|_| kind != "reset"));
                self.script.extend(steps(random, phase, good));
                continue;
            }
            // The fault is in a later command of the operation, and never in what another one says in its place.
            let (before, rest) = phase.answer.split_at(random.one_of(&reads) + usize::from(kind != "reset"));
            let answer = [before.to_vec(), steps(random, phase, rest.to_vec())].concat();
            self.script.extend(read.into_iter().chain([Step::Answered(answers.with(phase, answer))]));
        }
        let server = Server::start(self.script.clone());
        (self.kind, self.ends, self.fault) = (kind, ends, Some(fault));
        if self.plan.mode == Mode::Starttls
            && self.phases[fault].operation == "tls"
            && ["a byte at a time", "garbage, then close"].contains(&kind)
        {
            // Not asked yet, the server's words can come in time to be an injection behind the reply to STARTTLS.
            (self.ends, self.fault) = (Ends::Any, Some(fault - 1));
        }
        let host = random.one_of(&["127.0.0.1", "localhost"]);
        self.add(&["-H", host, "-p", &server.port.to_string()]);
        if self.plan.mode != Mode::Clear {
            self.add(&["--ca-file", server.ca_file().to_str().unwrap()]);
        }
        self.server = Some(server);
    }

    fn against_nobody(&mut self, random: &mut Random, world: &World) {
        self.fault = self.phases.iter().position(|phase| phase.operation == "connect");
        (self.kind, self.ends) = random.one_of(&[
            ("connection refused", Ends::Fails),
            ("no answer to SYN", Ends::TimesOut),
            ("password file hangs", Ends::NeverBegins),
        ]);
        let hole = world.hole.address;
        // Nobody listens on the hole's port but on its own address.
        let host = if self.ends == Ends::Fails { "127.0.0.3".to_owned() } else { hole.ip().to_string() };
        self.add(&["-H", &host, "-p", &hole.port().to_string()]);
        if self.ends == Ends::NeverBegins {
            self.add(&["--password-file", world.fifo().to_str().unwrap()]);
        }
    }

    fn against_dovecot(&mut self, random: &mut Random, dovecot: &Dovecot) {
        self.password = dovecot.password(self.user);
        (self.kind, self.ends) = random.one_of(&[
            ("Dovecot: none", Ends::Well),
            ("Dovecot: none", Ends::Well),
            ("Dovecot: wrong password", Ends::Fails),
            ("Dovecot: missing mailbox", Ends::Fails),
            ("Dovecot: denied mailbox", Ends::Fails),
        ]);
        let extra = match self.kind {
            "Dovecot: missing mailbox" => Some("Missing"),
            "Dovecot: denied mailbox" => Some("Denied"),
            _ => None,
        };
        if let Some(extra) = extra {
            let place = random.below(self.plan.tasks.len() + 1);
            self.plan.tasks.insert(place, Task::new("select", extra));
            self.phases = self.plan.phases();
        }
        let is_faulty = |phase: &Phase| match extra {
            Some(extra) => phase.target == extra,
            None => phase.operation == "login",
        };
        self.fault = self.phases.iter().position(is_faulty);
        if self.kind == "Dovecot: wrong password" {
            "Gullible-Otter-7".clone_into(&mut self.password);
        }
        let port = if self.plan.mode == Mode::Implicit { dovecot.imaps_port } else { dovecot.imap_port };
        self.add(&["-H", "127.0.0.1", "-p", &port.to_string()]);
        if self.plan.mode != Mode::Clear {
            self.add(&["--ca-file", &dovecot.ca_file]);
        }
    }

    /// Options that leave the plan as it is, and a signal now and then.
    fn vary(&mut self, random: &mut Random) {
        if let Some(verbosity) = random.one_of(&[None, Some("-v"), Some("-vv"), Some("-vvv")]) {
            self.add(&[verbosity]);
        }
        let operation = random.one_of(&self.operations());
        let threshold = format!("{operation}=0.0005");
        for options in [&["--perfdata-u"][..], &["-4"], &["-w", &threshold], &["-c", "login=0.02"]] {
            if random.below(6) == 0 {
                self.add(options);
            }
        }
        let own_limit = format!("{}ms", random.between(30, 500));
        let selector = match random.below(4) {
            0 => Some(operation.to_owned()),
            1 => self.fault.map(|fault| self.phases[fault].selector()),
            _ => None,
        };
        if let Some(selector) = selector {
            self.add(&["--limit", &format!("{selector}={own_limit}")]);
        }
        let at = Duration::from_millis(random.between(0, self.limit.as_millis().try_into().unwrap()));
        let signal = random.one_of(&["-TERM", "-INT", "-HUP"]);
        self.signal = (random.below(8) == 0).then_some((signal, at));
    }

    /// The names of the planned operations.
    fn operations(&self) -> Vec<&'static str> {
        self.phases.iter().filter(|phase| phase.is_task).map(|phase| phase.operation).collect()
    }

    fn add(&mut self, args: &[&str]) {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
    }
}

/// Another seed each time.
pub fn any_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::from(time.subsec_nanos()) ^ time.as_secs())
}

/// `SplitMix64`: small, and the same on every machine.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % u64::try_from(bound).unwrap()).try_into().unwrap()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One to four operations, none of them twice with the same target.
    fn tasks(&mut self) -> Vec<Task> {
        let targets = |row: &Exchange| match row.target.split_once('?') {
            Some((_, keys)) => MAILBOXES.map(|mailbox| format!("{mailbox}?{keys}")).to_vec(),
            None if row.target.is_empty() => vec![String::new()],
            None => MAILBOXES.map(str::to_owned).to_vec(),
        };
        let of_row = |row: &'static Exchange| targets(row).into_iter().map(|target| Task::new(row.operation, &target));
        // With --examine both open a mailbox by the same command, and the server says the same of it.
        let alike =
            |task: Task| if task.exchange.operation == "examine" { task.yielding("messages", 172.0) } else { task };
        let mut all: Vec<Task> = EXCHANGES.iter().flat_map(of_row).map(alike).collect();
        (0..=self.below(4)).map(|_| all.remove(self.below(all.len()))).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.between(1, 3000)).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn pause(&mut self) -> Step {
        Step::Pause(Duration::from_millis(self.between(1, 900)))
    }
}
