//! bng: a packet-level load balancer with its own network stack.
//!
//! # The tour
//!
//! - A frame comes in through a door of [`bng_platform`] and meets the [`engine`], which takes its batch as a
//!   [`pass`] through the stages in [`module`] and [`slb`]; what is to happen stands in the [`outbox`] afterwards.
//! - The engine reads one immutable [`snapshot`]. The [`director`] makes it, from the configuration ([`conf`]) and
//!   from what it learns of the network ([`net`]).
//! - Both speak in the protocols of [`wire`], count in [`stat`], and take [`time`] and randomness ([`seed`]) as
//!   arguments: the same input gives the same output, on every machine, in every test.
//! - What happens is told as a [`note`]; a [`throttle`] keeps repetitions and floods out of the log.
//! - [`location`] says where clients are.
//! - [`cli`] is what operators type and read. `daemon` puts threads, clocks and sockets around all of it; without the
//!   feature of that name the library needs no operating system.
//!
//! `ARCHITECTURE.md` shows the same as a picture, with the rules that hold it.
#![forbid(unsafe_code)]

pub mod cli;
pub mod conf;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod director;
pub mod engine;
pub mod flow;
mod hash;
pub mod location;
pub mod module;
pub mod nat;
pub mod net;
pub mod note;
pub mod outbox;
pub mod pass;
pub mod seed;
pub mod slb;
pub mod snapshot;
pub mod stat;
pub mod throttle;
pub mod time;
pub mod wire;
