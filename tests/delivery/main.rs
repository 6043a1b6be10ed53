//! What carries bng to its users: packages for Solaris and illumos, their service, and the workflows of a forge.
//!
//! None of it can be run here, so everything is checked that can be: the packages against what is installed, the
//! service manifest against the rules of its format, its method with a bng and an SMF of our own, the workflows
//! against the Makefile.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is checked here are files and scripts"
)]

mod forge;
mod manifest;
mod method;
mod package;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The source tree.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the source tree.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What a script of the source tree prints.
fn script(path: &str, arguments: &[&str]) -> String {
    let out =
        Command::new(root().join(path)).args(arguments).output().unwrap_or_else(|e| panic!("{path}: {e}"));
    assert!(out.status.success(), "{path}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

/// A folder of its own for one test, which is removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bng-delivery-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes an executable file and returns its path.
    fn program(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
