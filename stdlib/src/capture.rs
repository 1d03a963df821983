//! Captures: what passes on a link.

use std::fmt;
use std::path::PathBuf;

use netscript_lang::diagnostics::{Result, Within};
use netscript_lang::interpreter::{Session, add_words};
use netscript_net::world::Capture as Request;
use netscript_net::world::ProgramId;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use crate::{Link, RhaiResult};

/// A handle to a capture.
#[derive(Clone)]
pub struct Capture {
    session: Session,
    program: ProgramId,
    link: String,
}

impl Capture {
    fn start(link: &Link, file: Option<PathBuf>) -> Result<Capture> {
        let (netns, name) = link.locate()?;
        let session = link.session();
        let shown = name.to_string();
        let request = Request { link: name, file };
        let program = session.lab().world().capture(&netns, &request).argument(0)?;
        session.lab().tell(|| netscript_dialect::capture(&netns, &request, program));
        Ok(Capture { session: session.clone(), program, link: shown })
    }
}

impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "capture on {}", self.link)
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Capture>("Capture");
    add_words(engine, exported_manifest!(words));
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]

mod words {
    /// Starts to capture the link's packets, in both directions, in the background.
    ///
    /// ```
    /// let capture = host.lo.capture();
    /// host.ping("127.0.0.1");
    /// assert(capture.packets[0] == "127.0.0.1 > 127.0.0.1 ICMP echo request");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn capture(link: &mut Link) -> RhaiResult<Capture> {
        Ok(Capture::start(link, None)?)
    }

    /// Captures into a file for tcpdump and Wireshark. The capture runs as long as the lab is up,
    /// even after the script has ended.
    ///
    /// ```
    /// let red = netns("red");
    /// let v1 = veth("v1", #{ peer: "eth0", netns: red }).addr("10.0.0.1/24").up();
    /// v1.peer.addr("10.0.0.2/24").up();
    /// let capture = v1.capture("/run/v1.pcap");
    /// host.ping(red);
    /// assert("10.0.0.1 > 10.0.0.2 ICMP echo request" in capture.packets);
    /// ```
    #[rhai_fn(name = "capture", pure, return_raw)]
    pub fn capture_into(link: &mut Link, file: &str) -> RhaiResult<Capture> {
        Ok(Capture::start(link, Some(PathBuf::from(file)))?)
    }

    /// The packets captured so far, one line each: `10.0.0.1 > 10.0.0.2 ICMP echo request`,
    /// `10.0.0.1:40000 > 10.0.0.2:80 TCP SYN`, `ARP who has 10.0.0.2, tell 10.0.0.1`, …
    ///
    /// ```
    /// let capture = host.lo.capture();
    /// host.connect("::1", 80);
    /// assert(capture.packets.some(|p| p.ends_with("TCP RST,ACK")));
    /// ```
    #[rhai_fn(get = "packets", pure, return_raw)]
    pub fn get_packets(capture: &mut Capture) -> RhaiResult<Array> {
        let lines = capture.session.lab().world().packets(capture.program)?;
        Ok(lines.into_iter().map(Dynamic::from).collect())
    }

    /// Ends the capture. Its packets stay available.
    ///
    /// ```
    /// let capture = host.lo.capture();
    /// host.ping("127.0.0.1");
    /// capture.stop();
    /// host.ping("127.0.0.1");
    /// assert(capture.packets.len() == 2);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn stop(capture: &mut Capture) -> RhaiResult<()> {
        Ok(capture.session.lab().world().stop(capture.program)?)
    }

    /// The capture as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(capture: &mut Capture) -> String {
        capture.to_string()
    }
}
