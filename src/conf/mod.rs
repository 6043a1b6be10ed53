//! The configuration language.

pub mod model;
