//! The world of one test: a switch, hosts, and a folder for their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Host;

/// Worlds made so far by this process: tests run side by side and must not share names.
static WORLDS: AtomicU32 = AtomicU32::new(1);

/// A switch and the hosts plugged into it. All of it goes away when this is dropped; on a panic the logs that the
/// peers wrote are printed first.
#[derive(Debug)]
pub struct World {
    tag: String,
    dir: PathBuf,
    switch: Host,
    namespaces: Vec<String>,
}

impl World {
    /// A world with nothing but a switch.
    ///
    /// # Panics
    /// Outside a sandbox: nothing of it would be removed if the process were killed.
    pub fn new() -> Self {
        assert!(crate::sandbox::is_inside(), "a world outside a sandbox");
        let tag = format!("w{}", WORLDS.fetch_add(1, Ordering::Relaxed));
        let dir = PathBuf::from("/run/bng-world").join(&tag);
        fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let switch = Host::named(format!("{tag}-switch"));
        let mut world = Self { tag, dir, switch, namespaces: Vec::new() };
        world.switch = world.host("switch");
        // Snooping without a querier would make the bridge forget who wants multicast.
        world.switch.run(
            "ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0; ip link set br0 up",
        );
        world
    }

    /// A folder in memory for configurations, logs and sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The host with the bridge `br0`; its ports bear the names of the hosts plugged in.
    pub fn switch(&self) -> &Host {
        &self.switch
    }

    /// A new host with nothing but its loopback.
    pub fn host(&mut self, name: &str) -> Host {
        let namespace = format!("{}-{name}", self.tag);
        let out = std::process::Command::new("ip").args(["netns", "add", &namespace]).output();
        let out = out.unwrap_or_else(|e| panic!("ip: {e}"));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        self.namespaces.push(namespace.clone());
        let host = Host::named(namespace);
        // Looking for duplicates would delay every IPv6 address, and nobody advertises routes.
        host.run(
            "ip link set lo up
             for c in all default; do
                 echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad
                 echo 0 > /proc/sys/net/ipv6/conf/$c/accept_ra
             done",
        );
        host
    }

    /// A new host whose `eth0` is plugged into the switch, with the given addresses (with prefix lengths).
    pub fn plugged(&mut self, name: &str, addresses: &[&str]) -> Host {
        let host = self.host(name);
        let switch = self.switch.namespace();
        host.run(&format!(
            "ip link add eth0 type veth peer name {name} netns {switch}
             ip -n {switch} link set dev {name} master br0 up
             ip link set eth0 up"
        ));
        for address in addresses {
            host.address("eth0", address);
        }
        host
    }

    /// Connects two hosts by a cable of their own.
    pub fn cable(&self, one: (&Host, &str), other: (&Host, &str)) {
        let (far, far_device) = (other.0.namespace(), other.1);
        one.0.run(&format!(
            "ip link add {0} type veth peer name {far_device} netns {far}
             ip link set dev {0} up
             ip -n {far} link set dev {far_device} up",
            one.1
        ));
    }

    /// Pulls (`false`) or plugs (`true`) the cable of a host at the switch.
    pub fn link(&self, name: &str, up: bool) {
        self.switch.run(&format!("ip link set dev {name} {}", if up { "up" } else { "down" }));
    }

    /// Writes a file into the world's folder and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    fn print_logs(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "log")) {
            let text = fs::read(path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<_> = text.lines().collect();
            eprintln!("--- {} (last of {} lines)", path.display(), lines.len());
            for line in &lines[lines.len().saturating_sub(40)..] {
                eprintln!("{line}");
            }
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        // What cannot be removed here goes with the sandbox.
        for namespace in &self.namespaces {
            let _ = std::process::Command::new("ip").args(["netns", "del", namespace]).status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
