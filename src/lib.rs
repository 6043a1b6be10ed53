//! bng: a packet-level load balancer with its own network stack.
#![forbid(unsafe_code)]

pub mod cli;
pub mod conf;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod director;
pub mod engine;
mod hash;
pub mod module;
pub mod net;
pub mod outbox;
pub mod seed;
pub mod slb;
pub mod snapshot;
pub mod stat;
pub mod time;
pub mod wire;
