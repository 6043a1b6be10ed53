//! The stages of the packet chain, in the words of the `modules` statement.
//!
//! A module is a function over a [`Pass`](crate::pass::Pass): it walks the frames of the batch that nobody has
//! taken yet and answers, forwards, drops or punts those that are its business. What needs memory across batches
//! and is not per worker (elections, checks, neighbours) lives in the [director](crate::director); a module then
//! only validates and punts.

pub mod arp;
pub mod benchmark;
pub mod hc;
pub mod master;
pub mod nd;
pub mod ping;
pub mod rt;
pub mod vrrp;
