//! Pictures of networks: boxes for namespaces, in them links, and the cables between.

mod draw;
mod facts;
mod layout;

pub use facts::{Graph, Place, Port, Space};

impl Graph {
    /// The network as SVG, in colours that a style sheet gives.
    pub fn svg(&self) -> String {
        draw::svg(self, &layout::layout(self))
    }
}
