//! What the test programs share: what a run is to do and what must come of it (`plan`, `task`,
//! `exchange`, `labels`, `invariants`), the scripted server (`server`, `step`, `well_behaved`), a private Dovecot, the runner of the plugin (`plugin`,
//! on a terminal `terminal` and `screen`), the grammar of its output (`nagios`, `json`, `prometheus`), and how other programs read it (`schedulers`). A new operation needs one row, in `exchange`.
mod connection;
pub mod dovecot;
pub mod exchange;
pub mod identity;
pub mod invariants;
pub mod json;
pub mod judging;
pub mod labels;
pub mod linkage;
pub mod login;
pub mod nagios;
pub mod plan;
pub mod plugin;
pub mod prometheus;
pub mod schedulers;
pub mod scram;
pub mod screen;
pub mod server;
pub mod step;
pub mod task;
pub mod terminal;
pub mod well_behaved;
