//! System calls that need `unsafe` (being written).
