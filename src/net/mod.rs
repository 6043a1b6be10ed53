//! What the balancer knows of the network around it.

mod addrmap;
pub mod bucket;
pub mod fragment;
pub mod fragment_ports;
pub mod icmp_error;
pub mod neighbor;
pub mod packet;
pub mod reset;
pub mod route;
pub mod translate;
pub mod waiting;

pub use addrmap::AddrMap;

pub use crate::wire::Addr;

/// Number of an interface, as in `interface N`: 1 to 255.
pub type PortId = u8;
