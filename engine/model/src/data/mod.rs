//! What the model holds of a network: namespaces with their tables, and links with their addresses.
//!
//! Plain data that keeps itself in order. The kernel's rules, which know how a change of one thing changes others,
//! are methods of [`Model`](crate::Model) in the files beside this folder.

pub(crate) mod addr;
pub(crate) mod device;
pub(crate) mod fib4;
pub(crate) mod fib6;
pub(crate) mod hw_addr;
pub(crate) mod ids;
pub(crate) mod kinds;
pub(crate) mod netfilter;
pub(crate) mod netns;
pub(crate) mod policy;
pub(crate) mod slab;
