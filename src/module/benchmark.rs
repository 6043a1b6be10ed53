//! `benchmark`: takes the frames that the command `benchmark` sends from one interface to another, and counts them.
//!
//! They are UDP datagrams to the discard port between addresses that are reserved for measuring (RFC 2544 appendix C,
//! RFC 6890), so that no network and no server can be meant by them.

use std::net::Ipv4Addr;

use crate::net::Addr;
use crate::pass::{Pass, bits};
use crate::wire::{ETHERNET_HEADER_LEN, MacAddr, ethernet, ethertype, ipv4, protocol, udp};

/// Where the frames claim to come from.
const SOURCE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Where they go.
const SINK: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// Port at either end: discard (RFC 863).
const DISCARD: u16 = 9;

/// Takes the frames of a benchmark; all others pass.
pub fn run(pass: &mut Pass<'_, '_>) {
    let (source, sink) = (Addr::from(SOURCE), Addr::from(SINK));
    for i in bits(pass.ipv4()) {
        let info = pass.info(i);
        if (info.src, info.dst, info.proto, info.dport) == (source, sink, protocol::UDP, DISCARD) {
            pass.pending &= !(1 << i);
            pass.stats.work.benchmarked.add(1);
        }
    }
}

/// A frame of `len` bytes (FCS not counted) from station `from` to station `to` that [`run`] takes.
///
/// # Panics
/// When `len` is not at least 42.
pub fn frame(to: MacAddr, from: MacAddr, len: u16) -> Vec<u8> {
    let mut frame = vec![0; usize::from(len)];
    let ip = usize::from(len) - ETHERNET_HEADER_LEN - ipv4::HEADER_LEN;
    let payload = vec![0; ip - udp::HEADER_LEN];
    ethernet::Repr { dst: to, src: from, ethertype: ethertype::IPV4 }.emit(&mut frame);
    let header = ipv4::Repr {
        src: SOURCE,
        dst: SINK,
        protocol: protocol::UDP,
        // Never routed.
        ttl: 1,
        tos: 0,
        ident: 0,
        dont_fragment: true,
        payload_len: ip as u16,
    };
    header.emit(&mut frame[ETHERNET_HEADER_LEN..]);
    let datagram = udp::Repr { src_port: DISCARD, dst_port: DISCARD, payload: &payload };
    datagram.emit(SOURCE.into(), SINK.into(), &mut frame[ETHERNET_HEADER_LEN + ipv4::HEADER_LEN..]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::Module;
    use crate::engine::Engine;
    use crate::net::AddrMap;
    use crate::outbox::Outbox;
    use crate::seed::Seed;
    use crate::snapshot::{Port, Snapshot};
    use crate::stat::{Drop, WorkerStats};
    use crate::time::Instant;
    use bng_platform::{Batch, Frame, Meta};
    use std::sync::Arc;

    #[test]
    fn the_module_takes_benchmark_frames_to_our_station_and_nothing_else() {
        let (us, peer) = (MacAddr([6, 0, 10, 0, 0, 1]), MacAddr([6, 0, 10, 0, 1, 1]));
        let port = Port { real_macs: vec![us], macs: vec![us], mtu: 1500 };
        let chain = |modules: &[Module]| Snapshot {
            modules: modules.to_vec(),
            master: true,
            ports: vec![None, Some(port.clone())],
            own: AddrMap::build(&[]),
            ..Snapshot::empty()
        };
        let count = |snapshot: &Snapshot, mut bytes: Vec<u8>| {
            let stats = Arc::new(WorkerStats::default());
            let mut engine = Engine::new(1, stats.clone(), Seed::new(1));
            let mut batch = Batch::new();
            batch.push(Frame::new(&mut bytes, Meta::default()));
            engine.process(Instant::ZERO, snapshot, &mut batch, &mut Outbox::default());
            (stats.work.benchmarked.get(), stats.drops(Drop::NotRouted), stats.drops(Drop::OtherStation))
        };
        let loaded = chain(&[Module::Arp, Module::Benchmark]);
        for len in [60, 1514, 9014] {
            assert_eq!(frame(us, peer, len).len(), usize::from(len));
            assert_eq!(count(&loaded, frame(us, peer, len)), (1, 0, 0));
        }
        assert_eq!(count(&loaded, frame(peer, us, 60)), (0, 0, 1));
        assert_eq!(count(&chain(&[Module::Arp]), frame(us, peer, 60)), (0, 1, 0));
        let mut other_port = frame(us, peer, 60);
        other_port[37] = 7;
        assert_eq!(count(&loaded, other_port), (0, 1, 0));
    }
}
