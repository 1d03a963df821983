//! How much memory the program has taken.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The memory that is in use, in bytes.
pub fn taken() -> usize {
    ALLOCATOR.allocated()
}
