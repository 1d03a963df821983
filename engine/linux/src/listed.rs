//! Objects that the kernel has listed.

/// An object as far as netscript reads it, and the kernel's message of it, which has all of its properties.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    /// The object.
    pub(crate) object: T,
    /// The payload of the `RTM_NEW…` message: its fixed part and its attributes.
    pub(crate) message: Vec<u8>,
}
