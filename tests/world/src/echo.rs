//! A UDP server that says who it is, or what it was told.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Host;

/// Answers every datagram to one address, with its name or with the same; stops when dropped.
#[derive(Debug)]
pub struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// Serves `address` (`ip:port`) on `host`, answering with `name`.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn start(host: &Host, address: &str, name: &str) -> Self {
        Self::answering(host, address, Some(name.to_owned()), Duration::ZERO)
    }

    /// Serves `address` (`ip:port`) on `host`, answering with what was asked.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn returning(host: &Host, address: &str) -> Self {
        Self::late(host, address, Duration::ZERO)
    }

    /// The same, but each answer comes `delay` after its question, to a few hundredths of a second.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn late(host: &Host, address: &str, delay: Duration) -> Self {
        Self::answering(host, address, None, delay)
    }

    fn answering(host: &Host, address: &str, name: Option<String>, delay: Duration) -> Self {
        let socket = host.bind_udp(address);
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout above zero");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut buf = vec![0; 65536];
            let mut waiting = VecDeque::new();
            while !stopped.load(Ordering::Relaxed) {
                match socket.recv_from(&mut buf) {
                    Ok((len, client)) => {
                        let answer = name.as_deref().map_or(&buf[..len], str::as_bytes);
                        waiting.push_back((Instant::now() + delay, answer.to_vec(), client));
                    }
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    // An ICMP error about an earlier answer.
                    Err(_) => {}
                }
                while let Some((due, answer, client)) = waiting.pop_front() {
                    if due > Instant::now() {
                        waiting.push_front((due, answer, client));
                        break;
                    }
                    // A client that is gone already is its own affair.
                    drop(socket.send_to(&answer, client));
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }

    /// Sends one datagram from `from` on `host` to `to` (`ip:port` each) and returns the answer; `None` when
    /// none comes in half a second.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn ask(host: &Host, from: &str, to: &str) -> Option<String> {
        let socket = host.bind_udp(from);
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout above zero");
        // Connected, so that an answer from any other address than the one asked does not count.
        socket.connect(to).and_then(|()| socket.send(b"who?")).ok()?;
        let mut buf = [0; 64];
        let len = socket.recv(&mut buf).ok()?;
        Some(String::from_utf8_lossy(&buf[..len]).into_owned())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
