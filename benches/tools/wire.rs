//! Stands between client and server and counts the client's turns: how often it speaks after the server did (or first).
//! Each but the last costs a round trip.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Default)]
struct Talk {
    turns: u64,
    client_spoke_last: bool,
}

/// The turns of the one connection that `run` makes to the port that it is given, which leads to `server`.
pub fn turns(server: (&'static str, u16), run: impl FnOnce(u16)) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let talk = Arc::new(Mutex::new(Talk::default()));
    let told = Arc::clone(&talk);
    let wire = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
        }
        let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let back = Arc::clone(&told);
        let answers = thread::spawn(move || pass(from_server, to_client, &back, false));
        pass(client, server, &told, true);
        answers.join().unwrap();
    });
    run(port);
    wire.join().unwrap();
    talk.lock().unwrap().turns
}

/// Counts before it passes on: whoever answers is counted later.
fn pass(mut from: TcpStream, mut to: TcpStream, talk: &Mutex<Talk>, client: bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut talk = talk.lock().unwrap();
        talk.turns += u64::from(client && !talk.client_spoke_last);
        talk.client_spoke_last = client;
        drop(talk);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
