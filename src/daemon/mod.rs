//! The process around the balancer: command line, instances, signals, control socket, threads.
//!
//! ```text
//!   control thread:  signals, control socket, director, deadlines          (serve.rs)
//!   worker threads:  one per receive queue: receive, engine, send          (worker.rs)
//!   between them:    snapshot (ArcSwap), frames for the director (ring),   (worker.rs)
//!                    questions to a worker (mailbox)
//! ```
// The one place where time, threads, files and sockets are allowed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod clock;
pub mod control;
pub mod exit;
pub mod instance;
pub mod log;
