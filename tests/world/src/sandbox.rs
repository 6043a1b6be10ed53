//! Moving the running program into a sandbox, see `sandbox.sh`.

use std::convert::Infallible;
use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Set for the program inside.
const INSIDE: &str = "BNG_SANDBOX";
/// Names the file where `tests/run.sh` collects what was not proved.
const COLLECTED: &str = "BNG_NOT_PROVED";

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

/// What the harness of a test program does first: moves itself into a sandbox, or tells why it cannot. A program that
/// only `lists` its tests stays where it is.
///
/// # Errors
/// When a sandbox can be made but not entered.
pub fn settle(lists: bool) -> Result<Option<String>, String> {
    if lists || is_inside() {
        return Ok(None);
    }
    match obstacle() {
        Some(reason) => Ok(Some(reason)),
        None => {
            let Err(e) = enter();
            Err(format!("cannot enter a sandbox: {e}"))
        }
    }
}

/// Tells which tests could not be run, a line `name: reason` each: in the file that `tests/run.sh` collects them in,
/// or here and now.
pub fn report_not_proved(lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let told = env::var_os(COLLECTED).is_some_and(|path| {
        File::options().append(true).open(path).and_then(|mut file| file.write_all(text.as_bytes())).is_ok()
    });
    if !told {
        eprint!("not proved on this machine: {}\n{text}", lines.len());
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
