//! A host: one network namespace.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{ToSocketAddrs, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::wait;

/// Seconds after which a command run by [`Host::run`] is killed.
const LIMIT: &str = "60";

/// A host of the [`crate::World`]; a name for its network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    namespace: String,
}

impl Host {
    /// The host whose namespace is called `namespace`.
    pub(crate) fn named(namespace: String) -> Self {
        Self { namespace }
    }

    /// Name of the network namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command that will run `program` on this host. Its process is the program itself, not a wrapper.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs a shell command line, at most a minute, and returns its output and status.
    ///
    /// # Panics
    /// When no process can be started.
    pub fn try_run(&self, line: &str) -> Output {
        self.command("timeout")
            .args(["-k", "1", LIMIT, "sh", "-euc", line])
            .output()
            .unwrap_or_else(|e| panic!("cannot run `{line}`: {e}"))
    }

    /// Runs a shell command line and returns what it printed.
    ///
    /// # Panics
    /// When it fails, with its output.
    pub fn run(&self, line: &str) -> String {
        let out = self.try_run(line);
        let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success(),
            "on {}: `{line}` ended with {}\n{stdout}{}",
            self.namespace,
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
        stdout
    }

    /// Whether a shell command line ends with status 0.
    pub fn succeeds(&self, line: &str) -> bool {
        self.try_run(line).status.success()
    }

    /// Runs `work` on a thread that is on this host. A socket opened there stays on this host, whoever uses it.
    ///
    /// # Panics
    /// When the namespace is gone, and when `work` panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.namespace);
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let namespace = File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap_or_else(|e| panic!("{path}: {e}"));
                work()
            });
            match thread.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// A UDP socket on this host at `address`, which may just have been given up by another one.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn bind_udp(&self, address: impl ToSocketAddrs) -> UdpSocket {
        let addresses: Vec<_> = address.to_socket_addrs().expect("an address with a port").collect();
        let bind = || match UdpSocket::bind(&addresses[..]) {
            // A process that another case is starting has all sockets of this one, until it is its own program.
            Err(e) if e.kind() == ErrorKind::AddrInUse => None,
            result => Some(result.unwrap_or_else(|e| panic!("{addresses:?}: {e}"))),
        };
        self.inside(|| wait::until("a free port", Duration::from_secs(2), bind).0)
    }

    /// Writes one network setting, named as for sysctl.
    pub fn sysctl(&self, name: &str, value: &str) {
        self.run(&format!("echo {value} > /proc/sys/{}", name.replace('.', "/")));
    }

    /// Adds an address with prefix length to a device.
    pub fn address(&self, device: &str, address: &str) {
        // IPv6 addresses would be unusable for a second while the kernel looks for duplicates.
        let nodad = if address.contains(':') { "nodad" } else { "" };
        self.run(&format!("ip addr add {address} dev {device} {nodad}"));
    }

    /// Makes this host answer for the virtual address `vip` (without prefix length) without announcing it: the
    /// settings that direct server return asks of every target.
    pub fn hide(&self, vip: &str) {
        if vip.contains(':') {
            self.address("lo", &format!("{vip}/128"));
            return;
        }
        self.run("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
        self.sysctl("net.ipv4.conf.all.arp_ignore", "1");
        self.sysctl("net.ipv4.conf.all.arp_announce", "2");
        self.address("lo", &format!("{vip}/32"));
    }

    /// Hardware address of a device, as `ip` prints it.
    pub fn mac(&self, device: &str) -> String {
        self.run(&format!("cat /sys/class/net/{device}/address")).trim().to_owned()
    }

    /// Hardware address that this host has learnt for `address`, if any.
    pub fn neighbour(&self, address: &str) -> Option<String> {
        let table = self.run(&format!("ip neigh show {address}"));
        let mut words = table.split_whitespace();
        words.find(|w| *w == "lladdr")?;
        words.next().map(str::to_owned)
    }
}
