//! Name to addresses, addresses to a TCP connection, TLS over it. Nothing here knows IMAP.

pub mod connect;
pub mod tls;
