//! HTTP: fetching a page from inside a namespace, and a small server.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpSocket;

use super::common::{TIMED_OUT, in_words, patience, runtime};
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use netscript_net::error::{Error, Rejection, Result};
use netscript_net::op::NetnsRef;
use netscript_net::world::{Fetch, Fetched, Serve};

/// The size limit for pages, in bytes.
const LARGEST_PAGE: usize = 16 << 20;

/// The time that a client of the server has for a request; an idle connection is closed after it, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest time for a connection to the server.
const LONGEST: Duration = Duration::from_secs(60);

/// The server's pause after it could not accept a connection.
const PAUSE: Duration = Duration::from_millis(10);

/// `ip netns exec NETNS curl URL`
pub(crate) fn fetch(
    namespaces: &Namespaces,
    interrupt: &Interrupt,
    netns: &NetnsRef,
    addr: IpAddr,
    request: &Fetch,
) -> Result<Fetched> {
    let server = SocketAddr::new(addr, request.port);
    let refused = |rejection| Error::Probe { probe: format!("the request to {server}"), rejection };
    let runtime = runtime().map_err(|error| refused(error.into()))?;
    let _entered = runtime.enter();
    let socket = namespaces.within(netns, || match server {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    });
    let socket = socket
        .map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?
        .map_err(|error| refused(error.into()))?;
    runtime.block_on(async {
        tokio::select! {
            answer = tokio::time::timeout(patience(request.timeout), exchange(socket, server, request)) => Ok(match answer {
                Ok(Ok(fetched)) => fetched,
                Ok(Err(why)) => Fetched { error: Some(why), ..Fetched::default() },
                Err(_) => Fetched { error: Some(TIMED_OUT.to_owned()), ..Fetched::default() },
            }),
            () = interrupt.until_raised() => Err(Error::Interrupted),
        }
    })
}

/// Fetches the page; the error says why there is no answer.
async fn exchange(socket: TcpSocket, server: SocketAddr, request: &Fetch) -> std::result::Result<Fetched, String> {
    let stream = socket.connect(server).await.map_err(|error| in_words(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| not_http(&error))?;
    tokio::spawn(connection);
    let page = Request::get(&request.path)
        .header(HOST, &request.authority)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(page).await.map_err(|error| not_http(&error))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LARGEST_PAGE).collect().await.map_err(|error| error.to_string())?;
    Ok(Fetched { status: Some(status), body: body.to_bytes().to_vec(), error: None })
}

fn not_http(error: &hyper::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return in_words(error);
        }
        cause = inner.source();
    }
    error.to_string()
}

/// Opens a listening socket for a server in a namespace.
pub(crate) fn listen(namespaces: &Namespaces, netns: &NetnsRef, server: &Serve) -> Result<TcpListener> {
    let listener = namespaces.within(netns, || match server.addr {
        Some(addr) => TcpListener::bind((addr, server.port)),
        // One socket accepts both families, unless the namespace has no IPv6.
        None => {
            TcpListener::bind((IpAddr::V6(Ipv6Addr::UNSPECIFIED), server.port)).or_else(|error| match error.kind() {
                io::ErrorKind::AddrInUse => Err(error),
                _ => TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), server.port)),
            })
        }
    });
    let refused =
        |error| Error::Listen { port: server.port, netns: netns.to_string(), rejection: Rejection::from(error) };
    listener.map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?.map_err(refused)
}

/// Answers every request on a listening socket with one page, until the process ends.
pub fn answer_forever(listener: TcpListener, body: &str) -> io::Result<Infallible> {
    listener.set_nonblocking(true)?;
    let page = Bytes::copy_from_slice(body.as_bytes());
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            // A connection may fail because the client has gone or there is no free descriptor. The server continues.
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let page = page.clone();
            let service = service_fn(move |_: Request<Incoming>| {
                let page = page.clone();
                async move {
                    Response::builder().header(CONTENT_TYPE, "text/plain; charset=utf-8").body(Full::new(page))
                }
            });
            // The server continues if a client disconnects.
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            tokio::spawn(tokio::time::timeout(LONGEST, server.serve_connection(TokioIo::new(stream), service)));
        }
    })
}
