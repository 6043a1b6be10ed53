//! Commands that run beside the program: started, watched, read and ended without ever waiting for one of them.
//!
//! ```text
//!   start ---> /bin/sh, leader of a process group of its own ---> exit status, last output
//!                 |  stdin /dev/null, stdout and stderr one pipe to us, nothing else is inherited
//!                 +- over its time, or endless output: the whole group is killed
//! ```
//!
//! Whoever owns a [`Children`] polls its pipes and calls [`Children::ended`] when one is ready, when SIGCHLD has come
//! (a command may end while something that it has left behind holds the pipe) and when [`Children::left`] is over.

use super::shell::Ended;
use super::{Interest, PollSet, inherit};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Most output that is kept, in bytes; the last counts.
const KEPT: usize = 4 * 1024;

/// Most output that a command may write, in bytes. One that writes more is taken for a loop and killed.
pub const OUTPUT_MAX: usize = 1024 * 1024;

/// Most that is read of one command in a row, in bytes: the others have their turn too.
const READ_MAX: usize = 64 * 1024;

/// The environment of every command, apart from what its [`Order`] adds.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("HOME", "/"),
    ("LC_ALL", "C"),
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
];

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// For `/bin/sh -c`.
    pub command: String,
    /// Put behind the command, each as one word whatever is in it.
    pub arguments: Vec<String>,
    /// Added to [`ENVIRONMENT`].
    pub environment: Vec<(&'static str, String)>,
    /// Time that it may take.
    pub limit: Duration,
    /// Whether what it leaves behind in its process group is killed when it ends.
    pub sweep: bool,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// With a status, by a signal, or by us.
    pub ended: Ended,
    /// Its last line of output that is not blank, without control characters at its ends; may be empty.
    pub line: String,
    /// From the start to the end.
    pub took: Duration,
}

struct Running<K> {
    key: K,
    child: Child,
    /// Where its output comes from, until the end of that.
    pipe: Option<OwnedFd>,
    kept: Vec<u8>,
    written: usize,
    started: Instant,
    limit: Duration,
    sweep: bool,
}

/// Commands under way. `K` says whose they are.
pub struct Children<K> {
    running: Vec<Running<K>>,
    /// Killed, reported, and not gone yet.
    dying: Vec<Child>,
}

impl<K> Default for Children<K> {
    fn default() -> Self {
        Self { running: Vec::new(), dying: Vec::new() }
    }
}

impl<K> Children<K> {
    /// How many there are, those included that were killed and are not gone yet.
    pub fn len(&self) -> usize {
        self.running.len() + self.dying.len()
    }

    /// True when nothing runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whose commands run, in the order of their start.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.running.iter().map(|running| &running.key)
    }

    /// Starts a command.
    ///
    /// # Errors
    /// When the system has no process, descriptor or memory left. A command that does not exist is no error here: the
    /// shell ends with status 127.
    pub fn start(&mut self, key: K, order: &Order) -> io::Result<()> {
        inherit::nothing();
        let (pipe, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let command = format!("{} \"$@\"", order.command);
        let child = Command::new("/bin/sh")
            .args(["-c", if order.arguments.is_empty() { &order.command } else { &command }, "sh"])
            .args(&order.arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .envs(order.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(write.try_clone()?)
            .stderr(write)
            .process_group(0)
            .spawn()?;
        let (started, limit, sweep) = (Instant::now(), order.limit, order.sweep);
        let running =
            Running { key, child, pipe: Some(pipe), kept: Vec::new(), written: 0, started, limit, sweep };
        self.running.push(running);
        Ok(())
    }

    /// Adds the pipes to `set`. Which one is ready need not be asked: [`Children::ended`] looks at all.
    pub fn register<'a>(&'a self, set: &mut PollSet<'a>) {
        for pipe in self.running.iter().filter_map(|running| running.pipe.as_ref()) {
            set.add(pipe.as_fd(), Interest::Read);
        }
    }

    /// Time until the first command is over its own; `None` when nothing runs.
    pub fn left(&self) -> Option<Duration> {
        self.running.iter().map(|running| running.limit.saturating_sub(running.started.elapsed())).min()
    }

    /// The commands that have ended since the last call, those included that had to be killed.
    pub fn ended(&mut self) -> Vec<(K, Outcome)> {
        self.dying.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let mut ended = Vec::new();
        for mut running in std::mem::take(&mut self.running) {
            running.read();
            let gone = has_ended(&running.child);
            let end = if gone {
                // What was written before the end is in the pipe by now.
                running.read();
                // The leader has not been waited for yet, so this group is nobody else's.
                if running.sweep {
                    kill_group(&running.child);
                }
                running.child.wait().map_or(Ended::TimedOut, by)
            } else if running.written > OUTPUT_MAX {
                Ended::Flooded
            } else if running.started.elapsed() >= running.limit {
                Ended::TimedOut
            } else {
                self.running.push(running);
                continue;
            };
            let outcome =
                Outcome { ended: end, line: last_line(&running.kept), took: running.started.elapsed() };
            if !gone {
                kill_group(&running.child);
                // One that sleeps in the kernel takes its time to die; nobody waits for it.
                self.dying.push(running.child);
            }
            ended.push((running.key, outcome));
        }
        ended
    }

    /// Kills the commands that `whose` names; nothing is reported of them.
    pub fn kill(&mut self, whose: impl Fn(&K) -> bool) {
        for running in std::mem::take(&mut self.running) {
            if whose(&running.key) {
                kill_group(&running.child);
                self.dying.push(running.child);
            } else {
                self.running.push(running);
            }
        }
    }
}

/// What has to be swept up does not outlive the program; other commands go on by themselves.
impl<K> Drop for Children<K> {
    fn drop(&mut self) {
        self.running.iter().filter(|running| running.sweep).for_each(|running| kill_group(&running.child));
    }
}

impl<K> std::fmt::Debug for Children<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Children({} running, {} dying)", self.running.len(), self.dying.len())
    }
}

impl<K> Running<K> {
    /// Takes what the command has written, some of it at least.
    fn read(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut bytes = [0; 4096];
        let end = (self.written + READ_MAX).min(OUTPUT_MAX + 1);
        while self.written < end {
            match nix::unistd::read(pipe, &mut bytes) {
                Ok(n) if n > 0 => {
                    self.written += n;
                    self.kept.extend_from_slice(&bytes[..n]);
                    let over = self.kept.len().saturating_sub(KEPT);
                    self.kept.drain(..over);
                }
                Err(Errno::EAGAIN | Errno::EINTR) => return,
                _ => {
                    self.pipe = None;
                    return;
                }
            }
        }
    }
}

/// The last line that is not blank.
fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn by(status: ExitStatus) -> Ended {
    status.code().map_or_else(|| Ended::Signal(status.signal().unwrap_or(0)), Ended::Status)
}

/// Whether `child` has ended; unlike `try_wait` this leaves it to be waited for, so that its number is not given away.
fn has_ended(child: &Child) -> bool {
    // SAFETY: all-zero bytes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is valid for the call, which keeps nothing.
    let done = unsafe { libc::waitid(libc::P_PID, child.id() as libc::id_t, &mut info, flags) };
    // An error means that there is no such child any more; without one, no signal means that it still runs.
    done != 0 || info.si_signo == libc::SIGCHLD
}

/// Kills the process group that `child`, which was not waited for yet, leads.
fn kill_group(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(command: &str) -> Order {
        Order {
            command: command.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            limit: Duration::from_secs(20),
            sweep: true,
        }
    }

    /// Waits for all of `children` as an owner does that gets no SIGCHLD.
    fn all<K>(children: &mut Children<K>) -> Vec<(K, Outcome)> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut ended = Vec::new();
        while !children.is_empty() {
            assert!(Instant::now() < end, "{children:?} after a minute");
            let mut set = PollSet::new();
            children.register(&mut set);
            set.wait(Some(Duration::from_millis(20))).unwrap();
            drop(set);
            ended.extend(children.ended());
        }
        ended
    }

    fn run(order: &Order) -> Outcome {
        let mut children = Children::default();
        children.start((), order).unwrap();
        let [((), outcome)] = all(&mut children).try_into().unwrap();
        outcome
    }

    #[test]
    fn status_and_last_line_arrive() {
        let outcome = run(&order("echo one; echo ' two ' >&2; echo; exit 3"));
        assert_eq!((outcome.ended, outcome.line.as_str()), (Ended::Status(3), "two"));
        assert_eq!(run(&order("true")).ended, Ended::Status(0));
        assert_eq!(run(&order("kill -9 $$")).ended, Ended::Signal(9));
    }

    #[test]
    fn what_does_not_exist_says_so() {
        let outcome = run(&order("/nonexistent/check"));
        assert_eq!(outcome.ended, Ended::Status(127));
        assert!(outcome.line.contains("/nonexistent/check"), "{}", outcome.line);
    }

    #[test]
    fn arguments_are_words_whatever_is_in_them() {
        let arguments = vec!["a b".to_owned(), "$(id)".to_owned(), "'\"".to_owned()];
        let outcome = run(&Order { arguments, ..order("printf '<%s>' first") });
        assert_eq!(outcome.line, "<first><a b><$(id)><'\">");
    }

    #[test]
    fn the_environment_is_the_documented_one_and_nothing_else() {
        let environment = vec![("BNG_STATE", "down".to_owned())];
        let mut children = Children::default();
        children
            .start((), &Order { environment, ..order("env | cut -d= -f1 | sort | tr '\\n' ' '; pwd") })
            .unwrap();
        let outcome = all(&mut children).remove(0).1;
        // Shells set PWD by themselves, some also SHLVL and _.
        let own = |name: &&str| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name);
        let names: Vec<&str> = outcome.line.split(' ').filter(own).collect();
        assert_eq!(names, ["BNG_STATE", "HOME", "LC_ALL", "PATH", "/"]);
    }

    #[test]
    fn a_command_over_its_time_is_killed_with_its_children_and_waited_for_by_nobody() {
        let mut children = Children::default();
        let limit = Duration::from_millis(300);
        let hanging = "trap '' TERM HUP INT; sleep 1234567 & echo started; sleep 1234567";
        children.start(1, &Order { limit, ..order(hanging) }).unwrap();
        let before = Instant::now();
        let ended = all(&mut children);
        assert_eq!(
            (ended[0].0, &ended[0].1.ended, ended[0].1.line.as_str()),
            (1, &Ended::TimedOut, "started")
        );
        assert!(before.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn endless_output_ends_the_command_and_little_is_kept() {
        let outcome = run(&order("yes a line"));
        // Where it is cut nobody knows.
        assert_eq!(outcome.ended, Ended::Flooded);
        assert!("a line".starts_with(&outcome.line) && !outcome.line.is_empty(), "{}", outcome.line);
        // Much, but not endless.
        assert_eq!(run(&order("head -c 900000 /dev/zero | tr '\\0' x")).ended, Ended::Status(0));
    }

    #[test]
    fn what_is_left_behind_is_not_waited_for_and_swept_up() {
        let before = Instant::now();
        let outcome = run(&order("sleep 1234568 & echo $!"));
        assert_eq!(outcome.ended, Ended::Status(0));
        let left: u32 = outcome.line.parse().unwrap();
        let end = before + Duration::from_secs(10);
        // Nobody but init waits for it, if there is one here.
        let gone = |pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !crate::process::pid::alive(pid) || stat.contains(") Z ")
        };
        while !gone(left) {
            assert!(Instant::now() < end, "{left} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_descriptor_is_inherited_not_even_one_that_a_library_left_open() {
        // SAFETY: duplicates a descriptor that is open; the result is owned below.
        let careless = unsafe { libc::dup(2) };
        assert!(careless > 2);
        // SAFETY: `careless` is a new descriptor that nobody else owns.
        let _careless = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(careless) };
        // The listing itself is the fourth.
        assert_eq!(run(&order("ls /proc/self/fd | tr '\\n' ' '")).line, "0 1 2 3");
        let outcome =
            run(&order("readlink /proc/self/fd/0; readlink /proc/self/fd/1 | sed 's/:.*//' | tr '\\n' ' '"));
        assert_eq!(outcome.line, "pipe");
    }

    #[test]
    fn two_hundred_run_side_by_side() {
        let before = Instant::now();
        let mut children = Children::default();
        for n in 0..200 {
            children.start(n, &order(&format!("sleep 1; echo {n}; exit {}", n % 3))).unwrap();
        }
        assert_eq!(children.len(), 200);
        let mut ended = all(&mut children);
        ended.sort_by_key(|(n, _)| *n);
        assert_eq!(ended.len(), 200);
        for (n, outcome) in ended {
            assert_eq!((outcome.ended, outcome.line), (Ended::Status(n % 3), n.to_string()));
        }
        // One after the other they would take more than three minutes.
        assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    }

    #[test]
    fn who_is_gone_takes_along_what_is_to_be_swept_up() {
        let mut children = Children::default();
        children.start((), &order("sleep 1234569")).unwrap();
        let pid = children.running[0].child.id();
        drop(children);
        let end = Instant::now() + Duration::from_secs(10);
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while crate::process::pid::alive(pid) && !stat().contains(") Z ") {
            assert!(Instant::now() < end, "{pid} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
