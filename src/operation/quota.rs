//! GETQUOTAROOT (RFC 9208 section 4.1.2): how full the quota of a mailbox is.

use imap_proto::Response;
use imap_proto::rfc2087::QuotaResourceName;

use super::{Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::mailbox_name;

/// GETQUOTAROOT.
pub static QUOTA: Operation = Operation {
    name: "quota",
    help: "GETQUOTAROOT: shows how full the quota of the mailbox is, default INBOX; if it has several quota roots, the fullest counts",
    takes: Takes::MailboxOrNothing,
    part: Part::Task { needs: None, opens: None, perform: query_quota },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&STORAGE, &MESSAGE],
};

/// Of the space.
pub static STORAGE: Figure = Figure {
    name: "storage",
    help: "used part of the space in per cent, if there is a limit",
    unit: Unit::Percent,
    metric: Metric { name: "quota_used_ratio", help: METRIC_HELP, labels: &[("resource", "storage")] },
    absent: "limit of the storage",
    describe: |per_cent| format!("storage {per_cent:.1} %"),
};

/// Of the number of messages.
pub static MESSAGE: Figure = Figure {
    name: "messages",
    help: "used part of the number of messages in per cent, if there is a limit",
    unit: Unit::Percent,
    metric: Metric { name: "quota_used_ratio", help: METRIC_HELP, labels: &[("resource", "messages")] },
    absent: "limit of the number of messages",
    describe: |per_cent| format!("messages {per_cent:.1} %"),
};

const METRIC_HELP: &str = "Used part of the quota, 1 if it is full.";

fn query_quota(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    dialogue.require("QUOTA")?;
    let (mut storage, mut messages) = (None, None);
    let mailbox = mailbox_name::encode(if task.target.is_empty() { "INBOX" } else { task.target });
    dialogue.command(&[Word::Atom("GETQUOTAROOT"), Word::Text(mailbox.as_bytes())], |untagged| {
        untagged.parse(|response| {
            let Response::Quota(quota) = response else { return None };
            for resource in &quota.resources {
                let fullest = match resource.name {
                    QuotaResourceName::Storage => &mut storage,
                    QuotaResourceName::Message => &mut messages,
                    QuotaResourceName::Atom(_) => continue,
                };
                let used = divide(resource.usage, resource.limit);
                *fullest = Some(fullest.map_or(used, |other: f64| other.max(used)));
            }
            Some(())
        });
    })?;
    Ok(Yield::default().with(&STORAGE, storage).with(&MESSAGE, messages))
}

/// A limit of 0 allows nothing, so that it is full.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "a ratio needs no more than 52 bits")]
fn divide(usage: u64, limit: u64) -> f64 {
    if limit == 0 { 1.0 } else { usage as f64 / limit as f64 }
}
