//! The host's cache: fetching what is about to be needed.

/// The size of a line of the cache.
const LINE: usize = 64;

/// Has the processor fetch a value into its cache while the program goes on. Only a hint: on
/// processors other than x86-64 it does nothing.
#[inline(always)]
pub fn fetch_ahead<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of::<T>()).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = std::ptr::from_ref(value).cast::<i8>().wrapping_add(offset);
        // SAFETY: a prefetch reads nothing that the program sees and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, LINE);
}
