use super::*;

fn options(arguments: &[&str]) -> Result<Options, String> {
    let mut all = vec!["-H", "h", "-u", "joe", "--password-file", "f"];
    all.extend(arguments);
    Options::from_arguments(&all)
}

#[test]
fn the_last_of_several_values_counts_and_lists_keep_their_order() {
    let options = options(&["-t", "3", "--timeout=4", "-m", "b", "-vm", "a", "-vv", "-H", "[::1]", ""]).unwrap();
    assert_eq!(options.plan.timeout, Duration::from_secs(4));
    let targets: Vec<_> = options.plan.tasks.iter().filter_map(|task| task.target.as_deref()).collect();
    assert_eq!(targets, ["b", "a"]);
    assert_eq!(options.verbosity, 3);
    assert_eq!(options.server.host, "::1");
    assert_eq!(options.server.port, 993);
}

#[test]
fn wrong_values_are_named_with_what_would_be_right() {
    for (arguments, wanted) in [
        (&["-p", "0"][..], "--port: 0 is not a port, right is 1 to 65535"),
        (&["-4", "-6"], "exclude each other"),
        (&["--tls", "ssl"], "--tls: ssl is none of: implicit, starttls, none"),
        (&["-H", "host:993"], "the port goes to -p"),
        (&["-H", "a b"], "--hostname: a b is neither a name nor an address"),
        (&["-H", "mü ller.example"], "IDNA 2008"),
        (&["--tls-name", "mü_ller.example"], "--tls-name: mü_ller.example is neither a name nor an address"),
        (&["-t", "0"], "--timeout: 0 is too short"),
        (&["--limit", "login"], "--limit: login has no =, right is PHASE=SECONDS"),
        (&["-w", "login="], "--warning: login=: (empty) is not a range"),
        (&["--on-timeout", "maybe"], "--on-timeout: maybe is none of: ok, warning, critical, unknown"),
        (&["--tls", "implict"], "--tls: implict is none of: implicit, starttls, none (did you mean implicit?)"),
        (&["--tls-min", "1.4"], "--tls-min: 1.4 is none of: 1.0, 1.1, 1.2, 1.3"),
        (&["-o", "promtheus"], "(did you mean prometheus?)"),
        (&["--on-failure", "login=critcal"], "(did you mean critical?)"),
        (&["-O", "serach:INBOX?ALL"], "serach is not an operation (did you mean search?), those are: select"),
        (&["--timout", "5"], "--timout is not an option (did you mean --timeout?), see --help"),
        (&["--mailboxes=INBOX"], "--mailboxes is not an option (did you mean --mailbox?), see --help"),
        (&["--frobnicate"], "--frobnicate is not an option, see --help"),
        (&["-x"], "-x is not an option"),
        (&["-t"], "-t needs a value"),
        (&["--examine=yes"], "--examine takes no value"),
        (&["stray"], "stray is not an option"),
    ] {
        let error = options(arguments).err().unwrap();
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    for arguments in [
        &["-P", "hunter2"][..],
        &["-Phunter2"],
        &["--password=hunter2"],
        &["-P"],
        &["--password", "--hunter2"],
        &["-P", "-hunter2"],
    ] {
        let error = options(arguments).err().unwrap();
        assert!(
            error.contains("--password-file") && error.contains(PASSWORD_VARIABLE) && !error.contains("hunter2"),
            "{error}"
        );
    }
}
