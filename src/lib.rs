//! The parts of `check_imap_session`; `main.rs` strings them together.
//!
//! Options make a plan: ordered phases, each with its limit, states and thresholds. A worker thread does the phases with
//! plain blocking calls, while the supervisor watches every limit and makes exactly one outcome per phase. The judge makes
//! states of the outcomes, and an output format makes text of the judged report.
//!
//! Each module imports only those that stand above it in this list.

#![cfg_attr(not(feature = "portable"), forbid(unsafe_code))]

pub mod text;

pub mod replacement;

pub mod facts;
pub mod failure;
pub mod remark;

pub mod credentials;
pub mod net;

pub mod imap;

pub mod oauth;

pub mod operation;

pub mod plan;

pub mod report;

pub mod run;

pub mod output;

pub mod options;

pub mod ask;

pub mod check;

pub mod repeat;
