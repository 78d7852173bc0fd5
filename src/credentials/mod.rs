//! The password: where it comes from, how it is kept, and how it is masked. Nothing here knows IMAP.

pub mod command;
pub mod prompt;
pub mod redactor;
pub mod secret;
pub mod source;
