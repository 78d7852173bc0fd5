//! The parts of `check_imap_session`, in the order in which a run goes through them; `main.rs` strings them together.
//!
//! Options make a plan (ordered phases with limits); a worker does the phases with plain blocking calls while a
//! supervisor holds all clocks and returns exactly one outcome per phase; outcomes and thresholds make states;
//! report and states make the output.

pub mod credentials;
pub mod imap;
pub mod net;
pub mod options;
pub mod output;
pub mod plan;
pub mod report;
pub mod run;
pub mod text;
