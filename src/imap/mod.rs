//! IMAP as far as any command needs it. The commands themselves are in `operation`.

pub mod dialogue;
pub mod mailbox_name;
pub mod stream;
