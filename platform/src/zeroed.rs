//! Tables of millions of records, taken from the system page by page.

use std::alloc::{self, Layout};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use bytemuck::Zeroable;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A slice of zeroed records that starts at a cache line and costs no memory before it is written.
///
/// A vector of records that ask for 64-byte alignment would be filled with zeros when it is made, because only for
/// small alignments the allocator hands out the system's untouched zero pages. So this asks for a line more than it
/// needs and starts at the first whole one.
#[derive(Debug)]
pub struct Zeroed<T> {
    /// What was allocated.
    base: NonNull<u8>,
    layout: Layout,
    /// The first record.
    first: NonNull<T>,
    len: usize,
}

// SAFETY: a `Zeroed` owns its memory alone, as a `Box<[T]>` does.
unsafe impl<T: Send> Send for Zeroed<T> {}
// SAFETY: as above; shared access only hands out `&[T]`.
unsafe impl<T: Sync> Sync for Zeroed<T> {}

impl<T: Zeroable + Copy> Zeroed<T> {
    /// `len` records of zeros.
    ///
    /// # Panics
    /// When the system has no address space of that size, or when a record wants more than 16-byte alignment.
    pub fn new(len: usize) -> Self {
        assert!(align_of::<T>() <= 16, "records are aligned as the allocator does without effort");
        let size = len.checked_mul(size_of::<T>()).and_then(|size| size.checked_add(LINE));
        let layout = size.and_then(|size| Layout::from_size_align(size, 8).ok());
        let layout = layout.unwrap_or_else(|| panic!("{len} records exceed the address space"));
        // SAFETY: the size is at least one line, not zero.
        let base = unsafe { alloc::alloc_zeroed(layout) };
        let Some(base) = NonNull::new(base) else { alloc::handle_alloc_error(layout) };
        let skip = base.addr().get().next_multiple_of(LINE) - base.addr().get();
        // SAFETY: `skip` is below one line, which was asked for on top of the records.
        let first = unsafe { base.add(skip) }.cast();
        Self { base, layout, first, len }
    }
}

impl<T> Deref for Zeroed<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `first` is aligned to a line, `len` records from there on lie inside the allocation, and they were
        // initialised: zeros are a value of `T` (`Zeroable`), and later writes came through `&mut [T]`.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Zeroed<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Zeroed<T> {
    fn drop(&mut self) {
        // The records are `Copy` (see `new`) and need no drop.
        // SAFETY: `base` came from `alloc_zeroed` with this layout and is freed once.
        unsafe { alloc::dealloc(self.base.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_a_cache_line_and_is_zero() {
        for len in [0, 1, 7, 100_000] {
            let mut table = Zeroed::<[u32; 8]>::new(len);
            assert_eq!(table.as_ptr().addr() % LINE, 0);
            assert_eq!(table.len(), len);
            assert!(table.iter().all(|record| *record == [0; 8]));
            table.iter_mut().for_each(|record| *record = [7; 8]);
            assert!(table.iter().all(|record| *record == [7; 8]));
        }
    }
}
