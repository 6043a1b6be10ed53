//! Telling the manager of services how we are: datagrams of `NAME=value` lines to the Unix socket that the environment
//! variable `NOTIFY_SOCKET` names, as sd_notify(3) describes them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the manager; one that leads nowhere when no manager asked to be told.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// As the environment says.
    ///
    /// # Errors
    /// When there is a manager that cannot be reached, for instance because its socket is of a kind that this system
    /// does not have.
    pub fn from_environment() -> io::Result<Self> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(Self::default()) };
        let number = |variable| std::env::var(variable).ok().and_then(|text| text.parse::<u64>().ok());
        let watchdog = number("WATCHDOG_USEC").filter(|usec| *usec > 0).map(Duration::from_micros);
        // A watchdog that was set up for the process that has started us is not ours.
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        Self::to(&name, watchdog.filter(|_| ours))
    }

    fn to(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(name.as_bytes())?)?;
        // A manager that takes nothing must not hold us up.
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Some(socket), watchdog })
    }

    /// Whether somebody listens.
    pub fn is_wanted(&self) -> bool {
        self.socket.is_some()
    }

    /// The time within which the manager wants to hear `WATCHDOG=1` again and again; `None`: it does not watch.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Sends assignments, each a line `NAME=value`. One that is lost is not told: nothing here depends on it, and a
    /// watchdog that hears nothing acts.
    pub fn send(&self, lines: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(lines.as_bytes());
        }
    }
}

/// A path, or behind `@` a name in the abstract namespace of Linux.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(OsStr::from_bytes(name)),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "neither a path nor a name that this system knows",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        listener.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let n = listener.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..n].to_vec()).unwrap()
    }

    #[test]
    fn a_path_is_reached() {
        let path = std::env::temp_dir().join(format!("bng-notify-{}", std::process::id()));
        let listener = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str(), None).unwrap();
        notifier.send("READY=1\nSTATUS=all well");
        assert_eq!(heard(&listener), "READY=1\nSTATUS=all well");
        assert!(notifier.is_wanted() && notifier.watchdog().is_none());
        std::fs::remove_file(path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_is_reached() {
        let name = format!("bng-notify-{}", std::process::id());
        let addr = <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&addr).unwrap();
        Notifier::to(OsStr::new(&format!("@{name}")), None).unwrap().send("WATCHDOG=1");
        assert_eq!(heard(&listener), "WATCHDOG=1");
    }

    #[test]
    fn a_manager_that_is_not_there_is_an_error_and_none_is_silence() {
        assert!(Notifier::to(OsStr::new("/nowhere/notify"), None).is_err());
        assert!(Notifier::to(OsStr::new("vsock:2:1"), None).is_err());
        Notifier::default().send("READY=1");
        assert!(!Notifier::default().is_wanted());
    }

    #[test]
    fn a_manager_that_takes_nothing_holds_nobody_up() {
        let path = std::env::temp_dir().join(format!("bng-notify-full-{}", std::process::id()));
        let _listener = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str(), None).unwrap();
        for _ in 0..10_000 {
            notifier.send("WATCHDOG=1");
        }
        std::fs::remove_file(path).unwrap();
    }
}
