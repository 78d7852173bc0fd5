//! Options that say what is printed, and all others.

use super::super::values::{parse_format, parse_interval, parse_repeat, parse_textfile};
use super::{Completes, Given, InCheck, Opt, Section, put};

/// Output and the rest.
pub static SECTION: Section = Section {
    title: "Output",
    options: &[
        Opt {
            short: "o",
            long: "output",
            value: "FORMAT",
            help: "nagios (default), prometheus, json or timeline",
            doc: "Output format: `nagios` (default), `prometheus`, `json`, or `timeline` for a person at a \
                  terminal.",
            completes: Completes::Formats,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.format, parse_format(v)),
        },
        Opt {
            short: "",
            long: "repeat",
            value: "N",
            help: "run the check N times, with -o timeline or json",
            doc: "Run the check N times, to find what is slow only sometimes; `-t` holds for each run. With `-o \
                  timeline` each run is a line, and at the end (or at Ctrl-C) a table shows the minimum, the \
                  median, the 95th percentile and the maximum of each phase. With `-o json` each run is a line of \
                  JSON. The exit code is that of the worst run.",
            given: Given::Once,
            completes: Completes::Nothing,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.repeat, parse_repeat(v).map(Some)),
        },
        Opt {
            short: "",
            long: "interval",
            value: "SECONDS",
            help: "pause between two runs of --repeat, default 1",
            doc: "Pause from the end of a run of `--repeat` to the start of the next one. The default is 1 s.",
            given: Given::Once,
            completes: Completes::Nothing,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.interval, parse_interval(v).map(Some)),
        },
        Opt {
            short: "",
            long: "textfile",
            value: "FILE",
            help: "also write Prometheus text to FILE, for the textfile collector of node_exporter",
            doc: "Also write the Prometheus text to FILE, for the textfile collector of node_exporter. FILE is \
                  replaced by rename, so that no reader finds half of it. A tenth of `-t`, at most 0.1 s, is kept \
                  for that. The state is UNKNOWN if FILE cannot be written, or if it is a file that the run \
                  itself reads. The new text is first written to `.PID.NANOSECONDS.imap_session` in the same directory; \
                  if a run is killed, a later run removes its file after an hour. The alert rules look for \
                  `imap_session_NAME.prom`.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.textfile, parse_textfile(v).map(Some)),
        },
        Opt {
            short: "",
            long: "exit-ok",
            value: "",
            help: "exit 0 whatever the state is, to collect figures only",
            doc: "Exit with 0 whatever the state is, to collect figures only. The output still has the state. Bad \
                  usage still exits with 3, and so does a JSON or Prometheus text that could not be written \
                  whole.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, _| put(&mut o.exit_ok, Ok(true)),
        },
        Opt {
            short: "",
            long: "perfdata-u",
            value: "",
            help: "print unknown values in perfdata as U",
            doc: "Print unknown values in perfdata as `U`, so that the set of labels never changes. Graphers \
                  based on RRD want that.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, _| put(&mut o.perfdata_u, Ok(true)),
        },
        Opt {
            short: "",
            long: "no-perfdata",
            value: "",
            help: "line 1 without perfdata",
            doc: "Print line 1 without its perfdata, for programs that show it to people as a part of the text, or \
                  only the first bytes of the output, as Monit does.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, _| put(&mut o.no_perfdata, Ok(true)),
        },
        Opt {
            short: "v",
            long: "verbose",
            value: "",
            help: "a line per phase; with -vv also limits and trust; with -vvv also the dialogue, secrets as ***",
            doc: "Print a line per phase, even if the state is OK. `-vv`: also the limits, the trusted CAs and \
                  the time before the first phase. `-vvv`: also the dialogue with the server, and that with a token \
                  endpoint, with times and secrets as `***`.",
            completes: Completes::Nothing,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, _| {
                o.verbosity = (o.verbosity + 1).min(3);
                Ok(())
            },
        },
        Opt {
            short: "",
            long: "extra-opts",
            value: "[=[SECTION][@FILE]]",
            help: "read options from an ini file, default section check_imap_session",
            doc: "Read options from a section of an ini file, as the Monitoring Plugins do. Each line \
                  `name=value` stands for `--name=value`, and `name=` for an option without a value. A name may be \
                  repeated. The default section is `check_imap_session`; the default FILE is the first of the usual \
                  files that exists.",
            completes: Completes::SectionAndFile,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |_, _| Err("it cannot stand in the file that --extra-opts reads".to_owned()),
        },
        Opt {
            short: "V",
            long: "version",
            value: "",
            help: "show the version (exit 3)",
            doc: "Show the version, and that of the TLS library. The exit code is 3, as the guidelines of the Monitoring \
                  Plugins say.",
            completes: Completes::Nothing,
            given: Given::Alone,
            in_check: InCheck::No,
            set: |_, _| Ok(()),
        },
        Opt {
            short: "h",
            long: "help",
            value: "",
            help: "show this text (exit 3)",
            doc: "Show the help. The exit code is 3.",
            completes: Completes::Nothing,
            given: Given::Alone,
            in_check: InCheck::No,
            set: |_, _| Ok(()),
        },
    ],
};
