//! `arp`, IPv4 half: answers ARP requests for our addresses and shows the director what it wants to learn.

use crate::net::Addr;
use crate::pass::{Pass, bits};
use crate::stat::Drop;
use crate::wire::ETHERNET_HEADER_LEN;
use crate::wire::arp::{Operation, Packet, Repr};

/// Takes every ARP frame.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.arp()) {
        let Ok(arp) = Packet::new(&pass.frames[i].bytes()[ETHERNET_HEADER_LEN..]) else {
            pass.drop(i, Drop::ArpMalformed);
            continue;
        };
        let (sender, target) = (Addr::v4(arp.sender()), Addr::v4(arp.target()));
        let station = arp.sender_mac();
        if pass.snapshot.conflicts(sender, station) {
            pass.punt(i);
            continue;
        }
        let reply = arp.operation() == Operation::Reply;
        let news = match pass.snapshot.watched.get(sender) {
            Some(known) => reply || *known != Some(station),
            None => false,
        };
        if reply {
            if news {
                pass.punt(i)
            } else {
                pass.drop(i, Drop::NeighborOther)
            }
            continue;
        }
        let own = pass.snapshot.own.get(target).filter(|own| own.port == Some(pass.port));
        let Some(own) = own else {
            if news {
                pass.punt(i)
            } else {
                pass.drop(i, Drop::NeighborOther)
            }
            continue;
        };
        if pass.snapshot.answerable(target).is_none() {
            pass.drop(i, Drop::NotMaster);
            continue;
        }
        let answer = Repr::reply_to(&arp, own.mac).emit_frame(station);
        if news {
            pass.copy_to_director(i);
        }
        if pass.answer(i, &answer) {
            pass.stats.work.resolved.add(1);
        }
    }
}
