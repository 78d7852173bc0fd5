//! IMAP as far as every command needs it. Nothing here knows the command line or the report.

pub mod auth;
pub mod command;
pub mod dialogue;
pub mod last_words;
pub mod mailbox_name;
pub mod open_mailbox;
mod reader;
pub mod response;
pub mod stream;
