//! What people read agrees with what the program does: manual pages, completions, README, Makefile,
//! systemd units.
//!
//! That the files which `packaging/files.txt` lists exist is checked in `tests/packaging.rs`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is checked here are files, some of them by other programs"
)]

mod completion;
mod generated;
mod language;
mod manual;
mod mdoc;
mod page;
mod program;
mod readme;
mod units;
