//! Pictures of networks as SVG: boxes for namespaces with their links, and the cables between them. Start with
//! [`Graph::of`] and [`Graph::svg`].

mod draw;
mod facts;
mod layout;
mod lines;

pub use facts::{Graph, LinkRef, NetnsBox, Port};

impl Graph {
    /// The network as SVG. A style sheet sets the colours.
    pub fn svg(&self) -> String {
        draw::svg(self, &layout::layout(self))
    }

    /// The lines of the picture that run over a text or a link, each in words. A good picture has none.
    pub fn crossings(&self) -> Vec<String> {
        lines::crossings(self, &layout::layout(self))
    }
}
