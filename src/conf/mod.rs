//! The configuration language: one for the file and for typed lines.
//!
//! ```text
//!   text -> lexer -> parser -> Config (what was said) -> interpret -> Model (what it means)
//!                      |          |
//!                  diagnostics    +-> writer (save), diff, complete
//! ```
//!
//! The statement table in `statement.rs` drives all of it. [`Config`] is the way in.

mod argument;
pub mod check;
mod complete;
mod config;
mod diagnostic;
mod diff;
mod interpret;
mod kept;
mod keyword;
mod kind;
mod lexer;
mod manual;
pub mod model;
mod parser;
mod ports;
mod statement;
mod verb;
mod writer;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use argument::{Arg, Choice, Standing, Value};
pub use complete::{Candidate, complete, first_words};
pub use config::{Config, TEXT_MAX};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, Diagnostics, Place, Severity};
pub use diff::diff;
pub use kept::Kept;
pub use keyword::{Match, nearest, unique_prefix};
pub use kind::Kind;
pub use manual::{Article, wrapped};
pub use statement::{Effect, Origin, STATEMENTS, Statement, Verb, describe, known_names, statement_called};
pub use writer::Header;
