//! Instances: their files, and who runs.
//!
//! The PID file is locked by the daemon as long as it lives. The lock, not the file, says that an instance runs: a
//! file left by a crash, or a PID that now belongs to somebody else, confuses nobody.

use bng_platform::process::lock::{self, Acquired};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Environment variable that replaces the directory of PID files and sockets; for tests.
pub const RUNDIR_VARIABLE: &str = "BNG_RUNDIR";

/// Directory of PID files and sockets.
const RUNDIR: &str =
    if cfg!(any(target_os = "solaris", target_os = "illumos")) { "/var/run/bng" } else { "/run/bng" };

/// Directory of snapshots: it outlives a restart of the machine, and logs are looked for there.
const SNAPSHOTS: &str = "/var/log";

/// Environment variable by which a service manager names a directory for logs that the daemon may write to
/// (systemd.exec(5), `LogsDirectory=`).
const LOGS_VARIABLE: &str = "LOGS_DIRECTORY";

/// How often [`Instance::wait_until_gone`] looks.
const LOOK: Duration = Duration::from_millis(10);

/// One instance of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Number, 0 to 127.
    pub number: u8,
    /// Configuration file.
    pub config: PathBuf,
    rundir: PathBuf,
    /// Where `snapshot` writes when no file is named.
    pub snapshots: PathBuf,
}

impl Instance {
    /// Instance `number` with the usual files, or with another configuration file.
    pub fn new(number: u8, config: Option<PathBuf>) -> Self {
        let rundir = std::env::var_os(RUNDIR_VARIABLE).map_or_else(|| RUNDIR.into(), PathBuf::from);
        let mut instance = Self::within(&rundir, number, config);
        if let Some(logs) = std::env::var_os(LOGS_VARIABLE) {
            instance.snapshots = logs.into();
        }
        instance
    }

    fn within(rundir: &Path, number: u8, config: Option<PathBuf>) -> Self {
        let config = config.unwrap_or_else(|| match number {
            0 => "/etc/bng.conf".into(),
            n => format!("/etc/bng.conf.{n}").into(),
        });
        // Where tests have their files, they have all of them.
        let snapshots = if rundir == Path::new(RUNDIR) { SNAPSHOTS.into() } else { rundir.to_owned() };
        Self { number, config, rundir: rundir.to_owned(), snapshots }
    }

    /// The PID file.
    pub fn pid_file(&self) -> PathBuf {
        self.rundir.join(format!("{}.pid", self.number))
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.rundir.join(format!("{}.sock", self.number))
    }

    /// `instance 41 ` in messages about any instance but the first, which is never mentioned.
    pub fn label(&self) -> String {
        match self.number {
            0 => String::new(),
            n => format!("instance {n} "),
        }
    }

    /// PID of the running daemon. Not for the daemon itself: closing the file again would release its own lock.
    ///
    /// # Errors
    /// When the PID file is there but cannot be looked at.
    pub fn running(&self) -> io::Result<Option<u32>> {
        let mut file = match File::open(self.pid_file()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match lock::holder(&file)? {
            None => Ok(None),
            // The holder lives in another PID namespace: its own word is all we have.
            Some(0) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Ok(Some(text.trim().parse().unwrap_or(0)))
            }
            Some(pid) => Ok(Some(pid)),
        }
    }

    /// Waits until the daemon with this PID has let go of the instance, at most `limit`. `false`: it has not.
    ///
    /// # Errors
    /// As [`Instance::running`].
    pub fn wait_until_gone(&self, pid: u32, limit: Duration) -> io::Result<bool> {
        let mut waited = Duration::ZERO;
        while self.running()? == Some(pid) {
            if waited >= limit {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        Ok(true)
    }
}

/// The right to be the daemon of an instance. Dropping it removes the files.
#[derive(Debug)]
pub struct Claim {
    instance: Instance,
    /// Open as long as we live: closing it releases the lock.
    _file: File,
    /// A socket of a daemon that died was removed.
    pub removed_socket: bool,
}

/// Outcome of [`Claim::take`].
#[derive(Debug)]
pub enum Taking {
    /// The instance is ours.
    Ours(Claim),
    /// The daemon with this PID has it.
    Taken(u32),
}

impl Claim {
    /// Takes the instance for this process: makes the directory, locks and writes the PID file, and removes the
    /// socket of a daemon that died.
    ///
    /// # Errors
    /// When a file cannot be made; the text names it.
    pub fn take(instance: &Instance) -> Result<Taking, String> {
        let told = |path: &Path| {
            let path = path.display().to_string();
            move |e: io::Error| match remedy(&e) {
                None => format!("cannot write {path}: {e}"),
                Some(remedy) => format!("cannot write {path}: {e}; {remedy}"),
            }
        };
        let rundir = &instance.rundir;
        fs::DirBuilder::new().recursive(true).mode(0o755).create(rundir).map_err(told(rundir))?;
        let path = instance.pid_file();
        loop {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&path)
                .map_err(told(&path))?;
            if lock::acquire(&file).map_err(told(&path))? == Acquired::Taken {
                match instance.running().map_err(told(&path))? {
                    Some(pid) => return Ok(Taking::Taken(pid)),
                    // It ended between the two questions.
                    None => continue,
                }
            }
            // The one before us may have removed the file after we opened it: then we locked a file without a name.
            let ours = file.metadata().map_err(told(&path))?;
            match fs::metadata(&path) {
                Ok(named) if (named.dev(), named.ino()) == (ours.dev(), ours.ino()) => {}
                _ => continue,
            }
            file.set_len(0).and_then(|()| file.rewind()).map_err(told(&path))?;
            writeln!(file, "{}", std::process::id()).map_err(told(&path))?;
            let socket = instance.socket();
            let removed_socket = match fs::remove_file(&socket) {
                Ok(()) => true,
                Err(e) if e.kind() == io::ErrorKind::NotFound => false,
                Err(e) => return Err(told(&socket)(e)),
            };
            return Ok(Taking::Ours(Self { instance: instance.clone(), _file: file, removed_socket }));
        }
    }
}

/// What to do about a runtime directory that cannot be written.
fn remedy(e: &io::Error) -> Option<&'static str> {
    match e.kind() {
        io::ErrorKind::ReadOnlyFilesystem => Some(
            "mount a file system for it that can be written (mount -t tmpfs), or name another folder by BNG_RUNDIR",
        ),
        io::ErrorKind::PermissionDenied => Some(
            "give the folder to the user of the daemon, start as root, or name another folder by BNG_RUNDIR",
        ),
        _ => None,
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // In this order: whoever finds no PID file finds no socket either.
        let _ = fs::remove_file(self.instance.socket());
        let _ = fs::remove_file(self.instance.pid_file());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run directory of its own for each test.
    struct Rundir(PathBuf);

    impl Rundir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("bng-instance-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Rundir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_follow_the_number() {
        let zero = Instance::within(Path::new("/run/bng"), 0, None);
        assert_eq!(zero.config, Path::new("/etc/bng.conf"));
        assert_eq!(zero.pid_file(), Path::new("/run/bng/0.pid"));
        assert_eq!(zero.snapshots, Path::new(if RUNDIR == "/run/bng" { "/var/log" } else { "/run/bng" }));
        assert_eq!(zero.label(), "");
        let other = Instance::within(Path::new("/run/bng"), 41, None);
        assert_eq!(other.config, Path::new("/etc/bng.conf.41"));
        assert_eq!(other.socket(), Path::new("/run/bng/41.sock"));
        assert_eq!(other.label(), "instance 41 ");
        assert_eq!(Instance::within(Path::new("/x"), 1, Some("/c".into())).config, Path::new("/c"));
    }

    #[test]
    fn a_claim_makes_its_directory_and_removes_its_files() {
        let rundir = Rundir::new("claim");
        let instance = Instance::within(&rundir.0.join("deep/er"), 3, None);
        let Taking::Ours(claim) = Claim::take(&instance).unwrap() else { panic!("nobody else is here") };
        assert_eq!(fs::read_to_string(instance.pid_file()).unwrap().trim(), std::process::id().to_string());
        assert!(!claim.removed_socket);
        drop(claim);
        assert!(!instance.pid_file().exists());
    }

    #[test]
    fn a_pid_file_without_a_lock_is_nobody() {
        let rundir = Rundir::new("stale");
        let instance = Instance::within(&rundir.0, 0, None);
        // PID 1 lives, but it does not hold the lock.
        fs::write(instance.pid_file(), "1\n").unwrap();
        drop(std::os::unix::net::UnixListener::bind(instance.socket()).unwrap());
        assert_eq!(instance.running().unwrap(), None);
        let Taking::Ours(claim) = Claim::take(&instance).unwrap() else {
            panic!("stale files must not stop us")
        };
        assert!(claim.removed_socket);
        assert!(!instance.socket().exists());
    }

    #[test]
    fn no_files_mean_not_running_and_gone() {
        let rundir = Rundir::new("none");
        let instance = Instance::within(&rundir.0, 0, None);
        assert_eq!(instance.running().unwrap(), None);
        assert!(instance.wait_until_gone(1, Duration::ZERO).unwrap());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let instance = Instance::within(Path::new("/proc/nowhere"), 0, None);
        assert!(Claim::take(&instance).unwrap_err().starts_with("cannot write /proc/nowhere: "));
    }
}
