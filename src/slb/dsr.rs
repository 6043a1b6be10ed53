//! Direct server return: only the stations change, the packet stays as the client sent it.

use bng_platform::Frame;

use crate::snapshot::Hop;
use crate::wire::ethernet;

/// Sends `frame` on to the target behind `hop`. Checksums and addresses of the packet are not touched, so partial
/// checksums and oversized segments pass through as they are.
#[inline]
pub(super) fn redirect(frame: &mut Frame<'_>, hop: Hop) {
    ethernet::set_stations(frame.bytes_mut(), hop.to, hop.from);
}
