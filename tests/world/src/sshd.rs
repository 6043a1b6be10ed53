//! The OpenSSH server.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use std::io::{BufRead, BufReader};

use crate::{Host, Service, World};

/// Starts sshd with fresh host keys on port 22 of every address of `host`.
///
/// # Panics
/// When it does not start to listen.
pub fn start(world: &World, host: &Host) -> Service {
    let key = world.dir().join("ssh_host_ed25519_key");
    let config = world.write(
        "sshd_config",
        &format!("Port 22\nHostKey {}\nPidFile none\nUsePAM no\nUseDNS no\n", key.display()),
    );
    host.run(&format!("mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f {}", key.display()));
    // sshd insists on being called by its full name.
    let mut command = host.command("/usr/sbin/sshd");
    let mut service =
        Service::start(command.args(["-D", "-e", "-f"]).arg(config), &world.dir().join("sshd.log"));
    service.until_logged("Server listening on 0.0.0.0 port 22", Duration::from_secs(10));
    service
}

/// The first line that the server at `address` sends to a client on `host`; `None` when none comes in a second.
pub fn banner(host: &Host, address: SocketAddr) -> Option<String> {
    let limit = Duration::from_secs(1);
    let stream = host.inside(|| TcpStream::connect_timeout(&address, limit)).ok()?;
    stream.set_read_timeout(Some(limit)).expect("a timeout above zero");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned()).filter(|l| !l.is_empty())
}
