//! The age of the first and the last message of a mailbox, by their INTERNALDATE (RFC 9051 section 2.3.3).

use chrono::{DateTime, Utc};
use imap_proto::{AttributeValue, Response};

use super::{Access, Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Value, Yield, seconds_of};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;

/// FETCH of two dates.
pub static AGE: Operation = Operation {
    name: "age",
    help: "FETCH: shows how long ago the server received the first and the last message of the mailbox",
    takes: Takes::Mailbox,
    part: Part::Task { needs: Some(Access::Reading), opens: None, perform: fetch_ages },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&OLDEST, &NEWEST],
};

/// Of the first message.
pub static OLDEST: Figure = Figure {
    name: "oldest",
    help: "seconds since the first message arrived; an empty mailbox has none, and then no threshold is crossed",
    unit: Unit::Age,
    metric: Metric { name: "message_age_seconds", help: METRIC_HELP, labels: &[("which", "oldest")] },
    absent: "date of the oldest message",
    describe: |seconds| format!("oldest message {} old", describe_age(seconds)),
};

/// Of the last message.
pub static NEWEST: Figure = Figure {
    name: "newest",
    help: "seconds since the last message arrived; an empty mailbox has none, and then every threshold is crossed",
    unit: Unit::Age,
    metric: Metric { name: "message_age_seconds", help: METRIC_HELP, labels: &[("which", "newest")] },
    absent: "date of the newest message",
    describe: |seconds| format!("newest message {} old", describe_age(seconds)),
};

const METRIC_HELP: &str = "Time since the oldest or the newest message of the mailbox came.";
/// `17-Jul-1996 02:44:25 -0700` (RFC 9051 section 9, date-time).
const DATE_FORMAT: &str = "%d-%b-%Y %H:%M:%S %z";

fn fetch_ages(dialogue: &mut Dialogue, _: &Task<'_>) -> Result<Yield, Failure> {
    if dialogue.mailbox.exists == Some(0) {
        let values = vec![(&OLDEST, Value::Void), (&NEWEST, Value::Missing("the mailbox is empty"))];
        return Ok(Yield { values, notes: vec!["the mailbox is empty".to_owned()] });
    }
    // Number of the message, and its date.
    let mut dates: Vec<(u32, DateTime<Utc>)> = Vec::new();
    dialogue.command(&[Word::Atom("FETCH"), Word::Atom("1,*"), Word::Atom("(INTERNALDATE)")], |untagged| {
        let date = untagged.parse(|response| {
            let Response::Fetch(number, attributes) = response else { return None };
            let text = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::InternalDate(text) => Some(text.trim()),
                _ => None,
            })?;
            let date = DateTime::parse_from_str(text, DATE_FORMAT).ok()?;
            Some((*number, date.to_utc()))
        });
        // Two are asked for: a server that sends more fills no memory.
        dates.extend(date);
        dates.sort_unstable();
        if dates.len() > 2 {
            dates.remove(1);
        }
    })?;
    let now = seconds_of(Utc::now());
    // The clock of the server may be ahead.
    let age = |(_, date): &(u32, DateTime<Utc>)| (now - seconds_of(*date)).round().max(0.0);
    Ok(Yield::default().with(&OLDEST, dates.first().map(age)).with(&NEWEST, dates.last().map(age)))
}

/// `12 s`, `5 min 10 s`, `1 h 12 min`, `3 days 4 h`: two units, the largest that are not zero.
fn describe_age(seconds: f64) -> String {
    let divide = |by: f64| (seconds / by).floor();
    let rest = |whole: f64, part: f64| ((seconds % whole) / part).floor();
    let (minutes, hours, days) = (divide(60.0), divide(3600.0), divide(86_400.0));
    if days >= 1.0 {
        format!("{days} day{} {} h", if days > 1.0 { "s" } else { "" }, rest(86_400.0, 3600.0))
    } else if hours >= 1.0 {
        format!("{hours} h {} min", rest(3600.0, 60.0))
    } else if minutes >= 1.0 {
        format!("{minutes} min {} s", rest(60.0, 1.0))
    } else {
        format!("{seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_the_two_units_that_matter() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (59.0, "59 s"),
            (310.0, "5 min 10 s"),
            (4320.0, "1 h 12 min"),
            (86_400.0, "1 day 0 h"),
            (273_600.0, "3 days 4 h"),
        ] {
            assert_eq!(describe_age(seconds), text);
        }
    }

    #[test]
    fn dates_of_servers_are_read() {
        for text in ["17-Jul-1996 02:44:25 -0700", "5-Nov-2020 19:12:34 +0000", "05-Nov-2020 19:12:34 +0000"] {
            assert!(DateTime::parse_from_str(text, DATE_FORMAT).is_ok(), "{text}");
        }
    }
}
