//! Direct server return: only the stations change, the packet stays as the client sent it.

use bng_platform::Frame;

use crate::snapshot::Hop;

/// Sends `frame` on to the target behind `hop`. Checksums and addresses of the packet are not touched, so partial
/// checksums and oversized segments pass through as they are.
#[inline]
pub(super) fn redirect(frame: &mut Frame<'_>, hop: Hop) {
    if let Some(stations) = frame.bytes_mut().first_chunk_mut::<12>() {
        stations[..6].copy_from_slice(&hop.to.0);
        stations[6..].copy_from_slice(&hop.from.0);
    }
}
