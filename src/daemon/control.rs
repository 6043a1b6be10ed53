//! The control socket, daemon's side: many connections, none of which can hold the daemon up.
//!
//! Everything is non-blocking. A connection has one request under way at a time: its next one is read when the reply
//! to the last one has been sent. What a peer may occupy is bounded by the constants below.

use super::exit::Exit;
use crate::cli::protocol::{PREFIX, REQUEST_MAX, Reply, decode, encode};
use crate::time::{Duration, Instant};
use bng_platform::process::{Interest, PollSet, peer};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Most connections at a time; further ones are told so and closed.
const CONNECTIONS_MAX: usize = 32;
/// Time for the rest of a request whose first byte has come, and for fetching a reply.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes read from a connection in one round, so that a fast writer does not starve the others.
const READ_MAX: usize = 16 * 1024;

/// Names a connection to whoever answers its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// A complete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whom to answer.
    pub from: ConnectionId,
    /// The command line.
    pub line: String,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    /// User id of the peer.
    uid: Option<u32>,
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of `output` that were sent.
    sent: usize,
    /// A request was handed out and is not answered yet.
    busy: bool,
    /// Close when `output` is sent.
    closing: bool,
    /// When patience ends.
    deadline: Option<Instant>,
}

/// The listening socket and its connections.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
    next: u64,
    own_uid: u32,
}

/// Places in a poll set, between [`Control::register`] and [`Control::serve`].
#[derive(Debug, Default)]
pub struct Places {
    listener: usize,
    connections: Vec<usize>,
}

/// What poll(2) found.
#[derive(Debug, Default)]
pub struct Ready {
    listener: bool,
    connections: Vec<(bool, bool)>,
}

impl Places {
    /// Takes the answers out of the set, which then may be dropped.
    pub fn ready(&self, set: &PollSet<'_>) -> Ready {
        Ready {
            listener: set.readable(self.listener),
            connections: self.connections.iter().map(|p| (set.readable(*p), set.writable(*p))).collect(),
        }
    }
}

impl Control {
    /// Listens on `path`, which must not exist, with mode 0660.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        // Between these two lines the mode is that of the umask; the peer's uid is checked anyway.
        fs::set_permissions(path, Permissions::from_mode(0o660))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, connections: Vec::new(), next: 0, own_uid: peer::own_uid() })
    }

    /// Adds all descriptors to `set`.
    pub fn register<'a>(&'a self, set: &mut PollSet<'a>) -> Places {
        let listener = set.add(self.listener.as_fd(), Interest::Read);
        let connections = self.connections.iter().map(|c| set.add(c.stream.as_fd(), c.interest())).collect();
        Places { listener, connections }
    }

    /// The earliest time at which a slow peer is given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.connections.iter().filter_map(|c| c.deadline).min()
    }

    /// Serves what is ready: accepts, reads, writes, and returns the requests that are complete.
    pub fn serve(&mut self, now: Instant, ready: &Ready) -> Vec<Request> {
        let mut requests = Vec::new();
        for (connection, (readable, writable)) in self.connections.iter_mut().zip(&ready.connections) {
            let alive = (!writable || connection.output.is_empty() || connection.send())
                && (!readable || connection.receive(now, &mut requests));
            if !alive || connection.deadline.is_some_and(|deadline| deadline <= now) {
                connection.close();
            }
        }
        self.connections.retain(|c| !c.finished());
        if ready.listener {
            self.accept(now);
        }
        requests
    }

    /// User id of whoever is at the other end.
    pub fn uid(&self, id: ConnectionId) -> Option<u32> {
        self.connections.iter().find(|c| c.id == id)?.uid
    }

    /// Whether this connection is still there.
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connections.iter().any(|c| c.id == id && !c.closing)
    }

    /// Whether a reply is still on its way to somebody.
    pub fn unsent(&self) -> bool {
        self.connections.iter().any(|c| !c.output.is_empty())
    }

    /// Answers a request. The connection may be gone meanwhile; then nothing happens.
    pub fn reply(&mut self, now: Instant, to: ConnectionId, reply: &Reply) {
        if let Some(connection) = self.connections.iter_mut().find(|c| c.id == to) {
            connection.answer(now, reply);
            if !connection.send() {
                connection.close();
            }
        }
    }

    /// Requests that came with the last one and wait for its reply; to be called after [`Control::reply`].
    pub fn queued(&mut self, now: Instant) -> Vec<Request> {
        let mut requests = Vec::new();
        for connection in &mut self.connections {
            connection.extract(now, &mut requests);
        }
        self.connections.retain(|c| !c.finished());
        requests
    }

    fn accept(&mut self, now: Instant) {
        // Bounded: more than that many at once are served in the next round.
        for _ in 0..CONNECTIONS_MAX {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => {
                    log::warn!("control socket: cannot accept a connection: {e}");
                    return;
                }
            };
            let denied = |text| Some(Reply::Error { status: Exit::Privilege.code(), text });
            let asked = peer::uid(&stream);
            let uid = asked.as_ref().ok().copied();
            let refusal = match asked {
                Ok(uid) if uid == 0 || uid == self.own_uid => None,
                Ok(uid) => denied(format!(
                    "permission denied: user id {uid} may not control this daemon, only root and user id {} may",
                    self.own_uid
                )),
                Err(e) => denied(format!("permission denied: cannot tell who you are: {e}")),
            };
            let refusal = refusal.or_else(|| {
                (self.connections.len() >= CONNECTIONS_MAX).then(|| {
                    Reply::failed(format!(
                        "too many control connections, at most {CONNECTIONS_MAX} at a time"
                    ))
                })
            });
            if let Err(e) = stream.set_nonblocking(true) {
                log::warn!("control socket: {e}");
                continue;
            }
            let mut connection = Connection {
                id: ConnectionId(self.next),
                uid,
                stream,
                input: Vec::new(),
                output: Vec::new(),
                sent: 0,
                busy: false,
                closing: false,
                deadline: None,
            };
            self.next += 1;
            match refusal {
                None => self.connections.push(connection),
                Some(refusal) => {
                    log::warn!("control socket: {}", refusal.body());
                    // A fresh socket takes this much at once; the peer is not waited for.
                    connection.answer(now, &refusal);
                    connection.send();
                }
            }
        }
    }
}

impl Connection {
    fn interest(&self) -> Interest {
        match (self.output.is_empty(), self.busy) {
            (false, _) => Interest::Write,
            (true, true) => Interest::Closed,
            (true, false) => Interest::Read,
        }
    }

    /// Reads what is there. `false`: the peer is gone.
    fn receive(&mut self, now: Instant, requests: &mut Vec<Request>) -> bool {
        if self.busy || !self.output.is_empty() {
            // Only reported here when the peer hung up; a reply could not be delivered.
            return false;
        }
        let mut bytes = [0; READ_MAX];
        match self.stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(n) => self.input.extend_from_slice(&bytes[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return true,
            Err(_) => return false,
        }
        self.extract(now, requests);
        true
    }

    /// Takes the next request off the input, unless one is under way.
    fn extract(&mut self, now: Instant, requests: &mut Vec<Request>) {
        if self.busy || !self.output.is_empty() || self.closing {
            return;
        }
        match decode(&self.input, REQUEST_MAX) {
            Ok(Some((line, used))) => {
                requests.push(Request { from: self.id, line: line.to_owned() });
                self.input.drain(..used);
                self.busy = true;
                self.deadline = None;
            }
            Ok(None) if self.input.is_empty() => self.deadline = None,
            Ok(None) => {
                debug_assert!(self.input.len() <= PREFIX + REQUEST_MAX);
                self.deadline.get_or_insert(now + PATIENCE);
            }
            Err(invalid) => {
                self.answer(now, &Reply::failed(invalid.to_string()));
                self.closing = true;
                if !self.send() {
                    self.close();
                }
            }
        }
    }

    fn answer(&mut self, now: Instant, reply: &Reply) {
        self.output = encode(&reply.to_text());
        self.sent = 0;
        self.busy = false;
        self.deadline = Some(now + PATIENCE);
    }

    /// Sends what the socket takes. `false`: the peer is gone.
    fn send(&mut self) -> bool {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(0) => return false,
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.output = Vec::new();
        self.sent = 0;
        self.deadline = None;
        true
    }

    fn close(&mut self) {
        self.closing = true;
        self.output = Vec::new();
        self.busy = false;
    }

    fn finished(&self) -> bool {
        self.closing && self.output.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct World {
        control: Control,
        path: PathBuf,
        now: Instant,
    }

    impl World {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("bng-control-{name}-{}.sock", std::process::id()));
            let _ = fs::remove_file(&path);
            Self { control: Control::bind(&path).unwrap(), path, now: Instant::from_secs(1) }
        }

        fn connect(&mut self) -> UnixStream {
            let stream = UnixStream::connect(&self.path).unwrap();
            self.round();
            stream
        }

        fn round(&mut self) -> Vec<Request> {
            let mut set = PollSet::new();
            let places = self.control.register(&mut set);
            set.wait(Some(std::time::Duration::from_millis(20))).unwrap();
            let ready = places.ready(&set);
            self.control.serve(self.now, &ready)
        }

        fn answer(&mut self, request: &Request, text: &str) {
            self.control.reply(self.now, request.from, &Reply::Ok(text.into()));
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }

    fn read_reply(stream: &mut UnixStream) -> Reply {
        let mut prefix = [0; PREFIX];
        stream.read_exact(&mut prefix).unwrap();
        let mut text = vec![0; u32::from_be_bytes(prefix) as usize];
        stream.read_exact(&mut text).unwrap();
        Reply::from_text(std::str::from_utf8(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_request_is_answered_and_the_next_one_waits_for_that() {
        let mut world = World::new("answer");
        let mut client = world.connect();
        client.write_all(&[encode("one"), encode("two")].concat()).unwrap();
        let one = world.round();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].line, "one");
        assert!(world.round().is_empty());
        world.answer(&one[0], "1");
        assert_eq!(read_reply(&mut client), Reply::Ok("1".into()));
        let two = world.control.queued(world.now);
        assert_eq!(two[0].line, "two");
        world.answer(&two[0], "2");
        assert_eq!(read_reply(&mut client), Reply::Ok("2".into()));
        assert!(world.control.queued(world.now).is_empty());
    }

    #[test]
    fn the_socket_is_for_owner_and_group() {
        let world = World::new("mode");
        assert_eq!(fs::metadata(&world.path).unwrap().permissions().mode() & 0o777, 0o660);
    }

    #[test]
    fn an_oversized_request_is_refused_and_the_connection_closed() {
        let mut world = World::new("oversized");
        let mut client = world.connect();
        client.write_all(&(REQUEST_MAX as u32 + 1).to_be_bytes()).unwrap();
        assert!(world.round().is_empty());
        assert!(matches!(read_reply(&mut client), Reply::Error { text, .. } if text.contains("65537")));
        world.round();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(world.control.connections.is_empty());
    }

    #[test]
    fn half_a_request_is_given_up_after_a_while_and_not_before() {
        let mut world = World::new("slow");
        let mut client = world.connect();
        client.write_all(&encode("show sessions")[..6]).unwrap();
        world.round();
        let deadline = world.control.deadline().unwrap();
        assert_eq!(deadline, world.now + PATIENCE);
        world.now = Instant::from_micros(deadline.micros() - 1);
        world.round();
        assert_eq!(world.control.connections.len(), 1);
        world.now = deadline;
        world.round();
        assert!(world.control.connections.is_empty());
    }

    #[test]
    fn a_peer_that_does_not_read_blocks_nobody() {
        let mut world = World::new("stuck");
        let mut client = world.connect();
        client.write_all(&encode("show sessions")).unwrap();
        let request = world.round().remove(0);
        world.answer(&request, &"x".repeat(8 << 20));
        // The reply does not fit the socket: the rest waits, others are served.
        assert!(!world.control.connections[0].output.is_empty());
        let mut other = world.connect();
        other.write_all(&encode("version")).unwrap();
        let request = world.round().remove(0);
        world.answer(&request, "here");
        assert_eq!(read_reply(&mut other), Reply::Ok("here".into()));
        world.now += PATIENCE;
        world.round();
        assert_eq!(world.control.connections.len(), 1);
    }

    #[test]
    fn a_large_reply_arrives_whole() {
        let mut world = World::new("large");
        let mut client = world.connect();
        client.write_all(&encode("show sessions")).unwrap();
        let request = world.round().remove(0);
        world.answer(&request, &"x".repeat(4 << 20));
        let reader = std::thread::spawn(move || read_reply(&mut client).body().len());
        while !world.control.connections[0].output.is_empty() {
            world.round();
        }
        assert_eq!(reader.join().unwrap(), 4 << 20);
    }

    #[test]
    fn a_client_that_leaves_early_is_forgotten() {
        let mut world = World::new("leaves");
        let mut client = world.connect();
        client.write_all(&encode("stop")).unwrap();
        let request = world.round().remove(0);
        drop(client);
        world.round();
        assert!(world.control.connections.is_empty());
        world.answer(&request, "too late");
    }

    #[test]
    fn one_connection_too_many_is_told_so() {
        let mut world = World::new("many");
        let clients: Vec<UnixStream> = (0..CONNECTIONS_MAX).map(|_| world.connect()).collect();
        assert_eq!(world.control.connections.len(), CONNECTIONS_MAX);
        let mut last = world.connect();
        assert!(matches!(read_reply(&mut last), Reply::Error { text, .. } if text.starts_with("too many")));
        drop(clients);
    }

    #[test]
    fn garbage_closes_the_connection() {
        let mut world = World::new("garbage");
        let mut client = world.connect();
        client.write_all(b"\0\0\0\x04\xff\xfe\xfd\xfc").unwrap();
        world.round();
        assert!(matches!(read_reply(&mut client), Reply::Error { text, .. } if text.contains("UTF-8")));
        world.round();
        assert!(world.control.connections.is_empty());
    }
}
