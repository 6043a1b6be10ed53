//! The configuration file: reading it, and writing it without ever leaving half a file.

use super::exit::{Exit, Failure};
use crate::cli::save::own_comment;
use crate::cli::version::{DATE, VERSION};
use crate::conf::{Config, Header};
use bng_platform::process::localtime::LocalTime;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A configuration without errors.
#[derive(Debug)]
pub struct Loaded {
    /// What the file says; empty when there is no file.
    pub config: Config,
    /// Warnings, or nothing.
    pub warnings: String,
    /// There is no file.
    pub missing: bool,
}

/// Reads and checks `path`. A missing file is an empty configuration, unless the operator has named it.
///
/// # Errors
/// [`Exit::Configuration`] with all diagnostics.
pub fn load(path: &Path, named: bool) -> Result<Loaded, Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && !named => {
            return Ok(Loaded { config: Config::default(), warnings: String::new(), missing: true });
        }
        Err(e) => {
            let text = format!("cannot read configuration file {}: {e}", path.display());
            return Err(Failure::new(Exit::Configuration, text));
        }
    };
    let (config, diagnostics) = Config::parse(&path.display().to_string(), text);
    if diagnostics.has_errors() {
        return Err(Failure::new(Exit::Configuration, diagnostics.to_string()));
    }
    Ok(Loaded { config, warnings: diagnostics.to_string(), missing: false })
}

/// `config` as `save` writes it now.
pub fn written(config: &Config) -> String {
    config.write(&Header {
        taken: LocalTime::now().ctime(),
        version: VERSION.to_owned(),
        created: DATE.to_owned(),
    })
}

/// Writes `config` to `path`: first to a new file, then under the name, so that the name always stands for a whole
/// configuration. The file before is kept with `.bak` behind its name.
///
/// # Errors
/// When the file has comments that would be lost and `force` is not set, or when the system refuses.
pub fn save(path: &Path, config: &Config, force: bool) -> Result<(), String> {
    let told = |e: io::Error| format!("cannot write {}: {e}", path.display());
    // A link to a file stays a link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = match fs::read(path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(told(e)),
    };
    if let Some(text) = &before
        && !force
        && let Some((line, comment)) = own_comment(&String::from_utf8_lossy(text))
    {
        return Err(format!(
            "{} has a comment that would be lost (line {line}: {comment}); use 'save force' to write it anyway, \
             the file as it is will be kept as {}",
            path.display(),
            beside(path, ".bak").display()
        ));
    }
    let new = beside(path, ".new");
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o640).open(&new).map_err(told)?;
    let done = file.write_all(written(config).as_bytes()).and_then(|()| {
        if before.is_some() {
            file.set_permissions(fs::metadata(path)?.permissions())?;
            let backup = beside(path, ".bak");
            let _ = fs::remove_file(&backup);
            fs::hard_link(path, backup)?;
        }
        file.sync_all()?;
        fs::rename(&new, path)?;
        // The new name is safe only when the directory is.
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    });
    done.map_err(|e| {
        let _ = fs::remove_file(&new);
        told(e)
    })
}

/// `path` with `suffix` behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("bng-save-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn config(line: &str) -> Config {
        let mut config = Config::default();
        config.apply_line(line).unwrap();
        config
    }

    #[test]
    fn what_is_saved_is_loaded_and_the_file_before_is_kept() {
        let folder = Folder::new("roundtrip");
        let path = folder.0.join("bng.conf");
        save(&path, &config("hostname one"), false).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        save(&path, &config("hostname two"), false).unwrap();
        assert_eq!(load(&path, true).unwrap().config, config("hostname two"));
        assert_eq!(fs::read_to_string(folder.0.join("bng.conf.bak")).unwrap(), first);
        assert!(!folder.0.join("bng.conf.new").exists());
    }

    #[test]
    fn comments_are_lost_only_by_force() {
        let folder = Folder::new("comments");
        let path = folder.0.join("bng.conf");
        fs::write(&path, "hostname one\n// ask Ann before changing this\n").unwrap();
        let refused = save(&path, &config("hostname two"), false).unwrap_err();
        assert!(refused.contains("line 2: ask Ann") && refused.contains("save force"), "{refused}");
        assert_eq!(load(&path, true).unwrap().config, config("hostname one"));
        save(&path, &config("hostname two"), true).unwrap();
        assert!(fs::read_to_string(folder.0.join("bng.conf.bak")).unwrap().contains("Ann"));
    }

    #[test]
    fn only_a_file_that_was_named_must_exist() {
        let path = Path::new("/nonexistent/bng.conf");
        assert!(load(path, false).unwrap().missing);
        assert_eq!(load(path, true).unwrap_err().exit, Exit::Configuration);
    }

    #[test]
    fn a_file_with_errors_is_refused_with_its_name() {
        let folder = Folder::new("errors");
        let path = folder.0.join("bng.conf");
        fs::write(&path, "hostnam\nserver x\n").unwrap();
        let failure = load(&path, false).unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration);
        assert!(failure.text.contains("bng.conf"), "{}", failure.text);
    }
}
