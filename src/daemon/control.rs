//! The control socket, daemon's side: many connections, none of which can hold the daemon up.
//!
//! Everything is non-blocking. A connection has one request under way at a time: its next one is read when the reply
//! to the last one has been sent. What a peer may occupy is bounded by the constants below.
//!
//! A peer that misbehaves is closed with a line in the log:
//!
//! ```text
//!   half a request, or a reply not fetched     after PATIENCE
//!   no text, or an impossible length           at once, with a reply that says so
//!   all places taken, somebody new comes       whoever has asked for nothing yet; then whoever keeps us waiting;
//!                                              then whoever has been silent for longest
//!   too many replies wait to be fetched        whoever has fetched nothing for longest
//! ```

use super::exit::Exit;
use super::log as journal;
use crate::cli::protocol::{PREFIX, REPLY_MAX, REQUEST_MAX, Reply, decode, encode};
use crate::note::{Note, Object};
use crate::time::{Duration, Instant};
use bng_platform::process::{Interest, PollSet, peer};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Most connections at a time. A further one takes the place of an idle one; if all are being answered it is told so.
const CONNECTIONS_MAX: usize = 32;
/// Time for the rest of a request whose first byte has come, and for fetching a reply.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes read from a connection in one round, so that a fast writer does not starve the others.
const READ_MAX: usize = 16 * 1024;
/// Most bytes written to a connection in one round, so that a fast reader of a long reply does not hold up the rest.
const WRITE_MAX: usize = 1024 * 1024;
/// Most bytes of replies that wait to be fetched, all connections together.
const UNSENT_MAX: usize = 2 * REPLY_MAX;
/// Time without accepting connections after that has failed, for instance for lack of descriptors.
const REST: Duration = Duration::from_secs(1);

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
    /// For the log: `user id 0, process 4711`.
    who: String,
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of `output` that were sent.
    sent: usize,
    /// A request was handed out and is not answered yet.
    busy: bool,
    /// A request has been completed.
    served: bool,
    /// When it last got on: connected, completed a request, or fetched some of a reply.
    since: Instant,
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
    /// No connection is accepted before this.
    resting: Option<Instant>,
}

/// Places in a poll set, between [`Control::register`] and [`Control::serve`].
#[derive(Debug, Default)]
pub struct Places {
    listener: Option<usize>,
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
            listener: self.listener.is_some_and(|place| set.readable(place)),
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
        Ok(Self { listener, connections: Vec::new(), next: 0, own_uid: peer::own_uid(), resting: None })
    }

    /// Adds all descriptors to `set`.
    pub fn register<'a>(&'a self, set: &mut PollSet<'a>) -> Places {
        let listener = self.resting.is_none().then(|| set.add(self.listener.as_fd(), Interest::Read));
        let connections = self.connections.iter().map(|c| set.add(c.stream.as_fd(), c.interest())).collect();
        Places { listener, connections }
    }

    /// The earliest time at which a slow peer is given up or connections are accepted again.
    pub fn deadline(&self) -> Option<Instant> {
        self.connections.iter().filter_map(|c| c.deadline).chain(self.resting).min()
    }

    /// Serves what is ready: accepts, reads, writes, and returns the requests that are complete.
    pub fn serve(&mut self, now: Instant, ready: &Ready) -> Vec<Request> {
        let mut requests = Vec::new();
        for (connection, (readable, writable)) in self.connections.iter_mut().zip(&ready.connections) {
            let alive = (!writable || connection.output.is_empty() || connection.send(now))
                && (!readable || connection.receive(now, &mut requests));
            if !alive {
                connection.left();
            } else if connection.deadline.is_some_and(|deadline| deadline <= now) {
                connection.give_up(&connection.delay());
            }
        }
        self.connections.retain(|c| !c.finished());
        self.resting = self.resting.filter(|until| *until > now);
        if ready.listener {
            self.accept(now);
        }
        requests
    }

    /// Whether this connection is still there.
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connections.iter().any(|c| c.id == id && !c.closing)
    }

    /// Who is at the other end, for the log.
    pub fn who(&self, id: ConnectionId) -> &str {
        self.connections.iter().find(|c| c.id == id).map_or("somebody who has left", |c| &c.who)
    }

    /// Whether a reply is still on its way to somebody.
    pub fn unsent(&self) -> bool {
        self.connections.iter().any(|c| !c.output.is_empty())
    }

    /// Answers a request. The connection may be gone meanwhile; then nothing happens.
    pub fn reply(&mut self, now: Instant, to: ConnectionId, reply: &Reply) {
        let mut text = reply.to_text();
        if text.len() > REPLY_MAX {
            let length = text.len();
            text = Reply::failed(format!(
                "the answer of {length} bytes is too long, at most {REPLY_MAX} can be sent"
            ))
            .to_text();
        }
        self.make_memory(to, text.len());
        if let Some(connection) = self.connections.iter_mut().find(|c| c.id == to) {
            connection.answer(now, &text);
            if !connection.send(now) {
                connection.left();
            }
        }
    }

    /// Makes room for a reply of `length` bytes to `to`.
    fn make_memory(&mut self, to: ConnectionId, length: usize) {
        while self.connections.iter().map(|c| c.output.len()).sum::<usize>() + length > UNSENT_MAX {
            let others = self.connections.iter_mut().filter(|c| c.id != to && !c.output.is_empty());
            let Some(slowest) = others.min_by_key(|c| c.since) else { return };
            slowest.give_up("others need the memory of the reply that it does not fetch");
        }
    }

    /// Requests that came with others and waited for their replies, at most one of each connection.
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
                    journal::say(Note::warning(Object::Control, format!("cannot accept a connection: {e}")));
                    // It would fail again at once, and for ever.
                    self.resting = Some(now + REST);
                    return;
                }
            };
            let denied = |text| Some(Reply::Error { status: Exit::Privilege.code(), text });
            let (who, refusal) = match peer::peer(&stream) {
                Ok(peer) if peer.uid == 0 || peer.uid == self.own_uid => (named(peer), None),
                Ok(peer) => {
                    let text = format!(
                        "permission denied: user id {} may not control this daemon, only root and user id {} may",
                        peer.uid, self.own_uid
                    );
                    (named(peer), denied(text))
                }
                Err(e) => (
                    String::from("somebody"),
                    denied(format!("permission denied: cannot tell who you are: {e}")),
                ),
            };
            let refusal = refusal.or_else(|| {
                (!self.make_place()).then(|| {
                    Reply::failed(format!(
                        "too many control connections, at most {CONNECTIONS_MAX} at a time"
                    ))
                })
            });
            if let Err(e) = stream.set_nonblocking(true) {
                journal::say(Note::warning(Object::Control, format!("connection of {who}: {e}")));
                continue;
            }
            let mut connection = Connection {
                id: ConnectionId(self.next),
                who,
                stream,
                input: Vec::new(),
                output: Vec::new(),
                sent: 0,
                busy: false,
                served: false,
                since: now,
                closing: false,
                deadline: None,
            };
            self.next += 1;
            match refusal {
                None => self.connections.push(connection),
                Some(refusal) => {
                    let text = format!("refused {}: {}", connection.who, refusal.body());
                    journal::say(Note::warning(Object::Control, text));
                    // A fresh socket takes this much at once; the peer is not waited for.
                    connection.answer(now, &refusal.to_text());
                    connection.send(now);
                }
            }
        }
    }

    /// Whether there is a place for one more connection, perhaps because another one had to go.
    fn make_place(&mut self) -> bool {
        if self.connections.len() < CONNECTIONS_MAX {
            return true;
        }
        let idle = self.connections.iter_mut().filter(|c| !c.busy);
        let Some(least) = idle.min_by_key(|c| (c.standing(), c.since)) else { return false };
        least.give_up("another client needs its place");
        self.connections.retain(|c| !c.finished());
        true
    }
}

/// A peer for the log.
fn named(peer: peer::Peer) -> String {
    match peer.pid {
        Some(pid) => format!("user id {}, process {pid}", peer.uid),
        None => format!("user id {}", peer.uid),
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
                self.served = true;
                self.since = now;
                self.deadline = None;
            }
            Ok(None) if self.input.is_empty() => self.deadline = None,
            Ok(None) => {
                debug_assert!(self.input.len() <= PREFIX + REQUEST_MAX);
                self.deadline.get_or_insert(now + PATIENCE);
            }
            Err(invalid) => {
                let text = format!("closed the connection of {}: {invalid}", self.who);
                journal::say(Note::warning(Object::Control, text));
                self.answer(now, &Reply::failed(invalid.to_string()).to_text());
                self.closing = true;
                if !self.send(now) {
                    self.close();
                }
            }
        }
    }

    fn answer(&mut self, now: Instant, text: &str) {
        self.output = encode(text);
        self.sent = 0;
        self.busy = false;
        self.deadline = Some(now + PATIENCE);
    }

    /// Sends what the socket takes, at most [`WRITE_MAX`] bytes. `false`: the peer is gone.
    fn send(&mut self, now: Instant) -> bool {
        let end = self.output.len().min(self.sent + WRITE_MAX);
        while self.sent < end {
            match self.stream.write(&self.output[self.sent..end]) {
                Ok(0) => return false,
                Ok(n) => {
                    self.sent += n;
                    self.since = now;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        if self.sent < self.output.len() {
            return true;
        }
        self.output = Vec::new();
        self.sent = 0;
        self.deadline = None;
        true
    }

    /// Who must go first when all places are taken, the smallest first.
    fn standing(&self) -> u8 {
        match (self.served, self.deadline) {
            (false, _) => 0,
            (true, Some(_)) => 1,
            (true, None) => 2,
        }
    }

    /// What the peer has not done in time.
    fn delay(&self) -> String {
        let patience = PATIENCE.as_secs();
        match self.output.len() {
            0 => format!("{} bytes of a request, and no more within {patience} s", self.input.len()),
            all => format!("it has fetched {} of {all} bytes of its reply within {patience} s", self.sent),
        }
    }

    /// Closes the connection of a peer that is at fault, or in the way.
    fn give_up(&mut self, why: &str) {
        journal::say(Note::warning(Object::Control, format!("closed the connection of {}: {why}", self.who)));
        self.close();
    }

    /// The peer has gone away. That is no fault, unless it was in the middle of something.
    fn left(&mut self) {
        let when = match (self.busy || !self.output.is_empty(), self.input.is_empty()) {
            (true, _) => Some("without the reply to its request"),
            (false, false) => Some("in the middle of a request"),
            (false, true) => None,
        };
        if let Some(when) = when.filter(|_| !self.closing) {
            journal::say(Note::info(Object::Control, format!("{} has left {when}", self.who)));
        }
        self.close();
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
    fn with_all_places_being_answered_one_more_is_told_so() {
        let mut world = World::new("many");
        let mut clients: Vec<UnixStream> = (0..CONNECTIONS_MAX).map(|_| world.connect()).collect();
        clients.iter_mut().for_each(|client| client.write_all(&encode("show sessions")).unwrap());
        assert_eq!(world.round().len(), CONNECTIONS_MAX);
        let mut last = world.connect();
        assert!(matches!(read_reply(&mut last), Reply::Error { text, .. } if text.starts_with("too many")));
        assert_eq!(world.control.connections.len(), CONNECTIONS_MAX);
    }

    #[test]
    fn one_connection_too_many_takes_the_place_of_whoever_has_asked_for_nothing() {
        let mut world = World::new("crowd");
        let mut asks = world.connect();
        asks.write_all(&encode("version")).unwrap();
        let request = world.round().remove(0);
        world.answer(&request, "here");
        world.now += Duration::from_secs(1);
        let mut silent: Vec<UnixStream> = (1..CONNECTIONS_MAX).map(|_| world.connect()).collect();
        let _new = world.connect();
        assert_eq!(silent[0].read(&mut [0]).unwrap(), 0, "the first of the silent ones is closed");
        assert_eq!(world.control.connections.len(), CONNECTIONS_MAX);
        assert!(world.control.is_open(request.from), "longer silent, but of use");
    }

    #[test]
    fn a_request_that_waited_behind_a_long_reply_is_not_forgotten() {
        let mut world = World::new("pipeline");
        let mut client = world.connect();
        client.write_all(&[encode("one"), encode("two")].concat()).unwrap();
        let one = world.round().remove(0);
        world.answer(&one, &"x".repeat(4 << 20));
        let reader = std::thread::spawn(move || (read_reply(&mut client).body().len(), client));
        while !world.control.connections[0].output.is_empty() {
            world.round();
        }
        assert_eq!(world.control.queued(world.now)[0].line, "two");
        assert_eq!(reader.join().unwrap().0, 4 << 20);
    }

    #[test]
    fn replies_that_nobody_fetches_do_not_pile_up() {
        let mut world = World::new("pile");
        let mut clients: Vec<UnixStream> = (0..4).map(|_| world.connect()).collect();
        for (n, client) in clients.iter_mut().enumerate() {
            world.now += Duration::from_secs(1);
            client.write_all(&encode("show sessions")).unwrap();
            let request = world.round().remove(0);
            world.answer(&request, &"x".repeat(REPLY_MAX / 2 + 1024 * n));
        }
        let unsent = |world: &World| world.control.connections.iter().map(|c| c.output.len()).sum::<usize>();
        assert!(unsent(&world) <= UNSENT_MAX);
        let open: Vec<bool> = (0..4).map(|n| world.control.is_open(ConnectionId(n))).collect();
        assert_eq!(open, [false, true, true, true], "who has fetched nothing for longest goes");
    }

    #[test]
    fn a_reply_that_no_client_would_take_is_an_error() {
        let mut world = World::new("toolong");
        let mut client = world.connect();
        client.write_all(&encode("show sessions")).unwrap();
        let request = world.round().remove(0);
        world.answer(&request, &"x".repeat(REPLY_MAX));
        assert!(matches!(read_reply(&mut client), Reply::Error { text, .. } if text.contains("is too long")));
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
