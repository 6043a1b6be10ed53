//! The configuration file: reading it, and writing it without ever leaving half a file.

use super::exit::{Exit, Failure};
use crate::cli::save::own_comment;
use crate::cli::source::{Part, parts};
use crate::cli::version::{DATE, VERSION};
use crate::conf::{Config, Diagnostics, Header, TEXT_MAX};
use bng_platform::process::localtime::LocalTime;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Most files that may stand within each other by `source`.
const SOURCE_DEPTH: usize = 16;

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

/// The bytes of `path`, but no more than a configuration may have and one, so that it is refused as too long.
///
/// # Errors
/// When it is not a file or cannot be read. A pipe, which might never end, or a device, which might never begin, is none.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    contents(path).map_err(|e| format!("cannot read configuration file {}: {e}", path.display()))
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens `path` for reading.
///
/// # Errors
/// When it is not a file or cannot be read.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    let other = match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("directory"),
        () if kind.is_fifo() => Some("pipe"),
        () if kind.is_socket() => Some("socket"),
        () => Some("device"),
    };
    if let Some(other) = other {
        return Err(io::Error::other(format!("it is a {other}, not a file")));
    }
    File::open(path)
}

/// Reads and checks `path`. A missing file is an empty configuration, unless the operator has named it.
///
/// # Errors
/// [`Exit::Configuration`] with all diagnostics.
pub fn load(path: &Path, named: bool) -> Result<Loaded, Failure> {
    let text = match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound && !named => {
            return Ok(Loaded { config: Config::default(), warnings: String::new(), missing: true });
        }
        _ => read(path).map_err(|e| Failure::new(Exit::Configuration, e))?,
    };
    let (config, diagnostics) = Config::parse(&path.display().to_string(), text);
    if diagnostics.has_errors() {
        return Err(Failure::new(Exit::Configuration, diagnostics.to_string()));
    }
    Ok(Loaded { config, warnings: diagnostics.to_string(), missing: false })
}

/// Applies the statements in `path` to `config`, those of further files that it names with `source` included. The
/// text is what there is to say about it.
///
/// # Errors
/// With all errors of the first file that has some; `config` then is of no use.
pub fn source(path: &Path, config: &mut Config) -> Result<String, Failure> {
    include(path, config, &mut Vec::new())
}

/// As [`source()`]; `within` are the files that are being read.
fn include(path: &Path, config: &mut Config, within: &mut Vec<PathBuf>) -> Result<String, Failure> {
    let failed = |text: String| Failure::new(Exit::Configuration, text);
    let name = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let shown = path.display();
    if within.contains(&name) {
        let chain: Vec<String> = within.iter().map(|path| path.display().to_string()).collect();
        return Err(failed(format!(
            "{shown} would be read within itself: {}; take out one of the 'source' lines",
            chain.join(" sources ")
        )));
    }
    if within.len() == SOURCE_DEPTH {
        return Err(failed(format!("{shown}: more than {SOURCE_DEPTH} files within each other")));
    }
    let bytes = read(path).map_err(failed)?;
    // Nobody can type this much; and a file that is no text has no lines to look at.
    let text = match (std::str::from_utf8(&bytes), bytes.len() <= TEXT_MAX) {
        (Ok(text), true) if !text.contains('\0') => text,
        _ => {
            let (_, diagnostics) = Config::parse(&shown.to_string(), &bytes);
            return Err(failed(diagnostics.to_string()));
        }
    };
    within.push(name);
    let mut said = String::new();
    for part in parts(text) {
        match part {
            Part::Statements { line, text } => match config.apply_line(text) {
                Ok(warnings) => said.push_str(&moved(&shown.to_string(), line, &warnings)),
                Err(errors) => return Err(failed(moved(&shown.to_string(), line, &errors))),
            },
            Part::Source { line, file } if !Path::new(file).is_absolute() => {
                return Err(failed(format!("{shown}:{line}:1: error: '{file}' is no absolute path")));
            }
            Part::Source { file, .. } => said.push_str(&include(Path::new(file), config, within)?),
        }
    }
    within.pop();
    Ok(said)
}

/// Diagnostics of a part that begins at line `first` of the file called `name`, as those of the file.
fn moved(name: &str, first: usize, diagnostics: &Diagnostics) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.iter() {
        match &diagnostic.place {
            Some(place) => {
                text.push_str(&format!("{name}:{}:{}: {diagnostic}\n", place.line + first - 1, place.column));
                let (mark, line) = (" ".repeat(place.mark), "^".repeat(place.length));
                text.push_str(&format!("  | {}\n  | {mark}{line}\n", place.excerpt));
            }
            None => text.push_str(&format!("{name}: {diagnostic}\n")),
        }
        text.extend(diagnostic.hint.as_ref().map(|hint| format!("  = {hint}\n")));
    }
    let more = diagnostics.errors() + diagnostics.warnings() - diagnostics.iter().count();
    if more > 0 {
        text.push_str(&format!("{name}: {more} more\n"));
    }
    text
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
/// When the file has comments that would be lost and `force` is not set, or when the system refuses;
/// [`Exit::Privilege`] says that another user might be allowed to.
pub fn save(path: &Path, config: &Config, force: bool) -> Result<(), Failure> {
    let told = |e: io::Error| {
        let lacking = matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
        let exit = if lacking { Exit::Privilege } else { Exit::Failed };
        Failure::new(exit, format!("cannot write {}: {e}", path.display()))
    };
    // A link to a file stays a link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = match contents(path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(told(e)),
    };
    if let Some(text) = &before
        && !force
        && let Some((line, comment)) = own_comment(&String::from_utf8_lossy(text))
    {
        return Err(Failure::from(format!(
            "{} has a comment that would be lost (line {line}: {comment}); use 'save force' to write it anyway, \
             the file as it is will be kept as {}",
            path.display(),
            beside(path, ".bak").display()
        )));
    }
    let new = beside(path, ".new");
    let done = write_new(path, &new, config, before.is_some()).and_then(|()| {
        if before.is_some() {
            keep(path)?;
        }
        fs::rename(&new, path)?;
        // The new name is safe only when the directory is.
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    });
    done.map_err(|e| {
        let _ = fs::remove_file(&new);
        let Failure { exit, text } = told(e);
        Failure::new(exit, format!("{text}; the file and the running configuration are as before"))
    })
}

/// Writes all of `config` to `new`, so that a full disk is noticed before anything else is touched. The file gets the
/// permissions of `path` when it is to replace one, and its owner if we may give it away.
fn write_new(path: &Path, new: &Path, config: &Config, replaces: bool) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o640).open(new)?;
    file.write_all(written(config).as_bytes())?;
    if replaces {
        let before = fs::metadata(path)?;
        // Whoever could read it goes on to: root writes a file that the daemon's group has to read.
        match fchown(&file, Some(before.uid()), Some(before.gid())) {
            Err(e) if e.kind() != ErrorKind::PermissionDenied => return Err(e),
            _ => file.set_permissions(before.permissions())?,
        }
    }
    file.sync_all()
}

/// Gives the file at `path` a second name with `.bak` at the end, in one step: at no time there is no `.bak`.
fn keep(path: &Path) -> io::Result<()> {
    let (backup, interim) = (beside(path, ".bak"), beside(path, ".old"));
    let _ = fs::remove_file(&interim);
    // A file system without second names: a copy is as good, only slower.
    let linked = fs::hard_link(path, &interim).or_else(|_| fs::copy(path, &interim).map(drop));
    // Renaming one name of a file to another name of the same file leaves both.
    let kept = linked.and_then(|()| fs::rename(&interim, backup));
    let _ = fs::remove_file(&interim);
    kept
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
        let refused = save(&path, &config("hostname two"), false).unwrap_err().text;
        assert!(refused.contains("line 2: ask Ann") && refused.contains("save force"), "{refused}");
        assert_eq!(load(&path, true).unwrap().config, config("hostname one"));
        save(&path, &config("hostname two"), true).unwrap();
        assert!(fs::read_to_string(folder.0.join("bng.conf.bak")).unwrap().contains("Ann"));
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_written() {
        for path in ["/dev/zero", "/dev/full", "/"] {
            assert!(read(Path::new(path)).unwrap_err().contains("not a file"), "{path}");
            assert!(save(Path::new(path), &config("hostname x"), true).is_err(), "{path}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_written_leaves_everything_as_it_is() {
        let refused = save(Path::new("/proc/bng.conf"), &config("hostname x"), false).unwrap_err().text;
        assert!(refused.starts_with("cannot write /proc/bng.conf: "), "{refused}");
        assert!(refused.ends_with("the file and the running configuration are as before"), "{refused}");
    }

    #[test]
    fn sourced_files_add_to_the_configuration_in_order() {
        let folder = Folder::new("source");
        let (a, b) = (folder.0.join("a"), folder.0.join("b"));
        fs::write(&a, format!("hostname one\nsource {}\nserver 1 port 80\n", b.display())).unwrap();
        fs::write(&b, "hostname two\nserver 1 {\n  ipaddr 192.0.2.1\n}\n").unwrap();
        let mut sourced = config("set localdsr 1");
        source(&a, &mut sourced).unwrap();
        let mut expected = config("set localdsr 1");
        expected.apply_line("hostname two\nserver 1 { ipaddr 192.0.2.1 port 80 }").unwrap();
        assert_eq!(sourced, expected);
    }

    #[test]
    fn errors_in_a_sourced_file_are_placed_in_it() {
        let folder = Folder::new("source-errors");
        let (a, b) = (folder.0.join("a"), folder.0.join("b"));
        fs::write(&a, format!("hostname one\n\nsource \"{}\"\n", b.display())).unwrap();
        fs::write(&b, "\n  serverr 1\n").unwrap();
        let failure = source(&a, &mut Config::default()).unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration);
        let place = format!("{}:2:3: error: ", b.display());
        assert!(failure.text.contains(&place), "no {place} in {}", failure.text);
        fs::write(&b, [0xff, 0, 1]).unwrap();
        assert!(source(&a, &mut Config::default()).unwrap_err().text.contains("not UTF-8"));
        fs::write(&b, "source relative\n").unwrap();
        assert!(source(&a, &mut Config::default()).unwrap_err().text.contains("no absolute path"));
    }

    #[test]
    fn a_file_that_sources_itself_is_refused() {
        let folder = Folder::new("source-loop");
        let (a, b) = (folder.0.join("a"), folder.0.join("b"));
        fs::write(&a, format!("source {}\n", b.display())).unwrap();
        fs::write(&b, format!("hostname x\nsource {}\n", a.display())).unwrap();
        let failure = source(&a, &mut Config::default()).unwrap_err();
        assert!(failure.text.contains("would be read within itself"), "{}", failure.text);
    }

    #[test]
    fn a_huge_file_is_refused_by_its_size() {
        let folder = Folder::new("huge");
        let path = folder.0.join("huge.conf");
        // Sparse: 100 MB that occupy no disk.
        File::create(&path).unwrap().set_len(100 << 20).unwrap();
        for failure in [load(&path, true).unwrap_err(), source(&path, &mut Config::default()).unwrap_err()] {
            assert!(failure.text.contains("bytes, at most"), "{}", failure.text);
        }
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
