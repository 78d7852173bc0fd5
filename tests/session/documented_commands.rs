//! The code blocks of the documents. The first word behind the fence says what a block is: `console` is a real run, which is
//! run here and must print what the document shows; `sh` is for the reader's own server or machine, so that only its options
//! are read; all others have no commands.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use check_imap_session::options::{Options, Request};
use check_imap_session::plan::Plan;

use crate::documents::{list_documents, read};
use crate::resolver::Resolver;
use crate::testkit::dovecot::Dovecot;
use crate::testkit::plan::{Mode, Plan as ServerPlan};
use crate::testkit::plugin::{BINARY, Plugin};
use crate::testkit::server::Server;
use crate::testkit::step::{Answers, Step, expect, tagged};

/// The only commands beside the plugin that a `console` block may have. `cat FILE` shows a file that is made here.
const HELPERS: [&str; 3] = ["cat ", "grep ", "echo $?"];

/// The one name in real runs that stands for several addresses.
const NAME: &str = "imap.example.org";
/// A certificate that has expired is at the second address, and nobody listens at the third one.
const ADDRESSES: &str = "127.0.0.1,127.0.0.2,127.0.0.66";

/// A fenced block of a document.
#[derive(Debug)]
struct Block {
    document: PathBuf,
    /// The number of its first line behind the fence.
    line: usize,
    kind: String,
    lines: Vec<String>,
}

/// A command with the output that the document shows.
#[derive(Debug)]
struct Shown {
    place: String,
    command: String,
    output: Vec<String>,
}

#[test]
fn every_code_block_says_what_it_is() {
    let mut complaints = Vec::new();
    for document in list_documents() {
        let (blocks, faults) = read_blocks(&document, &read(&document));
        complaints.extend(faults);
        complaints.extend(blocks.iter().filter_map(explain_fault_of_block));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn commands_in_documents_print_what_the_documents_show() {
    let place = Place::make();
    let mut complaints = Vec::new();
    let mut count = 0;
    for block in list_blocks("console") {
        let mut code = 0;
        for shown in split_commands(&block) {
            complaints.extend(place.explain_difference(&shown, &mut code));
            count += 1;
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    assert!(count > 20, "only {count} commands were found");
}

#[test]
fn commands_for_the_reader_have_options_that_are_there() {
    let complaints: Vec<String> = list_blocks("sh").iter().flat_map(list_faults_of_options).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn examples_in_help_and_the_man_page_have_options_that_are_there() {
    let help = Plugin::new(["--help"]).run().stdout;
    let page = read(Path::new("debian/check_imap_session.1"));
    let page =
        [("\\-", "-"), ("\\(aq", "'"), ("\\e\n", "\\\n")].iter().fold(page, |text, (from, to)| text.replace(from, to));
    for text in [help, page] {
        let text = text.replace("\\\n", " ");
        let commands: Vec<&str> = text.lines().filter(|line| line.contains("check_imap_session -")).collect();
        assert!(commands.len() > 3, "{commands:?}");
        for command in
            commands.iter().filter(|command| !command.starts_with("Usage:") && !command.contains("check plugin:"))
        {
            assert_eq!(read_options(command), Ok(()), "{command}");
        }
    }
}

/// Otherwise the comparison would be worth nothing.
#[test]
fn a_changed_word_or_line_in_a_document_is_found() {
    let printed = "IMAP is WARNING: localhost: age INBOX 0.002 s (newest message 1 h 12 min old, warning above 900 s), \
        login 0.042 s|resolve=0.000225s;;;0;8 age_INBOX_newest=4321s;900;;0; select_INBOX_ok=1;;;0;1\n\
        [OK] tls: 0.002 s, TLSv1.3, expires 2027-11-26 10:22 UTC (in 364.9 days)\n\
        [OK] select INBOX: 0.001 s, 2 messages, 127.0.0.1 port 23040\n\
        OK  connect   2.29 ms  ██  127.0.0.1\n                 port 23040\n\n12:00:44 UTC  1.02 s";
    let later = "IMAP is WARNING: localhost: age INBOX 0.912 s (newest message 4 s old, warning above 900 s), \
        login 1.000 s|resolve=1.000001s;;;0;8 age_INBOX_newest=4s;900;;0; select_INBOX_ok=1;;;0;1\n\
        [OK] tls: 12.302 s, TLSv1.3, expires 2028-01-06 00:02 UTC (in 9.0 days)\n\
        [OK] select INBOX: 0.000 s, 2 messages, 127.0.0.1 port 23040\n\
        OK  connect   0.03 s  █████   127.0.0.1 port\n         23040\n\n23:59:59 UTC   999.99 ms";
    let left_out = later
        .replace("resolve=1.000001s;;;0;8 age_INBOX_newest=4s;900;;0; select_INBOX_ok=1;;;0;1", "...")
        .replace("[OK] tls: 12.302 s", "...");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let is_same = |shown: &str| explain_mismatch(&lines(shown), &lines(printed)).is_none();
    assert!(is_same(printed) && is_same(later), "{:?}", explain_mismatch(&lines(later), &lines(printed)));
    assert!(is_same(&left_out), "{:?}", explain_mismatch(&lines(&left_out), &lines(printed)));
    let is_end = |c: Option<char>| c.is_none_or(char::is_whitespace);
    for word in later.split_whitespace().filter(|word| !word.contains('█')) {
        for (place, _) in later.match_indices(word) {
            let (before, behind) = (&later[..place], &later[place + word.len()..]);
            for other in ["other", ""] {
                let is_word = is_end(before.chars().next_back()) && is_end(behind.chars().next());
                assert!(!is_word || !is_same(&format!("{before}{other}{behind}")), "{word} was replaced by {other}");
            }
        }
    }
    let count = later.lines().count();
    for left_out in 0..count {
        let rest: Vec<&str> =
            later.lines().enumerate().filter(|(number, _)| *number != left_out).map(|(_, line)| line).collect();
        assert!(!is_same(&rest.join("\n")), "without line {left_out}");
    }
    assert!(!is_same(&format!("{later}\none more")));
}

/// A folder with the files that the documents name, and the servers.
struct Place {
    folder: tempfile::TempDir,
    /// Documents' port, port here.
    ports: [(&'static str, String); 5],
    resolver: Option<Resolver>,
    _dovecot: Dovecot,
    _server: Server,
}

impl Place {
    fn make() -> Self {
        // Of its own, because other tests write messages meanwhile, which would change the counts in the documents.
        let dovecot = Dovecot::start();
        let server = Server::start(answer_all_but_one());
        let folder = tempfile::tempdir().unwrap();
        let link = |file: &Path, name: &str| symlink(file, folder.path().join(name)).unwrap();
        link(Path::new(&*BINARY), "check_imap_session");
        link(Path::new(&dovecot.ca_file), "ca.pem");
        link(&Path::new(&dovecot.ca_file).with_file_name("client.pem"), "client.pem");
        link(dovecot.password_file("ordinary").parent().unwrap(), "passwords");
        link(dovecot.token_file("ordinary").parent().unwrap(), "tokens");
        fs::write(folder.path().join("wrong"), "not the password\n").unwrap();
        // Dovecot reports the time of the file as the message's.
        for (message, minutes) in [("M1", 76 * 60), ("M2", 72)] {
            let file = fs::File::open(dovecot.mail.join(format!("ordinary/new/1700000000.{message}.fixture"))).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(minutes * 60)).unwrap();
        }
        let ports = [
            ("23039", dovecot.imap_port.to_string()),
            ("23040", dovecot.imaps_port.to_string()),
            ("23041", dovecot.silent_port.to_string()),
            ("23042", server.port.to_string()),
            ("23043", dovecot.proxied_imaps_port.to_string()),
        ];
        Self { folder, ports, resolver: Resolver::build(), _dovecot: dovecot, _server: server }
    }

    /// Runs the command behind another one that ended with this code.
    fn explain_difference(&self, shown: &Shown, code: &mut i32) -> Option<String> {
        let replace =
            |text: &str| self.ports.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
        if let Some(file) = shown.command.strip_prefix("cat ") {
            fs::write(self.folder.path().join(file), replace(&shown.output.join("\n")) + "\n").unwrap();
            return None;
        }
        let command = replace(&shown.command);
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        let mut plugin = Plugin::new::<&str>([]).env("PATH", path);
        if command.contains(&format!("-H {NAME}")) {
            // Without a compiler there is no such resolver, which was said already.
            plugin = self.resolver.as_ref()?.answer(plugin, ADDRESSES);
        }
        let script = format!("(exit {code})\n{command}");
        let run = plugin.command(&["sh", "-c", &script]).current_dir(self.folder.path()).output().unwrap();
        *code = run.status.code().unwrap();
        let printed = String::from_utf8(run.stdout).unwrap() + &String::from_utf8_lossy(&run.stderr);
        let printed = self.ports.iter().fold(printed, |text, (theirs, ours)| text.replace(ours, theirs));
        let printed: Vec<String> = printed.lines().map(str::to_owned).collect();
        let why = explain_mismatch(&shown.output, &printed)?;
        Some(format!("{}: {}\n{why}\nIt prints:\n{}", shown.place, shown.command, printed.join("\n")))
    }
}

/// A server in clear text, without any capability, that never answers to `SELECT Archive`.
fn answer_all_but_one() -> Vec<Step> {
    let plan = ServerPlan::of_mailboxes(Mode::Clear, &["INBOX", "Archive", "Sent"]);
    let phases = plan.phases_of_server();
    let find = |name: &str| phases.iter().find(|phase| phase.name() == name).unwrap();
    let login = vec![tagged("OK [CAPABILITY IMAP4rev1] logged in")];
    let answers = Answers::of(&plan).with(find("login"), login).with(find("select Archive"), vec![Step::Silence]);
    let greeting = phases.iter().filter(|phase| phase.command.is_none()).flat_map(|phase| phase.answer.clone());
    let commands = phases.iter().filter(|phase| phase.command.is_some());
    greeting.chain(commands.flat_map(|_| [expect(""), Step::Answered(answers.clone())])).collect()
}

/// All blocks of this kind in all documents.
fn list_blocks(kind: &str) -> Vec<Block> {
    let blocks = list_documents().into_iter().flat_map(|document| read_blocks(&document, &read(&document)).0);
    blocks.filter(|block| block.kind == kind).collect()
}

/// The blocks, and what is wrong outside of them.
fn read_blocks(document: &Path, text: &str) -> (Vec<Block>, Vec<String>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut complaints = Vec::new();
    let mut indent = None;
    let mut is_behind_empty_line = true;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", document.display(), number + 1);
        let bare = line.trim_start();
        match (indent, bare.strip_prefix("```")) {
            (None, Some(info)) => {
                indent = Some(line.len() - bare.len());
                let kind = info.split(' ').next().unwrap_or_default().to_owned();
                blocks.push(Block { document: document.to_owned(), line: number + 2, kind, lines: Vec::new() });
            }
            (Some(_), Some("")) => indent = None,
            (Some(indent), _) => {
                let inside = line.get(indent.min(line.len() - bare.len())..).unwrap_or_default();
                blocks.last_mut().unwrap().lines.push(inside.to_owned());
            }
            (None, None) if bare.starts_with("~~~") => complaints.push(format!("{place}: a fence is ```, not ~~~")),
            (None, None) if line.starts_with("    ") && is_behind_empty_line => {
                complaints.push(format!("{place}: a block without a fence, it is indented"));
            }
            (None, None) => {}
        }
        is_behind_empty_line = bare.is_empty();
    }
    if indent.is_some() {
        complaints.push(format!("{}: the last block has no end", document.display()));
    }
    (blocks, complaints)
}

fn explain_fault_of_block(block: &Block) -> Option<String> {
    let Block { document, line, kind, lines } = block;
    let place = format!("{}:{line}", document.display());
    let has_prompt = lines.iter().any(|line| line.starts_with("$ "));
    let is_allowed = |command: &str| {
        command.contains("check_imap_session -") || HELPERS.iter().any(|helper| command.starts_with(helper))
    };
    match kind.as_str() {
        "" => Some(format!("{place}: the fence does not say what the block is (console, sh, text, ini ...)")),
        "console" if !lines.first().is_some_and(|line| line.starts_with("$ ")) => {
            Some(format!("{place}: a block `console` begins with a command: $ check_imap_session ..."))
        }
        "console" => {
            let stray = split_commands(block).into_iter().find(|shown| !is_allowed(&shown.command))?;
            Some(format!("{}: {} cannot be run by the test, is the block `sh`?", stray.place, stray.command))
        }
        "sh" => None,
        _ => has_prompt.then(|| format!("{place}: a block `{kind}` has no commands, is it `console` or `sh`?")),
    }
}

/// What stands behind each `$ `, lines that end in a backslash together with the next one.
fn split_commands(block: &Block) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut goes_on = false;
    for (number, line) in block.lines.iter().enumerate() {
        let place = || format!("{}:{}", block.document.display(), block.line + number);
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (None, Some(shown)) if goes_on => shown.command.extend(["\n", line]),
            (None, Some(shown)) => {
                shown.output.push(line.clone());
                continue;
            }
            (None, None) => continue,
            (Some(command), _) => {
                commands.push(Shown { place: place(), command: command.to_owned(), output: Vec::new() });
            }
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// What is wrong with the options of the plugin in a block for the reader.
fn list_faults_of_options(block: &Block) -> Vec<String> {
    let text = block.lines.join("\n").replace("\\\n", " ");
    let lines = text.lines().filter(|line| line.contains("check_imap_session -"));
    let explain = |line: &str| {
        let why = read_options(line).err()?;
        Some(format!("{}:{}: {line}: {why}", block.document.display(), block.line))
    };
    lines.filter_map(explain).collect()
}

fn read_options(line: &str) -> Result<(), String> {
    let words = shlex::split(line).ok_or("a quote is missing")?;
    let is_plugin = |word: &String| word.rsplit('/').next() == Some("check_imap_session");
    let ends = |word: &&String| word.starts_with(['|', '<', '>', '&', ';', ')']) || word.starts_with("2>");
    let words = words.into_iter().skip_while(|word| !is_plugin(word)).skip(1).collect::<Vec<_>>();
    // What a file or the reader has to add.
    let is_left_out = |word: &String| word == "..." || word.starts_with("--extra-opts");
    // The reader's shell knows the value of a variable.
    let expand = |word: &String| if word.starts_with('$') { "1".to_owned() } else { word.clone() };
    let mut arguments: Vec<String> = words.iter().take_while(|word| !ends(word)).map(expand).collect();
    if arguments.iter().any(is_left_out) {
        arguments.retain(|word| !is_left_out(word));
        arguments.extend(["-H", "imap.example.org", "-u", "monitor"].map(str::to_owned));
    }
    match Options::parse(&arguments, Some(b"secret".to_vec()))? {
        Request::Check(options) => Plan::new(&options.plan).map(|_| ()),
        Request::Text(_) => Ok(()),
    }
}

/// The first line of the document that was not printed. In it `...` stands for any text, as a line for any lines.
fn explain_mismatch(shown: &[String], printed: &[String]) -> Option<String> {
    let shown = normalise(shown);
    let printed = normalise(printed);
    let mut reached = 0;
    if is_match(&shown, &printed, &mut reached) {
        return None;
    }
    let missing = shown.get(shown.len().saturating_sub(reached)).map_or("(no more lines)", String::as_str);
    Some(format!("It does not print: {missing}\nbut: {}", printed.join("\n     ")))
}

/// `reached` is the number of lines of `shown` that were left at the best attempt.
fn is_match(shown: &[String], printed: &[String], reached: &mut usize) -> bool {
    *reached = if *reached == 0 { shown.len() } else { (*reached).min(shown.len()) };
    match (shown.split_first(), printed.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((line, rest)), _) if line == "..." => {
            (0..=printed.len()).any(|skipped| is_match(rest, &printed[skipped..], reached))
        }
        (Some(_), None) => false,
        (Some((line, rest)), Some((other, others))) => is_line_match(line, other) && is_match(rest, others, reached),
    }
}

fn is_line_match(shown: &str, printed: &str) -> bool {
    let Some((first, rest)) = shown.split_once("...") else { return shown == printed };
    let Some(printed) = printed.strip_prefix(first) else { return false };
    (0..=printed.len()).filter_map(|skipped| printed.get(skipped..)).any(|printed| is_line_match(rest, printed))
}

/// The lines without what differs from run to run: durations, ages, dates, and where the timeline wraps its lines.
fn normalise(lines: &[String]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for line in lines {
        match whole.last_mut() {
            Some(last) if line.starts_with(' ') => *last += line,
            _ => whole.push(line.clone()),
        }
    }
    whole.iter().map(|line| normalise_line(line)).collect()
}

fn normalise_line(line: &str) -> String {
    let line = replace_numbers(line).replace('|', " | ");
    // The documents have the cipher that OpenSSL prefers, and this is AWS-LC's.
    let line = line.replace("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384");
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let is_unit = |word: &str| ["s", "min", "h", "day", "days"].contains(&word);
        let is_count = |word: &str| {
            let word = word.trim_start_matches('(');
            word == "N" || (!word.is_empty() && word.chars().all(|c| c.is_ascii_digit()))
        };
        if ["old", "ago"].contains(&word.trim_end_matches([',', ')', ';'])) {
            let mut age = word;
            while let [.., count, unit] = words.as_slice()
                && is_count(count)
                && is_unit(unit)
            {
                age = if count.starts_with('(') { "(AGE" } else { "AGE" };
                words.truncate(words.len() - 2);
            }
            if age != word {
                words.push(age);
            }
        }
        words.push(word);
    }
    words.join(" ").replace("N ms", "N s").replace("N µs", "N s")
}

/// `N` for each number with a fraction, `DATE` and `TIME`, and nothing for the bars of the timeline. Versions and addresses stay.
fn replace_numbers(line: &str) -> String {
    let mut replaced = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let behind_word = replaced.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = if c.is_ascii_digit() {
            rest.find(|c: char| !(c.is_ascii_digit() || ".:-TZ".contains(c))).unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        let (run, behind) = rest.split_at(length);
        rest = behind;
        let number = run.trim_end_matches(['.', ':', '-', 'T', 'Z']);
        let shape: String = number.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let is_fraction = shape.split_once('.').is_some_and(|(whole, fraction)| {
            [whole, fraction].iter().all(|part| !part.is_empty() && part.chars().all(|c| c == '9'))
        });
        // An age in perfdata; other integers there have no unit.
        let is_age = behind.starts_with("s;") && shape.chars().all(|c| c == '9');
        let stand_in = if behind_word || !c.is_ascii_digit() {
            number
        } else if shape.starts_with("9999-99-99") {
            "DATE"
        } else if ["99:99", "99:99:99"].contains(&shape.as_str()) {
            "TIME"
        } else if is_fraction || is_age {
            "N"
        } else {
            number
        };
        if !('\u{2580}'..='\u{259f}').contains(&c) {
            replaced += stand_in;
            replaced += &run[number.len()..];
        }
    }
    replaced
}
