//! The completion of bash.

use super::super::table::Completes;
use super::{
    Behind, join_with, list_figures, list_formats, list_mechanisms, list_names, list_operation_names, list_phases,
    list_selectors, list_shown_options, list_states,
};
use crate::plan::selector::TOTAL;

/// The script, with placeholders between `@`.
const TEMPLATE: &str = r#"# bash completion for check_imap_session(1), made of the program's tables by `make generated`.
# It needs nothing of the package bash-completion, which only loads it when it is wanted.

_check_imap_session() {
    local options='
@options@'
    local phases='
@phases@'
    local thresholds='
@thresholds@'
    local states='@states@'
    local current='' previous='' word line=${COMP_LINE:0:COMP_POINT}

    # bash cuts words at = : and @, here they are put together again: what has no space before it belongs to the word
    # before, as in "--limit select:INBOX=1".
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ $line == [[:space:]]* ]]; then
            previous=$current
            current=
            line=${line#"${line%%[![:space:]]*}"}
        fi
        current+=$word
        line=${line#"$word"}
    done

    # What the option is, and in front of the value what is part of the same word.
    local option=$previous value=$current front=
    if [[ $current == --*=* ]]; then
        option=${current%%=*}
        value=${current#*=}
        front=$option=
    fi
    case $option in
@cases@
        *) _check_imap_session_offer "$options" ;;
    esac

    # What stands on the line before the last of those cuts is not part of what is put in.
    local whole=$front$value cut
    cut=${whole%"$2"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}

# These use value and front of their caller.
_check_imap_session_offer() {
    mapfile -t COMPREPLY < <(compgen -P "$front" -W "$1" -- "$value")
    # Behind "login=", "select:" or "search:INBOX\?" the word goes on.
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:?] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_check_imap_session_files() {
    mapfile -t COMPREPLY < <(compgen -f -P "$front" -- "$value")
    compopt -o filenames 2>/dev/null
}

# Makes what stands before the first of this mark a part of the front.
_check_imap_session_cut() {
    front+=${value%%"$1"*}$1
    value=${value#*"$1"}
}

complete -F _check_imap_session check_imap_session
"#;

pub(super) fn generate() -> String {
    let names: Vec<String> = list_shown_options().flat_map(list_names).collect();
    let phases: Vec<String> = list_phases().map(|phase| format!("{}=", phase.name)).collect();
    let figures = list_figures(list_phases()).into_iter().map(|figure| format!("{figure}="));
    let with_target = list_selectors(&Behind::TARGETS).into_iter().map(|selector| format!("{selector}:"));
    let thresholds: Vec<String> =
        [format!("{TOTAL}=")].into_iter().chain(phases.iter().cloned()).chain(figures).chain(with_target).collect();
    TEMPLATE
        .replace("@options@", &wrap(&names, "        "))
        .replace("@phases@", &wrap(&phases, "        "))
        .replace("@thresholds@", &wrap(&thresholds, "        "))
        .replace("@states@", &list_states().join(" "))
        .replace("@cases@", &make_cases().join("\n"))
}

/// One for each kind of value, with all options that have it.
fn make_cases() -> Vec<String> {
    let mut kinds: Vec<(Completes, Vec<String>)> = Vec::new();
    for opt in list_shown_options().filter(|opt| !opt.value.is_empty()) {
        if let Some((_, names)) = kinds.iter_mut().find(|(kind, _)| *kind == opt.completes) {
            names.extend(list_names(opt));
        } else {
            kinds.push((opt.completes, list_names(opt)));
        }
    }
    kinds.iter().map(|(kind, names)| make_case(*kind, names)).collect()
}

fn make_case(kind: Completes, names: &[String]) -> String {
    let command = match kind {
        Completes::Nothing => String::new(),
        Completes::Words(words) => offer(&format!("'{}'", words.join(" "))),
        Completes::Hosts => offer("\"$(compgen -A hostname -- \"$value\")\""),
        Completes::Files => "_check_imap_session_files".to_owned(),
        Completes::Mailboxes => offer("INBOX"),
        Completes::Formats => offer(&format!("'{}'", list_formats().join(" "))),
        Completes::Mechanisms => offer(&format!("'{}'", list_mechanisms().join(" "))),
        Completes::Operations => {
            let takers = list_operation_names(&Behind::TARGETS);
            let others = list_operation_names(&[Behind::End]);
            let names = format!("'{} {}'", join_with(takers, ":"), others.join(" "));
            complete_target(list_operation_names, "", &offer(&names))
        }
        Completes::Limits => {
            let takers = list_operation_names(&Behind::TARGETS);
            complete_target(list_operation_names, "=", &offer(&format!("\"$phases {}\"", join_with(takers, ":"))))
        }
        Completes::Thresholds => complete_target(list_selectors, "=", &offer("\"$thresholds\"")),
        Completes::States => choose(&[("*=*", "=", &offer("\"$states\""))], &offer("\"$states $phases\"")),
        // Its value may be missing: without = the word is no value.
        Completes::SectionAndFile => "if [[ $value == *@* && $front ]]; then
                _check_imap_session_cut @
                _check_imap_session_files
            elif [[ ! $front ]]; then
                _check_imap_session_offer \"$options\"
            fi"
        .to_owned(),
    };
    let names = names.join(" | ");
    match command.as_str() {
        "" => format!("        {names}) ;;"),
        line if !line.contains('\n') => format!("        {names}) {line} ;;"),
        lines => format!("        {names})\n            {lines}\n            ;;"),
    }
}

fn offer(words: &str) -> String {
    format!("_check_imap_session_offer {words}")
}

/// A mailbox behind those names that want one and a `:`, before that `names`. Behind the mailbox stands `end`, unless keys
/// have to follow.
fn complete_target<T: AsRef<str>>(list: fn(&[Behind]) -> Vec<T>, end: &str, names: &str) -> String {
    let mailbox = offer(&format!("INBOX{end}"));
    // The backslash is for the shell that the line is typed into, and here another one is for compgen.
    let mailbox_and_keys = offer(r"'INBOX\\?'");
    let with_keys = join_alternatives(&list(&[Behind::MailboxAndKeys]));
    let others = join_alternatives(&list(&[Behind::Mailbox]));
    choose(&[(&with_keys, ":", &mailbox_and_keys), (&others, ":", &mailbox)], names)
}

/// Behind a mark that follows a pattern one thing is offered, else another one.
fn choose(cases: &[(&str, &str, &str)], otherwise: &str) -> String {
    let branch = |(pattern, mark, behind): &(&str, &str, &str)| {
        format!(
            "if [[ $value == {pattern} ]]; then
                _check_imap_session_cut {mark}
                {behind}
            "
        )
    };
    let branches: Vec<String> = cases.iter().map(branch).collect();
    format!(
        "{}else
                {otherwise}
            fi",
        branches.join("el")
    )
}

/// The pattern for one of these and a `:`.
fn join_alternatives<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    format!("@({}):*", names.join("|"))
}

/// In lines of at most 110 characters.
fn wrap(words: &[String], indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut().filter(|line| line.len() + word.len() < 110) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}
