//! What the balancer knows of the network around it.

mod addrmap;
pub mod icmp_error;
pub mod neighbor;
pub mod packet;
pub mod translate;

pub use addrmap::AddrMap;

pub use crate::wire::Addr;

/// Number of an interface, as in `interface N`: 1 to 255.
pub type PortId = u8;
