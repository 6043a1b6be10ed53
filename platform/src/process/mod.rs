//! What the daemon asks of the operating system apart from frames: waiting, waking, detaching, asking who is at the
//! other end of a socket, locking a PID file, running commands, logging to syslog.
//!
//! Every file is one service with the same behaviour on Linux, Solaris and illumos; where a system lacks it, the
//! function says so instead of pretending.

pub mod children;
pub mod cpu;
pub mod detach;
pub mod identity;
mod inherit;
pub mod load;
pub mod localtime;
pub mod lock;
pub mod peer;
pub mod pid;
pub mod poll;
pub mod privilege;
pub mod random;
pub mod shell;
pub mod syslog;
pub mod udp;
pub mod waker;

pub use poll::{Interest, PollSet};
pub use waker::Waker;
