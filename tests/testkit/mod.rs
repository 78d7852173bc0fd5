//! What the test programs share: a scripted server, the runner of the plugin, a private Dovecot, and the grammar of the
//! output. Nothing is judged here that belongs to one test alone.
pub mod connection;
pub mod dovecot;
pub mod identity;
pub mod nagios;
pub mod plugin;
pub mod prometheus;
pub mod server;
pub mod step;
