//! What tcpdump sees on a wire.

use std::time::Duration;

use crate::{Host, Service, World, wait};

/// A running tcpdump; one line of text per frame, link-level addresses first, no names.
#[derive(Debug)]
pub struct Capture {
    service: Service,
}

impl Capture {
    /// Captures on `device` of `host` what matches `filter` (pcap-filter(7)); returns once tcpdump listens.
    ///
    /// # Panics
    /// When tcpdump does not start.
    pub fn start(world: &World, host: &Host, device: &str, filter: &str) -> Self {
        let log = world.dir().join(format!("tcpdump-{}-{device}.log", host.namespace()));
        let mut command = host.command("tcpdump");
        command.args(["-l", "-e", "-n", "-v", "-tt", "--immediate-mode", "-Z", "root", "-i", device, filter]);
        let mut service = Service::start(&mut command, &log);
        service.until_logged("listening on", Duration::from_secs(10));
        Self { service }
    }

    /// The frames so far. Details that tcpdump prints on further lines are joined to the first.
    pub fn frames(&self) -> Vec<String> {
        let mut frames: Vec<String> = Vec::new();
        let log = self.service.log();
        for line in log.lines().skip_while(|l| !l.contains("listening on")).skip(1) {
            match frames.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
                Some(frame) => {
                    frame.push(' ');
                    frame.push_str(line.trim());
                }
                None => frames.push(line.to_owned()),
            }
        }
        frames
    }

    /// The frames so far whose text contains all of `words`.
    pub fn with(&self, words: &[&str]) -> Vec<String> {
        let mut frames = self.frames();
        frames.retain(|f| words.iter().all(|w| f.contains(w)));
        frames
    }

    /// Waits for a frame whose text contains all of `words`.
    ///
    /// # Panics
    /// After `limit`.
    pub fn until(&self, words: &[&str], limit: Duration) -> String {
        wait::until(&format!("a frame with {words:?}"), limit, || self.with(words).pop()).0
    }
}
