//! Transmission one frame at a time, for doors whose system takes finished frames only.

use std::io;

use crate::offload::{self, Cut};
use crate::{Batch, DoorStats, Frame, Meta};

/// What the system said to one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It took the frame.
    Sent,
    /// It does not take this frame.
    Refused,
}

/// Completes checksums and cuts oversized segments on the way to the system.
#[derive(Debug)]
pub(crate) struct Finisher {
    mtu: usize,
    /// Where segments are cut.
    buffer: Vec<u8>,
    pub(crate) stats: DoorStats,
}

impl Finisher {
    /// For an interface with packets of at most `mtu` bytes.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { mtu, buffer: Vec::new(), stats: DoorStats::default() }
    }

    /// Gives the frames of `mask` to `put`, finished, and returns the bits accepted. A segment of which one piece was
    /// refused counts as refused: its sender repeats what is missing.
    pub(crate) fn send(
        &mut self,
        batch: &mut Batch<'_>,
        mask: u64,
        mut put: impl FnMut(&[u8]) -> io::Result<Verdict>,
    ) -> io::Result<u64> {
        let mask = mask & batch.all();
        let mut accepted = 0;
        for (index, frame) in batch.frames_mut().iter_mut().enumerate() {
            let bit = 1 << index;
            if mask & bit == 0 {
                continue;
            }
            if self.one(frame, &mut put)? == Verdict::Sent {
                accepted |= bit;
            }
        }
        self.stats.sent += u64::from(accepted.count_ones());
        self.stats.refused += u64::from((mask & !accepted).count_ones());
        Ok(accepted)
    }

    /// Gives a frame that is finished already to `put`. `false`: refused.
    pub(crate) fn send_bytes(
        &mut self,
        frame: &[u8],
        put: impl FnOnce(&[u8]) -> io::Result<Verdict>,
    ) -> io::Result<bool> {
        let sent = offload::fits(frame, self.mtu) && put(frame)? == Verdict::Sent;
        let counter = if sent { &mut self.stats.sent } else { &mut self.stats.refused };
        *counter += 1;
        Ok(sent)
    }

    fn one(
        &mut self,
        frame: &mut Frame<'_>,
        mut put: impl FnMut(&[u8]) -> io::Result<Verdict>,
    ) -> io::Result<Verdict> {
        let meta = frame.meta;
        let Some(gso) = meta.gso else {
            if !offload::complete(frame.bytes_mut(), &meta) {
                return Ok(Verdict::Refused);
            }
            // Said to whoever gets the frame next: it is complete now.
            frame.meta = Meta::default();
            return if offload::fits(frame.bytes(), self.mtu) {
                put(frame.bytes())
            } else {
                Ok(Verdict::Refused)
            };
        };
        let mut failed = None;
        let mtu = self.mtu;
        let cut = offload::segment(frame.bytes(), &gso, meta.csum, &mut self.buffer, |piece| {
            offload::fits(piece, mtu)
                && match put(piece) {
                    Ok(verdict) => verdict == Verdict::Sent,
                    Err(error) => {
                        failed = Some(error);
                        false
                    }
                }
        });
        match (failed, cut) {
            (Some(error), _) => Err(error),
            (None, Cut::All(_)) => Ok(Verdict::Sent),
            (None, Cut::Stopped | Cut::Malformed) => Ok(Verdict::Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Csum, Gso, GsoKind};

    /// TCP over IPv4 with `payload` bytes, its checksum partial.
    fn frame(payload: usize) -> (Vec<u8>, Csum) {
        let mut f = vec![0; 14 + 40 + payload];
        f[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        f[16..18].copy_from_slice(&(40 + payload as u16).to_be_bytes());
        f[23] = 6;
        f[46] = 0x50;
        let csum = offload::make_partial(&mut f).unwrap();
        (f, csum)
    }

    #[test]
    fn every_frame_leaves_finished_or_is_refused_and_counted() {
        let (mut small, csum) = frame(100);
        let (mut segment, _) = frame(4000);
        let (mut long, _) = frame(2000);
        let (mut outside, _) = frame(10);
        let gso = Gso { kind: GsoKind::TcpV4, size: 1460, header_len: 54, ecn: false };
        let mut batch = Batch::new();
        batch.push(Frame::new(&mut small, Meta { csum, gso: None }));
        batch.push(Frame::new(&mut segment, Meta { csum, gso: Some(gso) }));
        batch.push(Frame::new(&mut long, Meta { csum, gso: None }));
        batch.push(Frame::new(
            &mut outside,
            Meta { csum: Csum::Partial { start: 60, offset: 16 }, gso: None },
        ));
        let mut lengths = Vec::new();
        let mut finisher = Finisher::new(1500);
        let mut put = |frame: &[u8]| {
            // A finished frame does not look partial.
            assert_eq!(offload::guess(&mut frame.to_vec(), 1500), Meta::default());
            lengths.push(frame.len());
            Ok(Verdict::Sent)
        };
        assert_eq!(finisher.send(&mut batch, u64::MAX, &mut put).unwrap(), 0b0011);
        assert_eq!(batch.frames()[0].meta, Meta::default());
        // Again: what was completed is not touched.
        assert_eq!(finisher.send(&mut batch, 0b0001, &mut put).unwrap(), 0b0001);
        assert_eq!(lengths, [154, 1514, 1514, 54 + 4000 - 2 * 1460, 154]);
        assert_eq!(finisher.stats, DoorStats { sent: 3, refused: 2, ..DoorStats::default() });
    }

    #[test]
    fn a_segment_with_a_refused_piece_is_refused_and_an_error_ends_the_batch() {
        let (mut segment, csum) = frame(4000);
        let gso = Gso { kind: GsoKind::TcpV4, size: 1460, header_len: 54, ecn: false };
        let mut batch = Batch::new();
        batch.push(Frame::new(&mut segment, Meta { csum, gso: Some(gso) }));
        let mut finisher = Finisher::new(1500);
        let mut pieces = 0;
        let accepted = finisher.send(&mut batch, 1, |_| {
            pieces += 1;
            Ok(if pieces == 2 { Verdict::Refused } else { Verdict::Sent })
        });
        assert_eq!((accepted.unwrap(), pieces), (0, 2));
        assert!(finisher.send(&mut batch, 1, |_| Err(io::Error::other("gone"))).is_err());
        assert!(!finisher.send_bytes(&[0; 1515], |_| Ok(Verdict::Sent)).unwrap());
        assert_eq!(finisher.stats, DoorStats { refused: 2, ..DoorStats::default() });
    }
}
