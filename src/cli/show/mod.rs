//! What `show` prints: one file per table. Each defines its rows as plain data and turns them into text and into JSON; who fills
//! the rows is the daemon's affair.

pub mod arp;
pub mod benchmark;
pub mod commandlog;
pub mod conffile;
pub mod configuration;
pub mod counters;
pub mod drops;
pub mod dump;
pub mod gateway;
pub mod instance;
pub mod interfaces;
pub mod ipdb;
pub mod json;
pub mod lgrp;
pub mod license;
pub mod locations;
pub mod modules;
pub mod nat;
pub mod networks;
pub mod nodeid;
pub mod parameters;
pub mod pools;
pub mod servers;
pub mod sessions;
pub mod snapshots;
pub mod table;
pub mod targets;
pub mod threads;
pub mod uptime;
pub mod vips;
pub mod vrrp;
