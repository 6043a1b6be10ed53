//! bng: a packet-level load balancer with its own network stack.
#![forbid(unsafe_code)]

pub mod cli;
pub mod conf;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod seed;
pub mod time;
