//! A test of a client and a server, on different sides of a router:
//! `cargo test -p netscript-lab --example router`

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use netscript_lab::{Lab, Netns};

// Before `main`, since tests run on threads: here an ordinary user's process
// enters a sandbox.
netscript_lab::tests_in_sandbox!();

/// A client's network, 10.0.1.0/24, and a server's, 10.0.2.0/24, with a router
/// between them.
fn network(lab: &Lab) -> Result<[Netns<'_>; 3], netscript_lab::Error> {
    let client = lab.add_netns("client")?;
    let router = lab.add_netns("router")?;
    let server = lab.add_netns("server")?;
    for (end, number) in [(&client, 1), (&server, 2)] {
        let (here, there) = end.veth("eth0", &router, &format!("eth{number}"))?;
        here.addr(&format!("10.0.{number}.2/24"))?.up()?;
        there.addr(&format!("10.0.{number}.1/24"))?.up()?;
        end.route("default", &format!("10.0.{number}.1"))?;
    }
    router.set_sysctl("net.ipv4.ip_forward", 1)?;
    Ok([client, router, server])
}

/// The server under test: it sends each client the client's address.
fn greet(listener: &TcpListener) -> std::io::Result<()> {
    let (mut stream, from) = listener.accept()?;
    write!(stream, "you are {}", from.ip())
}

/// Its client.
fn ask(server: &str) -> std::io::Result<String> {
    let mut answer = String::new();
    TcpStream::connect(server)?.read_to_string(&mut answer)?;
    Ok(answer)
}

fn answer(
    client: &Netns<'_>,
    server: &Netns<'_>,
) -> Result<String, Box<dyn Error>> {
    // The socket stays in the server's namespace, on any thread.
    let listener = server.enter(|| TcpListener::bind("10.0.2.2:4000"))??;
    thread::scope(|scope| {
        let greeting = scope.spawn(|| greet(&listener));
        let answer = client.enter(|| ask("10.0.2.2:4000"))??;
        greeting.join().expect("the server does not panic")?;
        Ok(answer)
    })
}

#[test]
fn the_server_sees_the_client() -> Result<(), Box<dyn Error>> {
    let lab = Lab::sandbox()?;
    let [client, _, server] = network(&lab)?;
    assert_eq!(answer(&client, &server)?, "you are 10.0.1.2");
    Ok(())
}

#[test]
fn behind_nat_it_sees_the_router() -> Result<(), Box<dyn Error>> {
    let lab = Lab::sandbox()?;
    let [client, _, server] = network(&lab)?;
    // For a rule there is no typed call: run a line of the language.
    lab.run(r#"netns_open("router").nat.masquerade(#{ oif: "eth2" })"#)?;
    assert_eq!(answer(&client, &server)?, "you are 10.0.2.1");
    Ok(())
}

#[test]
fn a_router_that_does_not_forward_is_noticed() -> Result<(), Box<dyn Error>> {
    let lab = Lab::sandbox()?;
    let [client, router, _] = network(&lab)?;
    router.set_sysctl("net.ipv4.ip_forward", 0)?;
    assert!(client.ping("10.0.1.1")?.ok());
    assert!(!client.ping("10.0.2.2")?.ok());
    Ok(())
}

/// The same network as a program, which prints the path through it.
fn main() -> Result<(), Box<dyn Error>> {
    let lab = Lab::sandbox()?;
    let [client, _, server] = network(&lab)?;
    println!("{}", answer(&client, &server)?);
    let script = r#"
        let way = netns_open("client").traceroute("10.0.2.2");
        print(way.map(|hop| hop.addr));
    "#;
    let way = lab.run(script)?;
    print!("{}", way.printed);
    Ok(())
}
