//! Simulations of whole nodes on one network: no thread, no clock, no socket.
//!
//! A [`world::World`] carries frames between [`node::Node`]s and [`host::Host`]s over a learning switch, in simulated
//! time, and loses, delays and doubles them as its seed says. `BNG_SIM_SEED=n` replays one seed of the election.

mod balance;
mod boundary;
mod checks;
mod config;
mod counters;
mod crowd;
mod election;
mod failover;
#[path = "../corpus/frame.rs"]
mod frame;
mod host;
mod node;
mod ping;
mod pressure;
mod reload;
mod routing;
mod switch;
mod traffic;
mod translation;
mod world;
