//! The one loop of the agent: socket, signals, script.

use crate::answer::{Answers, Buffer};
use crate::args::banner;
use crate::load::Source;
use crate::say::Say;
use bng_platform::process::{Interest, PollSet};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use std::io::{self, ErrorKind, Read};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Most datagrams that are dealt with before signals and script are looked at again.
const ROUND: usize = 64;

/// Time between two looks at what was not answered.
const COMPLAINTS: Duration = Duration::from_secs(1);

/// Answers requests at `socket` until SIGTERM or SIGINT.
///
/// # Errors
/// When signals cannot be caught, or the system cannot wait any more.
pub(crate) fn run(socket: &UdpSocket, mut answers: Answers, mut source: Source, say: &Say) -> io::Result<()> {
    let (mut stop, write) = UnixStream::pair()?;
    pipe::register(SIGTERM, write.try_clone()?)?;
    pipe::register(SIGINT, write)?;
    let (mut child, write) = UnixStream::pair()?;
    pipe::register(SIGCHLD, write)?;
    stop.set_nonblocking(true)?;
    child.set_nonblocking(true)?;
    let version = banner();
    let version = version.trim_start_matches("This is ");
    say.notice(&format!("{version} answers at {}", socket.local_addr()?));
    let mut looked = Instant::now();
    loop {
        let now = Instant::now();
        source.run(now, say);
        if now.duration_since(looked) >= COMPLAINTS {
            looked = now;
            answers.complaints(now).iter().for_each(|line| say.warning(line));
        }
        let left = source.left(now).map_or(COMPLAINTS, |left| left.min(COMPLAINTS));
        let mut set = PollSet::new();
        set.add(socket.as_fd(), Interest::Read);
        set.add(stop.as_fd(), Interest::Read);
        set.add(child.as_fd(), Interest::Read);
        source.register(&mut set);
        set.wait(Some(left))?;
        drop(set);
        let came = |stream: &mut UnixStream| stream.read(&mut [0; 64]).is_ok_and(|n| n > 0);
        came(&mut child);
        if came(&mut stop) {
            say.notice("stopped");
            return Ok(());
        }
        answer(socket, &mut answers, &mut source)?;
    }
}

/// Answers what is there, some of it at least.
fn answer(socket: &UdpSocket, answers: &mut Answers, source: &mut Source) -> io::Result<()> {
    let now = Instant::now();
    for _ in 0..ROUND {
        let mut buffer: Buffer = [0; size_of::<Buffer>()];
        let (len, from) = match socket.recv_from(&mut buffer) {
            Ok(got) => got,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            // An answer that did not arrive comes back as an error of the next call.
            Err(e) if [ErrorKind::ConnectionRefused, ErrorKind::Interrupted].contains(&e.kind()) => continue,
            Err(e) => return Err(e),
        };
        let load = source.load(now);
        if let Some(len) = answers.answer(now, from, &mut buffer, len, load) {
            // Whoever misses it asks again.
            let _ = socket.send_to(&buffer[..len], from);
        }
    }
    Ok(())
}
