//! A network of namespaces with real peers around bng, for the end-to-end tests and the benchmark.
//!
//! ```text
//!    client        balancer       web1        web2       each box: a network namespace
//!      |              |             |           |        each line: a veth pair
//!   ===================== br0 =========================  one bridge in the namespace `switch`
//! ```
//!
//! - [`sandbox`]: everything below happens in one, so that nothing can be left behind;
//! - [`World`], [`Host`]: namespaces, cables and addresses;
//! - [`Bng`]: one instance of bng, driven only by its command line;
//! - [`Service`], [`web`], [`sshd`], [`keepalived`], [`Echo`]: the peers;
//! - [`Decap`]: the far end of a tunnel;
//! - [`Capture`]: what tcpdump saw on a wire;
//! - [`datagrams`]: fragments, and datagrams for hardware to cut;
//! - [`tcp`]: connections from many addresses;
//! - [`wait`]: waiting for a condition with a deadline.
//!
//! Whatever goes wrong in here is a failed test: functions panic with the command and its output.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod bng;
mod capture;
pub mod datagrams;
mod decap;
mod echo;
mod host;
pub mod keepalived;
pub mod sandbox;
mod service;
pub mod sshd;
pub mod tcp;
pub mod wait;
pub mod web;
mod world;

pub use bng::Bng;
pub use capture::Capture;
pub use decap::{Decap, Tunnel};
pub use echo::Echo;
pub use host::Host;
pub use service::Service;
pub use world::World;
