//! keepalived as the other node of a VRRP pair.

use std::time::Duration;

use crate::{Host, Service, World};

/// Starts a backup node of the group `vrid` with `priority` on `eth0`, with VRRP version 2 and one advertisement a
/// second. It advertises `virt`, and expects that of its master; the `others` it owns without a word about them.
///
/// # Panics
/// When it does not start.
pub fn start(world: &World, host: &Host, vrid: u8, priority: u8, virt: &str, others: &[&str]) -> Service {
    let config = world.write(
        "keepalived.conf",
        &format!(
            "global_defs {{ router_id peer\n vrrp_version 2\n script_user root\n }}
             vrrp_instance peer {{
                 state BACKUP
                 interface eth0
                 virtual_router_id {vrid}
                 priority {priority}
                 advert_int 1
                 virtual_ipaddress {{\n{virt}\n}}
                 virtual_ipaddress_excluded {{\n{}\n}}
             }}\n",
            others.join("\n")
        ),
    );
    let mut command = host.command("keepalived");
    command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file"]).arg(config);
    for (option, file) in [("--pid", "keepalived.pid"), ("--vrrp_pid", "vrrp.pid")] {
        command.arg(option).arg(world.dir().join(file));
    }
    let mut service = Service::start(&mut command, &world.dir().join("keepalived.log"));
    // The last it says before it has something to say about its master.
    service.until_logged("VRRP sockpool", Duration::from_secs(10));
    service
}
