//! The parts of `check_imap_session`, in the order in which a run goes through them; `main.rs` strings them together.
//!
//! Options make a plan (ordered phases with limits); a worker does the phases with plain blocking calls while a
//! supervisor holds all clocks and returns exactly one outcome per phase; outcomes and thresholds make states;
//! report and states make the output.

pub mod deliver;
pub mod dialogue;
pub mod event;
pub mod every;
pub mod extra_opts;
pub mod inbox;
pub mod judge;
pub mod mailbox;
pub mod options;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod secret;
pub mod session;
pub mod signals;
pub mod stream;
pub mod supervisor;
pub mod text;
pub mod textfile;
pub mod threshold;
pub mod tls;

mod connect;
mod values;
