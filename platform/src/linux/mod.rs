//! The doors of Linux.

mod filter;
pub(crate) mod raw;
pub(crate) mod request;
mod ring;
mod socket;
pub(crate) mod tap;
mod vnet;
