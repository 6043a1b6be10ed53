//! What `show` prints: one file per table. Each defines its rows as plain data and turns them into text and into JSON; who fills
//! the rows is the daemon's affair.

pub mod arp;
pub mod benchmark;
pub mod configuration;
pub mod drops;
pub mod dump;
pub mod interfaces;
pub mod json;
pub mod modules;
pub mod networks;
pub mod servers;
pub mod sessions;
pub mod table;
pub mod targets;
pub mod uptime;
pub mod vrrp;
