//! The control language: commands, completion, the tables of `show`, and the bytes on the control socket.
//!
//! All of it is text in and text out. Sockets and terminals are in [`crate::daemon`].

#[cfg(feature = "daemon")]
pub mod args;
pub mod commands;
pub mod input;
pub mod protocol;
pub mod save;
pub mod show;
pub mod source;
pub mod tools;
pub mod version;
