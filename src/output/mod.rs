//! Reports as text, one file per format. No format judges, measures or prints.

pub mod nagios;
mod perfdata;
