//! Pictures of networks: boxes for namespaces, in them links, and the cables between.

mod draw;
mod facts;
mod layout;
mod lines;

pub use facts::{Graph, Place, Port, Space};

impl Graph {
    /// The network as SVG, in colours that a style sheet gives.
    pub fn svg(&self) -> String {
        draw::svg(self, &layout::layout(self))
    }

    /// The lines of the picture that run over a text or a link, each told in words; none in a good picture.
    pub fn crossings(&self) -> Vec<String> {
        lines::crossings(self, &layout::layout(self))
    }
}
