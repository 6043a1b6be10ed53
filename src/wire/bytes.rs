//! Reading and writing of fields, which are ranges of bytes in network order.

use std::ops::Range;

/// The bytes of a field. The field is `N` bytes long and lies inside `bytes`, as the view's constructor checked.
#[inline]
pub(super) fn array<const N: usize>(bytes: &[u8], field: Range<usize>) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[field]);
    value
}

/// A 16-bit field.
#[inline]
pub(super) fn get_u16(bytes: &[u8], field: Range<usize>) -> u16 {
    u16::from_be_bytes(array(bytes, field))
}

/// A 32-bit field.
#[inline]
pub(super) fn get_u32(bytes: &[u8], field: Range<usize>) -> u32 {
    u32::from_be_bytes(array(bytes, field))
}

/// Writes a field of bytes.
#[inline]
pub(super) fn put(bytes: &mut [u8], field: Range<usize>, value: &[u8]) {
    bytes[field].copy_from_slice(value);
}

/// Writes a 16-bit field.
#[inline]
pub(super) fn put_u16(bytes: &mut [u8], field: Range<usize>, value: u16) {
    put(bytes, field, &value.to_be_bytes());
}

/// Writes a 32-bit field.
#[inline]
pub(super) fn put_u32(bytes: &mut [u8], field: Range<usize>, value: u32) {
    put(bytes, field, &value.to_be_bytes());
}
