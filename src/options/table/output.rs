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
            doc: "`nagios` (default), `prometheus`, `json`, or `timeline` for a person at a terminal.",
            completes: Completes::Formats,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.format, parse_format(v)),
        },
        Opt {
            short: "",
            long: "repeat",
            value: "N",
            help: "N runs one after the other, with -o timeline or json; a table at the end",
            doc: "Run the check N times, for finding what is slow only sometimes; `-t` holds for each run. With `-o timeline` there \
                  is a line per run, and at the end or at Ctrl-C a table of minimum, median, 95th percentile and maximum of each \
                  phase. With `-o json` there is a line per run. The exit code is that of the worst run.",
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
            doc: "The pause from the end of a run of `--repeat` to the start of the next one; the default is 1.",
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
            doc: "Also write the Prometheus text to FILE, for the textfile collector of node_exporter; by rename, so that no \
                  reader finds a part of it. A tenth of `-t`, at most 0.1 s, is kept for that. A file that cannot be \
                  written is UNKNOWN, and so is one that the run itself reads. The new text is in \
                  `.PID.NANOSECONDS.imap_session` beside it first; those of killed runs are removed when they are an hour \
                  old. The alert rules look for `imap_session_NAME.prom`.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.textfile, parse_textfile(v).map(Some)),
        },
        Opt {
            short: "",
            long: "exit-ok",
            value: "",
            help: "exit 0 whatever the state (for collecting only)",
            doc: "Exit 0 whatever the state, for collecting only. The output still has the state. Bad usage is still 3, and so \
                  is a JSON or Prometheus text that could not be written whole.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, _| put(&mut o.exit_ok, Ok(true)),
        },
        Opt {
            short: "",
            long: "perfdata-u",
            value: "",
            help: "perfdata: print unknown values as U",
            doc: "Print unknown values in perfdata as `U`, so that the set of labels never changes (graphers based on RRD want \
                  that).",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, _| put(&mut o.perfdata_u, Ok(true)),
        },
        Opt {
            short: "v",
            long: "verbose",
            value: "",
            help: "a line per phase; -vv what was decided; -vvv the IMAP dialogue, secrets as ***",
            doc: "A line per phase, also if the state is OK. `-vv`: also what was decided, and the time before the first phase. \
                  `-vvv`: also the IMAP dialogue with times, secrets as `***`.",
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
            help: "options out of an ini file, default section check_imap_session",
            doc: "Options out of a section of an ini file, as the Monitoring Plugins have it, in place of this option: each line \
                  `name=value` stands for `--name=value`, repeated names included. The default section is \
                  `check_imap_session`, the default FILE the first that exists of the usual ones.",
            completes: Completes::SectionAndFile,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |_, _| Err("it cannot stand in the file that --extra-opts reads".to_owned()),
        },
        Opt {
            short: "V",
            long: "version",
            value: "",
            help: "version (exit 3)",
            doc: "Version; the exit code is 3, as the guidelines say.",
            completes: Completes::Nothing,
            given: Given::Alone,
            in_check: InCheck::No,
            set: |_, _| Ok(()),
        },
        Opt {
            short: "h",
            long: "help",
            value: "",
            help: "this text (exit 3)",
            doc: "Help; the exit code is 3.",
            completes: Completes::Nothing,
            given: Given::Alone,
            in_check: InCheck::No,
            set: |_, _| Ok(()),
        },
    ],
};
