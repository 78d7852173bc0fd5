//! The password: where it comes from, how it is kept, and how it is masked. Nothing here knows IMAP.

pub mod secret;
