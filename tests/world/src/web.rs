//! Web servers (nginx) and their clients (curl).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Host, Service, World, wait};

/// Starts an nginx that answers `GET /` on `addresses` (`ip:port`, IPv6 in brackets) with `name`, and serves the
/// files of the world's folder under `/files/`. It closes every connection after one request.
///
/// # Panics
/// When it does not start to serve.
pub fn start(world: &World, host: &Host, name: &str, addresses: &[&str]) -> Service {
    serve(world, host, name, addresses, 0)
}

/// As [`start`], but connections stay open for as many requests as the client likes.
///
/// # Panics
/// When it does not start to serve.
pub fn start_keeping(world: &World, host: &Host, name: &str, addresses: &[&str]) -> Service {
    serve(world, host, name, addresses, 60)
}

fn serve(world: &World, host: &Host, name: &str, addresses: &[&str], keepalive: u32) -> Service {
    let dir = world.dir().display();
    let listen: String = addresses.iter().map(|a| format!("listen {a}; ")).collect();
    let config = format!(
        "daemon off; master_process off; user root; pid {dir}/nginx-{name}.pid; error_log stderr;
         events {{ worker_connections 1024; }}
         http {{
             access_log off; keepalive_timeout {keepalive}; keepalive_requests 1000000; sendfile on;
             client_body_temp_path {dir}/{name}-body; proxy_temp_path {dir}/{name}-proxy;
             fastcgi_temp_path {dir}/{name}-fastcgi; uwsgi_temp_path {dir}/{name}-uwsgi;
             scgi_temp_path {dir}/{name}-scgi;
             server {{
                 {listen}
                 location / {{ return 200 \"{name}\\n\"; }}
                 location /files/ {{ alias {dir}/; }}
             }}
         }}"
    );
    let config = world.write(&format!("nginx-{name}.conf"), &config);
    let log = world.dir().join(format!("nginx-{name}.log"));
    let mut service =
        Service::start(host.command("nginx").arg("-c").arg(config).args(["-e", "stderr"]), &log);
    wait::for_true(&format!("nginx on {name}"), Duration::from_secs(10), || {
        if let Some(status) = service.ended() {
            panic!("nginx on {name} ended with {status}:\n{}", service.log());
        }
        addresses.iter().all(|a| host.succeeds(&format!("curl -gsf -o /dev/null http://{a}/")))
    });
    service
}

/// Asks `url` `requests` times from each of `clients` (addresses of `host`), each time on a connection of its own,
/// and returns how many answers came from whom; a request that fails or takes five seconds counts for "nobody".
pub fn ask(host: &Host, url: &str, clients: &[String], requests: usize) -> BTreeMap<String, usize> {
    let mut served = BTreeMap::new();
    for client in clients {
        let line = format!("curl -sg --max-time 5 --interface {client} {}", vec![url; requests].join(" "));
        let out = host.try_run(&line);
        let answers = String::from_utf8_lossy(&out.stdout).into_owned();
        let names: Vec<_> = answers.lines().collect();
        for name in &names {
            *served.entry((*name).to_owned()).or_insert(0) += 1;
        }
        if names.len() < requests {
            *served.entry("nobody".to_owned()).or_insert(0) += requests - names.len();
        }
    }
    served
}
