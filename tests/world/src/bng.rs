//! One instance of bng, driven by its command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::{Host, Service, World, wait};
use std::io::Write;

/// How long bng may take until its control socket answers.
const STARTUP: Duration = Duration::from_secs(10);

/// One instance of bng on one host, with its own configuration file and runtime folder.
#[derive(Debug)]
pub struct Bng {
    binary: PathBuf,
    host: Host,
    config: PathBuf,
    rundir: PathBuf,
    log: PathBuf,
    service: Option<Service>,
}

impl Bng {
    /// An instance that does not run yet: `binary` on `host` with the text of its configuration.
    pub fn new(binary: &str, world: &World, host: &Host, config: &str) -> Self {
        let name = host.namespace();
        let path = world.write(&format!("{name}.conf"), config);
        Self {
            binary: binary.into(),
            host: host.clone(),
            config: path,
            rundir: world.dir().join(format!("{name}-run")),
            log: world.dir().join(format!("{name}.log")),
            service: None,
        }
    }

    /// An instance that runs in the foreground and answers on its control socket.
    ///
    /// # Panics
    /// When it ends instead, with what it printed.
    pub fn running(binary: &str, world: &World, host: &Host, config: &str) -> Self {
        let mut bng = Self::new(binary, world, host, config);
        bng.start();
        bng
    }

    /// Starts it in the foreground and waits until it answers.
    ///
    /// # Panics
    /// When it ends instead, with what it printed.
    pub fn start(&mut self) {
        let mut command = self.command();
        let mut service =
            Service::start(command.arg("-c").arg(&self.config).args(["-f", "start"]), &self.log);
        wait::for_true("bng to answer on its control socket", STARTUP, || {
            if let Some(status) = service.ended() {
                panic!("bng ended with {status}:\n{}", service.log());
            }
            self.try_cmdctl("show version\n").status.success()
        });
        self.service = Some(service);
    }

    /// A command that will run bng on its host; arguments are the caller's.
    pub fn command(&self) -> Command {
        let mut command = self.host.command(&self.binary);
        command.env("BNG_RUNDIR", &self.rundir);
        command
    }

    /// Runs bng with some arguments to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap_or_else(|e| panic!("{}: {e}", self.binary.display()))
    }

    /// Runs `bng -c FILE start`, which puts itself in the background.
    pub fn start_in_background(&self) -> Output {
        let mut command = self.command();
        command.arg("-c").arg(&self.config).arg("start");
        command.output().unwrap_or_else(|e| panic!("{}: {e}", self.binary.display()))
    }

    /// Feeds control commands (a line each) to `bng cmdctl`.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn try_cmdctl(&self, commands: &str) -> Output {
        let mut command = self.command();
        command.arg("cmdctl").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.binary.display()));
        if let Some(mut stdin) = child.stdin.take() {
            // Without a daemon it ends before it reads.
            let _ = stdin.write_all(commands.as_bytes());
        }
        child.wait_with_output().unwrap_or_else(|e| panic!("{}: {e}", self.binary.display()))
    }

    /// Feeds control commands to `bng cmdctl` and returns what it prints.
    ///
    /// # Panics
    /// When it fails, with its output.
    pub fn cmdctl(&self, commands: &str) -> String {
        let out = self.try_cmdctl(commands);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success(),
            "`{}` ended with {}\n{text}{}",
            commands.trim(),
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
        text
    }

    /// The row of a `show` table that begins with number `n`, split into words.
    pub fn row(&self, table: &str, n: u16) -> Option<Vec<String>> {
        let text = self.cmdctl(&format!("show {table}\n"));
        let n = n.to_string();
        let row = text.lines().find(|l| l.split_whitespace().next() == Some(&n))?;
        Some(row.split_whitespace().map(str::to_owned).collect())
    }

    /// Path of the configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Replaces the configuration file; takes effect with a reload or the next start.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_config(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap_or_else(|e| panic!("{}: {e}", self.config.display()));
    }

    /// Runtime folder, with PID file and socket.
    pub fn rundir(&self) -> &Path {
        &self.rundir
    }

    /// The host it runs on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The foreground process.
    ///
    /// # Panics
    /// When it was not started, or was stopped.
    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("bng was started in the foreground")
    }

    /// Sends a signal to the foreground process.
    pub fn signal(&mut self, signal: Signal) {
        self.service().signal(signal);
    }

    /// Ends it with SIGTERM.
    ///
    /// # Panics
    /// When it does not end, or not with status 0.
    pub fn stop(&mut self) {
        let service = self.service.take().expect("bng was started in the foreground");
        let status = service.stop();
        assert!(status.success(), "bng ended with {status} after SIGTERM");
    }

    /// Ends it without a chance to say goodbye to its peers or to clean up.
    pub fn kill(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill();
        }
    }
}
