//! `access raw` and `access auto`: libpcap, unless it cannot send whole packets here.
//!
//! Frames within a few bytes of the MTU have been reported to be refused by a BPF device of Oracle Solaris. A balancer
//! that loses every full packet is worse than none, so one such frame is sent when the interface is opened, from the
//! interface to itself.

use crate::{Caps, OpenError, Port, TxQueue};

/// Bytes of an Ethernet header.
const HEADER: usize = 14;
/// Local experimental 1 (IEEE 802).
const PROTOCOL: [u8; 2] = [0x88, 0xb5];
/// Shortest frame, without FCS.
const SHORTEST: usize = 60;

/// What a door says to a frame as long as the MTU allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullSize {
    /// It takes it.
    Taken,
    /// It takes short ones only.
    Refused,
    /// It takes nothing now, so nothing is known: the link may be down.
    Unknown,
}

/// Sends a short and a full-sized frame by `tx`, from the interface to itself.
pub fn full_size(tx: &mut dyn TxQueue, caps: &Caps) -> FullSize {
    let mut send = |length: usize| {
        let mut frame = vec![0; length];
        frame[..6].copy_from_slice(&caps.mac);
        frame[6..12].copy_from_slice(&caps.mac);
        frame[12..HEADER].copy_from_slice(&PROTOCOL);
        tx.send_bytes(&frame).unwrap_or(false)
    };
    match (send(SHORTEST), send(HEADER + caps.mtu)) {
        (_, true) => FullSize::Taken,
        (true, false) => FullSize::Refused,
        (false, false) => FullSize::Unknown,
    }
}

/// Opens with `first`, unless that takes short frames only; then with `second`.
///
/// # Errors
/// Those of the door that was opened last.
pub fn best(
    first: impl FnOnce() -> Result<Box<dyn Port>, OpenError>,
    second: impl FnOnce() -> Result<Box<dyn Port>, OpenError>,
) -> Result<Box<dyn Port>, OpenError> {
    let port = first()?;
    let says = port.open_tx().map_or(FullSize::Unknown, |mut tx| full_size(&mut *tx, &port.caps()));
    if says == FullSize::Refused {
        drop(port);
        return second();
    }
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, MemoryWire};

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    /// A door that says it has an MTU of 1500 and takes packets of `takes` bytes.
    struct Short {
        port: memory::MemoryPort,
    }

    impl Port for Short {
        fn caps(&self) -> Caps {
            Caps { mtu: 1500, ..self.port.caps() }
        }
        fn take_rx(&mut self) -> Vec<Box<dyn crate::RxQueue>> {
            self.port.take_rx()
        }
        fn open_tx(&self) -> std::io::Result<Box<dyn TxQueue>> {
            self.port.open_tx()
        }
        fn link_up(&self) -> bool {
            true
        }
    }

    fn door(access: &'static str, takes: usize) -> (Box<dyn Port>, MemoryWire) {
        let (port, wire) = memory::port(Caps { mtu: takes, access, mac: MAC, queues: 1 });
        (Box::new(Short { port }), wire)
    }

    fn chosen(takes: usize, link: bool) -> (&'static str, Vec<usize>) {
        let (first, wire) = door("first", takes);
        wire.set_link(link);
        let port = best(|| Ok(first), || Ok(door("second", 1500).0)).unwrap();
        let sent = wire.take_sent();
        assert!(sent.iter().all(|frame| frame.bytes[..6] == MAC && frame.bytes[6..12] == MAC));
        (port.caps().access, sent.iter().map(|frame| frame.bytes.len()).collect())
    }

    #[test]
    fn a_door_that_takes_full_packets_is_kept() {
        assert_eq!(chosen(1500, true), ("first", vec![60, 1514]));
    }

    #[test]
    fn a_door_that_loses_the_last_bytes_of_a_packet_is_not() {
        assert_eq!(chosen(1499, true), ("second", vec![60]));
        assert_eq!(chosen(1486, true), ("second", vec![60]));
    }

    #[test]
    fn without_a_link_nothing_is_known_and_nothing_is_changed() {
        assert_eq!(chosen(1400, false), ("first", vec![]));
    }

    #[test]
    fn the_error_is_that_of_the_door_that_was_tried_last() {
        let fails = |why: &'static str| Err(OpenError::unsupported("net0", why));
        let first = best(|| fails("one"), || fails("two")).err().unwrap().to_string();
        assert_eq!(first, "cannot open interface net0: one");
        let second = best(|| Ok(door("first", 1400).0), || fails("two")).err().unwrap().to_string();
        assert_eq!(second, "cannot open interface net0: two");
    }
}
