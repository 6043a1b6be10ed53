//! `rt`: routes packets for others between networks and to the gateway, when `set ipforwarding 1` asks for it.
//!
//! Redirects are not sent: a host that goes through the balancer has been told to.

use std::net::IpAddr;

use crate::net::Addr;
use crate::pass::{Pass, bits};
use crate::stat::Drop;

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
        let unroutable = |addr| is_martian(addr) || snapshot.routes.is_broadcast(addr);
        if snapshot.own.get(info.src).is_some() {
            pass.drop(i, Drop::OwnSource);
        } else if unroutable(info.src) || unroutable(info.dst) {
            pass.drop(i, Drop::Martian);
        } else if let Some(way) = pass.way(i, info.dst) {
            pass.send(i, &way);
        }
    }
}

/// Addresses that stand in no packet between networks (RFC 1812 section 5.3.7, RFC 3927 section 2.7, RFC 4291).
fn is_martian(addr: Addr) -> bool {
    match addr.to_ip() {
        IpAddr::V4(v4) => {
            let first = v4.octets()[0];
            first == 0 || first >= 224 || v4.is_loopback() || v4.is_link_local()
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_single_hosts_beyond_a_link_are_routed() {
        for (addr, martian) in [
            ("0.1.2.3", true),
            ("127.9.9.9", true),
            ("169.254.1.1", true),
            ("224.0.0.1", true),
            ("240.0.0.1", true),
            ("255.255.255.255", true),
            ("10.0.0.1", false),
            ("223.255.255.254", false),
            ("::", true),
            ("::1", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("2001:db8::1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_martian(addr.parse::<IpAddr>().unwrap().into()), martian, "{addr}");
        }
    }
}
