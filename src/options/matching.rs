//! Splits a command line into options and values, by the rows of the table.

use super::table::{Given, Opt, list_options};
use crate::text;

/// A command line as the parser sees it.
pub(super) struct Matching {
    pub matches: getopts::Matches,
    /// The options that the parser knows.
    known: Vec<&'static Opt>,
}

/// Each option that was given with its value, in the order of the command line.
pub(super) fn list_occurrences(Matching { matches, known }: &Matching) -> Vec<(usize, &'static Opt, String)> {
    let mut occurrences = Vec::new();
    for &opt in known {
        if !opt.value.is_empty() && !may_lack_value(opt) {
            let values = matches.opt_strs_pos(opt.long).into_iter();
            occurrences.extend(values.map(|(position, value)| (position, opt, value)));
            continue;
        }
        // A flag has no value, and the value of some options may be missing.
        for position in matches.opt_positions(opt.long) {
            occurrences.push((position, opt, matches.opt_str(opt.long).unwrap_or_default()));
        }
    }
    occurrences.sort_by_key(|(position, ..)| *position);
    occurrences
}

pub(super) fn match_options(arguments: &[String]) -> Result<Matching, String> {
    let mut parser = getopts::Options::new();
    // The parser looks at each option that it knows for each name, with copies of both. So it gets to know few.
    let is_asked_for = |opt: &&Opt| opt.given == Given::Alone || may_be_given(opt, arguments);
    let known: Vec<_> = list_options().filter(is_asked_for).collect();
    for opt in &known {
        let &Opt { short, long, value, .. } = *opt;
        match long {
            _ if may_lack_value(opt) => parser.optflagopt(short, long, "", ""),
            _ if value.is_empty() => parser.optflagmulti(short, long, ""),
            // All may be repeated: of an option that has one value the last counts, so that a command line overrides its
            // --extra-opts.
            _ => parser.optmulti(short, long, "", ""),
        };
    }
    let add_dashes = |name: &str| {
        let name = text::clean(name.as_bytes());
        if name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") }
    };
    let matches = parser.parse(arguments).map_err(|fail| match fail {
        getopts::Fail::ArgumentMissing(name) => format!("{} needs a value, see --help", add_dashes(&name)),
        getopts::Fail::UnrecognizedOption(name) => {
            let known: Vec<String> =
                list_options().filter(|opt| opt.is_shown()).map(|opt| format!("--{}", opt.long)).collect();
            let given = add_dashes(&name);
            let hint = text::suggest(&given, known.iter().map(String::as_str));
            format!("{given} is not an option{hint}, see --help")
        }
        getopts::Fail::UnexpectedArgument(name) => format!("{} takes no value, see --help", add_dashes(&name)),
        getopts::Fail::OptionDuplicated(name) | getopts::Fail::OptionMissing(name) => {
            format!("{} is given more than once", add_dashes(&name))
        }
    })?;
    Ok(Matching { matches, known })
}

/// Whether one of the arguments could be this option, by itself or among other letters.
fn may_be_given(opt: &Opt, arguments: &[String]) -> bool {
    arguments.iter().filter_map(|argument| argument.strip_prefix('-')).any(|name| match name.strip_prefix('-') {
        Some(long) => long.starts_with(opt.long),
        None => !opt.short.is_empty() && name.contains(opt.short),
    })
}

/// The hidden option for a password is refused with and without one.
fn may_lack_value(opt: &Opt) -> bool {
    opt.has_optional_value() || opt.help.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_found_however_it_is_written() {
        for opt in list_options() {
            let Opt { short, long, .. } = opt;
            let mut ways = match (opt.value.is_empty(), may_lack_value(opt)) {
                (_, true) => vec![vec![format!("--{long}=3")], vec![format!("--{long}")]],
                (true, _) => vec![vec![format!("--{long}")]],
                (false, _) => vec![vec![format!("--{long}"), "3".to_owned()], vec![format!("--{long}=3")]],
            };
            if !short.is_empty() {
                ways.extend(["", "v46"].map(|before| {
                    if opt.value.is_empty() || may_lack_value(opt) {
                        vec![format!("-{before}{short}")]
                    } else {
                        vec![format!("-{before}{short}"), "3".to_owned()]
                    }
                }));
            }
            for way in ways {
                let found = list_occurrences(&match_options(&way).unwrap());
                assert!(found.iter().any(|(_, found, _)| found.long == *long), "{way:?}");
            }
        }
    }
}
