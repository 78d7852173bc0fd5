use super::*;
use crate::options::Options;

fn plan(arguments: &[&str]) -> Result<Plan, String> {
    let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f"];
    all.extend(arguments);
    Plan::new(&Options::from_arguments(&all).unwrap().plan)
}

fn titles(arguments: &[&str]) -> String {
    plan(arguments).unwrap().phases.iter().map(Phase::make_title).collect::<Vec<_>>().join(", ")
}

fn find(plan: &Plan, title: &str) -> Phase {
    plan.phases.iter().find(|phase| phase.make_title() == title).unwrap().clone()
}

#[test]
fn each_tls_mode_has_its_phases_in_order() {
    assert_eq!(titles(&[]), "resolve, connect, tls, greeting, login, select INBOX, logout");
    assert_eq!(
        titles(&["--tls", "starttls"]),
        "resolve, connect, greeting, starttls, tls, login, select INBOX, logout"
    );
    assert_eq!(
        titles(&["--tls=none", "-m", "b", "-O", "examine:c", "-m", "a"]),
        "resolve, connect, greeting, login, select b, examine c, select a, logout"
    );
}

#[test]
fn the_most_specific_limit_wins_and_logout_has_at_most_a_second() {
    let arguments = "-m a -m b --limit select:b=1 --limit select=2 --limit logout=5 -t 1.5";
    let plan = plan(&arguments.split(' ').collect::<Vec<_>>()).unwrap();
    assert_eq!(find(&plan, "select a").limit, Some(Duration::from_secs(2)));
    assert_eq!(find(&plan, "select b").limit, Some(Duration::from_secs(1)));
    assert_eq!(find(&plan, "logout").limit, Some(LOGOUT_LIMIT));
    assert_eq!(find(&plan, "login").limit, None);
    assert_eq!(find(&plan, "select a").shown_limit, Duration::from_millis(1500));
}

#[test]
fn the_most_specific_state_and_threshold_win() {
    let arguments = "-m a -m b --on-timeout ok --on-timeout select=unknown --on-failure warning \
        -w select=1 -w select:b=2 -c select.messages=3 -w 4 -w total=5";
    let plan = plan(&arguments.split_whitespace().collect::<Vec<_>>()).unwrap();
    let warning = |title: &str| find(&plan, title).time_levels.warning.map(|range| range.text().to_owned());
    assert_eq!(find(&plan, "select a").states.timed_out, ServiceState::Unknown);
    assert_eq!(find(&plan, "login").states.timed_out, ServiceState::Ok);
    assert_eq!(find(&plan, "login").states.failed, ServiceState::Warning);
    assert_eq!(find(&plan, "logout").states, States::END, "the end of the session must be named");
    assert_eq!((warning("select a").as_deref(), warning("select b").as_deref()), (Some("1"), Some("2")));
    assert_eq!(warning("login"), None);
    let (figure, levels) = &find(&plan, "select a").figure_levels[0];
    assert_eq!((figure.name, levels.critical.as_ref().map(Range::text)), ("messages", Some("3")));
    assert_eq!(plan.total_levels.warning.map(|range| range.text().to_owned()).as_deref(), Some("5"));
}

#[test]
fn targets_of_one_operation_that_fall_together_are_numbered() {
    let plan = plan(&["-O", "examine:a b", "-m", "a.b", "-m", "a b", "-m", "a b", "-m", "a_b_2"]).unwrap();
    let labels: Vec<&str> = plan.phases[5..10].iter().map(|phase| phase.label.as_str()).collect();
    assert_eq!(labels, ["examine_a_b", "select_a_b", "select_a_b_2", "select_a_b_3", "select_a_b_2_2"]);
}

#[test]
fn an_operation_without_a_target_that_is_asked_for_again_is_numbered() {
    let plan = plan(&["-O", "noop", "-O", "quota", "-O", "noop", "-O", "quota:2", "-O", "quota"]).unwrap();
    let labels: Vec<&str> = plan.phases[5..10].iter().map(|phase| phase.label.as_str()).collect();
    // All labels of a phase begin with this one: `noop_2_ok`.
    assert_eq!(labels, ["noop", "quota", "noop_2", "quota_2", "quota_3"]);
}

#[test]
fn a_textfile_is_given_its_time() {
    assert_eq!(plan(&[]).unwrap().reserve, Duration::ZERO);
    assert_eq!(plan(&["--textfile", "x"]).unwrap().reserve, Duration::from_millis(100));
    assert_eq!(plan(&["--textfile", "x", "-t", "0.3"]).unwrap().reserve, Duration::from_millis(30));
}

#[test]
fn what_the_plan_does_not_have_is_named_with_what_it_has() {
    for (arguments, wanted) in [
        (
            ["--limit", "logon=3"],
            "--limit: logon is not a phase of this run (did you mean login?), those are: resolve, connect, tls, greeting, login, select, logout",
        ),
        (["--limit", "starttls=3"], "starttls is not a phase of this run"),
        (["--limit", "examine=3"], "examine is not a phase of this run"),
        (["--limit", "total=3"], "has its own option, -t"),
        (["--limit", "select.messages=3"], "names a figure"),
        (["-w", "login.messages=3"], "messages is not a figure of login, those are: time"),
        (["-w", "select.unseen=3"], "unseen is not a figure of select, those are: time, messages"),
        (["-w", "select.mesages=3"], "mesages is not a figure of select (did you mean messages?), those are: time"),
        (["-w", "select:INBOXES=3"], "INBOXES is not a mailbox of this run (did you mean INBOX?), those are: INBOX"),
        (["-w", "select:Nope=3"], "Nope is not a mailbox of this run, those are: INBOX"),
        (["-w", "select.messages=5s"], "--warning: select.messages is no time, right is a range without a unit"),
        (["-w", "tls.cert_days=21d:"], "tls.cert_days is no time"),
        (["-w", "cert_days=21:"], "--warning: cert_days is a figure without its phase, right is tls.cert_days"),
        (["-c", "messages:INBOX=1:"], "messages is a figure without its phase, right is select.messages"),
        (["--limit", "messages=1"], "messages is not a phase of this run"),
        (["-c", "newest=900"], "newest is not a phase of this run"),
        (["-c", "login:INBOX=3"], "names a mailbox"),
        (["-c", "total:INBOX=3"], "right is total=RANGE"),
        (["--on-timeout", "select:INBOX=ok"], "names a mailbox"),
        (["--on-failure", "=ok"], "(empty) is not a phase"),
    ] {
        let error = plan(&arguments).unwrap_err();
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
    let error = plan(&["-O", "select:a", "-O", "status:a", "-O", "select:b", "-w", "messages=1:"]).unwrap_err();
    assert!(error.ends_with("right is one of select.messages, status.messages"), "{error}");
    assert!(plan(&["-w", "select:inbox=3"]).is_ok(), "INBOX has no case");
    for range in ["500ms", "total=1m", "login=500ms", "select.time:INBOX=1s:2s", "age.newest=2d"] {
        assert!(plan(&["-O", "age:INBOX", "-w", range]).is_ok(), "{range}");
    }
}

#[test]
fn more_than_nrpe_carries_is_refused() {
    let many: Vec<String> = (0..251).map(|number| format!("-mm{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(plan(&many[..250]).is_ok());
    assert!(plan(&many).unwrap_err().contains("the most is 250"));
    assert!(plan(&[&many[..16], &["--every-address"]].concat()).unwrap_err().contains("the most is 15"));
    assert!(plan(&["-m", &"x".repeat(8193)]).unwrap_err().contains("the most is 8192"));
}

#[test]
fn a_mailbox_is_opened_where_an_operation_needs_it_and_only_there() {
    let of = |arguments: &str| {
        let arguments = format!("--tls=none {arguments}");
        titles(&arguments.split(' ').collect::<Vec<_>>()).replace("resolve, connect, greeting, login, ", "")
    };
    for (arguments, wanted) in [
        ("-O age:a", "select a, age a, logout"),
        ("-O age:a -O search:a?ALL -O idle:a", "select a, age a, search a?ALL, idle a, logout"),
        ("-m a -O age:a", "select a, age a, logout"),
        ("-m inbox -O age:INBOX", "select inbox, age INBOX, logout"),
        ("-m a -O age:b -O age:a", "select a, select b, age b, select a, age a, logout"),
        ("-m a -O status:b -O noop -O age:a", "select a, status b, noop, age a, logout"),
        ("-O examine:a -O age:a", "examine a, age a, logout"),
        ("-O examine:a -O remove:a", "examine a, select a, remove a, logout"),
        ("-O append:a", "append a, select a, remove a, logout"),
        ("-m a -O append:a -O noop", "select a, append a, remove a, noop, logout"),
        ("-O append:a -O noop -O remove:a", "append a, noop, select a, remove a, logout"),
        ("-O remove:a -O append:a", "select a, remove a, append a, remove a, logout"),
        ("-O append:a -O append:b -O remove:a", "append a, append b, select b, remove b, select a, remove a, logout"),
        ("--examine -O age:a", "select a, age a, logout"),
        ("-O search:a?b?c", "select a, search a?b?c, logout"),
    ] {
        assert_eq!(of(arguments), wanted, "{arguments}");
    }
    let plan = plan(&["--tls=none", "-m", "a", "-O", "noop", "-O", "age:a", "-O", "age:b"]).unwrap();
    let openers: Vec<Option<usize>> = (4..plan.phases.len()).map(|phase| plan.find_opener(phase)).collect();
    assert_eq!(openers, [None, None, Some(4), None, Some(7), None]);
    assert!(self::plan(&["--examine", "-O", "append:a"]).unwrap_err().contains("append changes the mailbox"));
}
