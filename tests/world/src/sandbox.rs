//! Moving the running program into a sandbox, see `sandbox.sh`.

use std::convert::Infallible;
use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Set for the program inside.
const INSIDE: &str = "BNG_SANDBOX";

/// Whether this process runs in a sandbox.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Why no sandbox can be made here; `None` when it can.
pub fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root".into());
    }
    for tool in ["ip", "unshare", "setpriv"] {
        if !has_tool(tool) {
            return Some(format!("no program `{tool}`"));
        }
    }
    match Command::new(script()).arg("true").stdin(Stdio::null()).output() {
        Ok(out) if out.status.success() => None,
        Ok(out) => Some(format!("no namespaces: {}", String::from_utf8_lossy(&out.stderr).trim())),
        Err(e) => Some(format!("{}: {e}", script().display())),
    }
}

/// Becomes the same program, with the same arguments, in a sandbox.
///
/// # Errors
/// When the sandbox script cannot be executed; does not return otherwise.
pub fn enter() -> io::Result<Infallible> {
    let program = env::current_exe()?;
    Err(Command::new(script()).arg(program).args(env::args_os().skip(1)).env(INSIDE, "1").exec())
}

/// Whether `tool` is an executable in one of the places where Debian puts them.
pub fn has_tool(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(sbin).any(|dir| dir.join(tool).is_file())
}

fn script() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sandbox.sh"))
}
