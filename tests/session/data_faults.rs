//! Faults in what the operations ask for: data that are missing, numbers beyond 32 and 64 bits, a literal where a string is
//! expected. They belong to the matrix of `faults.rs`.
use crate::faults::Ending::{Harmless, Lost, Without};
use crate::faults::Row;
use crate::testkit::step::{Step, expect, send, tagged};

/// Those of one operation.
pub fn data_faults(operation: &str) -> Vec<Row> {
    match operation {
        "select" | "examine" => faults_of_select(),
        "status" => faults_of_status(),
        "search" => faults_of_search(),
        "age" => faults_of_age(),
        "quota" => faults_of_quota(),
        "list" => faults_of_list(),
        "append" => faults_of_append(),
        "remove" => faults_of_remove(),
        "idle" => faults_of_idle(),
        "id" => vec![
            ("no data", answered(""), Harmless),
            ("nothing to say", answered("* ID NIL\r\n"), Harmless),
            ("a number in place of a list", answered("* ID 99999999999999999999\r\n"), Harmless),
        ],
        _ => Vec::new(),
    }
}

/// These lines, and then all is well.
fn answered(lines: &str) -> Vec<Step> {
    vec![send(lines), tagged("OK done")]
}

fn faults_of_select() -> Vec<Row> {
    let without = Without(&["messages"], "the server sent no count of messages");
    vec![
        ("no data", answered(""), without),
        ("a number beyond 32 bits", answered("* 4294967296 EXISTS\r\n"), without),
        ("a number beyond 64 bits", answered("* 18446744073709551616 EXISTS\r\n"), without),
        ("a number in a literal", answered("* {1}\r\n3 EXISTS\r\n"), without),
    ]
}

fn faults_of_status() -> Vec<Row> {
    let without = Without(&["messages", "unseen"], "the server sent no count of messages");
    let no_unseen = Without(&["unseen"], "the server sent no count of unseen messages");
    vec![
        ("no data", answered(""), without),
        ("half of the data", answered("* STATUS Spam (MESSAGES 231)\r\n"), no_unseen),
        ("an empty list", answered("* STATUS Spam ()\r\n"), without),
        ("a number beyond 32 bits", answered("* STATUS Spam (MESSAGES 4294967296 UNSEEN 3)\r\n"), without),
        ("a number beyond 64 bits", answered("* STATUS Spam (MESSAGES 99999999999999999999 UNSEEN 3)\r\n"), without),
        ("a number in a literal", answered("* STATUS Spam (MESSAGES {3}\r\n231 UNSEEN 3)\r\n"), without),
    ]
}

fn faults_of_search() -> Vec<Row> {
    let without = Without(&["matches"], "the server sent no result of the search");
    vec![
        ("no data", answered(""), without),
        ("no count", answered("* ESEARCH (TAG \"a9\") UID\r\n"), without),
        ("a number beyond 32 bits", answered("* ESEARCH (TAG \"a9\") UID COUNT 4294967296\r\n"), without),
        ("a number beyond 64 bits", answered("* ESEARCH (TAG \"a9\") UID COUNT 99999999999999999999\r\n"), without),
        ("a number in a literal", answered("* ESEARCH (TAG \"a9\") UID COUNT {2}\r\n17\r\n"), without),
        ("a tag in a literal", answered("* ESEARCH (TAG {2}\r\na9) UID COUNT 17\r\n"), Harmless),
    ]
}

fn faults_of_age() -> Vec<Row> {
    let without = Without(&["oldest", "newest"], "the server sent no date of the oldest message");
    let dated = |lines: &str| vec![Step::SendDated(lines.to_owned()), tagged("OK done")];
    let oldest = "* 1 FETCH (INTERNALDATE \"<8640000>\")\r\n";
    let newest = "* 172 FETCH (INTERNALDATE \"<4320>\")\r\n";
    let between = "* 99 FETCH (FLAGS () INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n".repeat(200);
    let literal = oldest.replace("\"<8640000>\"", "{26}\r\n<8640000>");
    vec![
        ("no data", answered(""), without),
        ("no date", answered("* 1 FETCH (FLAGS ())\r\n* 172 FETCH (INTERNALDATE NIL)\r\n"), without),
        ("a date that is none", answered("* 1 FETCH (INTERNALDATE \"99-Foo-2026 25:61:61 +9999\")\r\n"), without),
        (
            "a year beyond 32 bits",
            answered("* 1 FETCH (INTERNALDATE \"17-Jul-4294967296 02:44:25 -0700\")\r\n"),
            without,
        ),
        ("a number beyond 32 bits", dated(&oldest.replace("1 F", "4294967296 F")), without),
        ("a number beyond 64 bits", dated(&oldest.replace("1 F", "99999999999999999999 F")), without),
        ("a date in a literal", dated(&format!("{literal}{newest}")), Harmless),
        ("more than was asked for", dated(&format!("{oldest}{between}{newest}")), Harmless),
        ("in another order", dated(&format!("{newest}{oldest}")), Harmless),
    ]
}

fn faults_of_quota() -> Vec<Row> {
    let without = Without(&["storage", "messages"], "the server sent no limit of the storage");
    let no_messages = Without(&["messages"], "the server sent no limit of the number of messages");
    let large = "* QUOTA \"\" (STORAGE 824000000000 1000000000000 MESSAGE 1250000000000 10000000000000)\r\n";
    vec![
        ("no data", answered("* QUOTAROOT INBOX\r\n"), without),
        ("no limit", answered("* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" ()\r\n"), without),
        ("no limit of messages", answered("* QUOTA \"\" (STORAGE 824 1000)\r\n"), no_messages),
        ("numbers beyond 32 bits", answered(large), Harmless),
        ("a number beyond 64 bits", answered("* QUOTA \"\" (STORAGE 18446744073709551616 1000)\r\n"), without),
        ("a number in a literal", answered("* QUOTA \"\" (STORAGE {3}\r\n824 1000)\r\n"), without),
        ("a root in a literal", answered("* QUOTA {0}\r\n (STORAGE 824 1000 MESSAGE 125 1000)\r\n"), Harmless),
    ]
}

fn faults_of_list() -> Vec<Row> {
    let rest = "* LIST () \"/\" a\r\n* LIST () \"/\" b\r\n* LIST () \"/\" c\r\n";
    vec![
        ("a name of many literals", answered(&format!("* LIST () {{1}}\r\n/ {{5}}\r\na\r\nb)\r\n{rest}")), Harmless),
        ("attributes that are numbers", answered(&format!("* LIST (99999999999999999999) NIL x\r\n{rest}")), Harmless),
    ]
}

fn faults_of_append() -> Vec<Row> {
    vec![
        ("no data", vec![tagged("OK done")], Harmless),
        ("no UID", vec![tagged("OK [APPENDUID 38505] done")], Harmless),
        ("a UID beyond 32 bits", vec![tagged("OK [APPENDUID 38505 4294967296] done")], Harmless),
        ("a UID beyond 64 bits", vec![tagged("OK [APPENDUID 38505 99999999999999999999] done")], Harmless),
        ("a UID without an end", vec![tagged("OK [APPENDUID 38505 43")], Harmless),
        ("a + without need", vec![send("+ go on\r\n"), tagged("OK done")], Lost("go on")),
    ]
}

fn faults_of_remove() -> Vec<Row> {
    let removed = |lines: &str, set: &str, expunged: &str| {
        let [store, expunge] = [format!("UID STORE {set} +"), format!("UID EXPUNGE {set}")];
        let rest = [expect(&store), tagged("OK done"), expect(&expunge), send(expunged), tagged("OK done")];
        [answered(lines), rest.into()].concat()
    };
    let found = |lines: &str| removed(lines, "41,43", "* 172 EXPUNGE\r\n* 170 EXPUNGE\r\n");
    let expunged = |lines: &str| removed("* SEARCH 43 41\r\n", "41,43", lines);
    let without = Without(&["removed"], "the server sent no result of the search");
    vec![
        ("no data", removed("", "43", "* 172 EXPUNGE\r\n"), without),
        ("a UID beyond 32 bits", found("* SEARCH 41 4294967296 43\r\n"), Harmless),
        ("a UID beyond 64 bits", found("* SEARCH 99999999999999999999 43 41\r\n"), Harmless),
        ("a UID twice", found("* SEARCH 43 41 43\r\n* SEARCH 41\r\n"), Harmless),
        ("a literal in place of a UID", found("* SEARCH 41 {2}\r\n77 43\r\n"), Harmless),
        ("others gone as well", expunged("* 9 EXPUNGE\r\n* 8 EXPUNGE\r\n* 7 EXPUNGE\r\n"), Harmless),
        ("reported later", expunged("* 172 EXISTS\r\n"), Harmless),
        ("a number of a message beyond 64 bits", expunged("* 99999999999999999999 EXPUNGE\r\n"), Harmless),
    ]
}

fn faults_of_idle() -> Vec<Row> {
    let agreed = |lines: &str| vec![send(lines), expect("DONE"), tagged("OK done")];
    vec![
        ("news before the +", agreed("* 173 EXISTS\r\n+ idling\r\n"), Harmless),
        ("news behind the +", agreed("+ idling\r\n* 173 EXISTS\r\n* 1 FETCH (BODY[] {2}\r\nhi)\r\n"), Harmless),
        ("a + without text", agreed("+\r\n"), Harmless),
        ("OK in place of the +", vec![tagged("OK done"), Step::Silence], Lost("OK done")),
    ]
}
