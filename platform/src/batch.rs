//! Frames and batches: what a receive queue hands out and a transmit queue takes.
//!
//! A batch borrows its frames in place from the queue that received them. Nothing is copied and nothing is
//! initialised for the slots that are not used.

use arrayvec::ArrayVec;

/// Most frames in one batch; one bit of a `u64` mask stands for each.
pub const BATCH_MAX: usize = 64;

/// State of the layer-4 checksum of a received frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Csum {
    /// As on the wire; right or wrong, nothing is missing.
    #[default]
    Complete,
    /// The sender left it to hardware: sum from byte `start` of the frame to its end and store the result at
    /// `start + offset`, where the sum of the pseudo header already stands (`struct virtio_net_hdr`).
    Partial {
        /// First summed byte, counted from the start of the frame.
        start: u16,
        /// Place of the checksum, counted from `start`.
        offset: u16,
    },
}

/// Kind of an oversized segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP in IPv4.
    TcpV4,
    /// TCP in IPv6.
    TcpV6,
    /// UDP of either family, cut into datagrams of equal size.
    Udp,
}

/// A segment larger than the MTU, to be cut by hardware or by [`crate::offload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gso {
    /// Protocol.
    pub kind: GsoKind,
    /// Payload bytes of every piece but the last; 0 where the door cannot tell, so that nobody can cut.
    pub size: u16,
    /// Bytes of all headers, Ethernet included.
    pub header_len: u16,
    /// The first piece carries CWR (`VIRTIO_NET_HDR_GSO_ECN`).
    pub ecn: bool,
}

/// What the bytes of a frame do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// Layer-4 checksum.
    pub csum: Csum,
    /// Set when the frame must be cut before it fits the wire.
    pub gso: Option<Gso>,
}

/// One Ethernet frame, borrowed in place.
#[derive(Debug)]
pub struct Frame<'q> {
    bytes: &'q mut [u8],
    /// What the bytes do not say.
    pub meta: Meta,
}

impl<'q> Frame<'q> {
    /// A frame over `bytes`, from the destination address to the last byte of payload.
    pub fn new(bytes: &'q mut [u8], meta: Meta) -> Self {
        Self { bytes, meta }
    }

    /// The frame, from the destination address on.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// The frame, to be rewritten in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Length in bytes, without FCS.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Drops the first `n` bytes, for a header that was moved forward over them; offsets in `meta` follow.
    ///
    /// # Panics
    /// When the frame is shorter than `n`.
    pub fn strip_front(&mut self, n: u16) {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = &mut bytes[usize::from(n)..];
        if let Csum::Partial { start, .. } = &mut self.meta.csum {
            *start = start.saturating_sub(n);
        }
        if let Some(gso) = &mut self.meta.gso {
            gso.header_len = gso.header_len.saturating_sub(n);
        }
    }

    /// Drops all behind the first `len` bytes; nothing when there are no more.
    pub fn truncate(&mut self, len: usize) {
        let bytes = std::mem::take(&mut self.bytes);
        let len = len.min(bytes.len());
        self.bytes = &mut bytes[..len];
    }

    /// True for a frame of no bytes, which no door delivers.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Up to [`BATCH_MAX`] frames of one receive queue.
#[derive(Debug, Default)]
pub struct Batch<'q> {
    frames: ArrayVec<Frame<'q>, BATCH_MAX>,
}

impl<'q> Batch<'q> {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a frame; the caller checks [`Batch::is_full`] first.
    ///
    /// # Panics
    /// When the batch is full.
    pub fn push(&mut self, frame: Frame<'q>) {
        self.frames.push(frame);
    }

    /// True when no frame fits any more.
    pub fn is_full(&self) -> bool {
        self.frames.is_full()
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// True when nothing was received.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames.
    pub fn frames(&self) -> &[Frame<'q>] {
        &self.frames
    }

    /// The frames, to be rewritten in place.
    pub fn frames_mut(&mut self) -> &mut [Frame<'q>] {
        &mut self.frames
    }

    /// Mask with one bit set for every frame.
    pub fn all(&self) -> u64 {
        if self.len() == 64 { u64::MAX } else { (1 << self.len()) - 1 }
    }
}
