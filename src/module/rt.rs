//! `rt`: routes packets for others between networks and to the gateway, when `set ipforwarding 1` asks for it.
//!
//! Redirects are not sent: a host that goes through the balancer has been told to.

use crate::pass::{Pass, bits};

/// Takes every packet that was sent to our station, but not to one of our addresses.
pub fn run(pass: &mut Pass<'_, '_>) {
    if !pass.snapshot.forwarding {
        return;
    }
    for i in bits(pass.ipv4() | pass.ipv6()) {
        let (info, snapshot) = (pass.info(i), pass.snapshot);
        if pass.ethernet(i).dst.is_multicast() || snapshot.own.get(info.dst).is_some() {
            continue;
        }
        if let Some(reason) = pass.unroutable(i) {
            pass.drop(i, reason);
        } else if let Some(way) = pass.way(i, info.dst) {
            pass.send(i, &way);
        }
    }
}
