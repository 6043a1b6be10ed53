//! `arp`, IPv6 half: answers neighbour solicitations for our addresses (RFC 4861) and shows the director what it
//! wants to learn.

use std::net::Ipv6Addr;

use crate::net::{Addr, packet};
use crate::pass::{Pass, bits};
use crate::stat::Drop;
use crate::wire::ndisc::{self, Kind, Packet, Repr};
use crate::wire::{Fragment, MacAddr, Malformed};

/// Takes every neighbour solicitation and advertisement; router messages are none of our business.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp()) {
        let info = pass.info(i);
        let (Some(src), Some(dst)) = (info.src.as_v6(), info.dst.as_v6()) else { continue };
        if info.fragment == Fragment::Later {
            continue;
        }
        let message = info.l4(pass.frames[i].bytes());
        let nd = match Packet::new(message) {
            Ok(nd) => nd,
            Err(Malformed::BadType) => continue,
            Err(_) => {
                pass.drop(i, Drop::NdMalformed);
                continue;
            }
        };
        let Some(target) = nd.target() else { continue };
        // None is sent in fragments (RFC 6980).
        if info.fragment != Fragment::None || nd.check(src, dst, info.ttl).is_err() {
            pass.drop(i, Drop::NdMalformed);
            continue;
        }
        // Like ARP: a solicitation tells of its sender, an advertisement of its target.
        let (kind, station, about) = match nd.kind() {
            Kind::NeighborSolicitation => {
                (nd.kind(), nd.source_mac().unwrap_or(pass.ethernet(i).src), Addr::v6(src))
            }
            kind => (kind, nd.target_mac().unwrap_or(pass.ethernet(i).src), Addr::v6(target)),
        };
        if pass.snapshot.conflicts(about, station) {
            pass.punt(i);
            continue;
        }
        let answer = kind == Kind::NeighborAdvertisement;
        let news = match pass.snapshot.watched.get(about) {
            Some(known) => answer || *known != Some(station),
            None => false,
        };
        let own = pass.snapshot.own.get(Addr::v6(target)).filter(|own| own.port == Some(pass.port));
        match own.copied() {
            Some(own) if !answer => {
                if pass.snapshot.answerable(Addr::v6(target)).is_none() {
                    pass.drop(i, Drop::NotMaster);
                    continue;
                }
                if news {
                    pass.copy_to_director(i);
                }
                let (frame, len) = advertisement(src, station, target, own.mac);
                if pass.answer(i, &frame[..len]) {
                    pass.stats.work.resolved.add(1);
                }
            }
            _ if news => pass.punt(i),
            _ => pass.drop(i, Drop::NeighborOther),
        }
    }
}

/// The answer to a solicitation. One without source address (duplicate address detection) is told to everybody.
fn advertisement(src: Ipv6Addr, station: MacAddr, target: Ipv6Addr, mac: MacAddr) -> ([u8; 96], usize) {
    let solicited = !src.is_unspecified();
    let (to, dst) =
        if solicited { (station, src) } else { (MacAddr::multicast_v6(ndisc::ALL_NODES), ndisc::ALL_NODES) };
    let told =
        Repr::NeighborAdvertisement { target, target_mac: mac, router: false, solicited, replaces: true };
    let mut frame = [0; 96];
    let len = packet::nd(&mut frame, to, mac, target, dst, &told);
    (frame, len)
}
