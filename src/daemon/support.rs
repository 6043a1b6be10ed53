//! The files of `snapshot`.

use crate::cli::show::snapshots::SnapshotRow;
use bng_platform::process::localtime::LocalTime;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A new name for a file of instance `number` in `folder`: `bng-0-20261123T065437Z.txt`, in UTC.
pub fn name(folder: &Path, number: u8) -> PathBuf {
    folder.join(format!("bng-{number}-{}Z.txt", LocalTime::utc().compact()))
}

/// Writes `text` to the new file `path`, whole or not at all, readable for owner and group. What is there already is
/// neither overwritten nor, being a link, followed.
///
/// # Errors
/// When there is such a file, or the system refuses; the text names the file.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let mut interim = path.as_os_str().to_owned();
    interim.push(format!(".{}.new", std::process::id()));
    let interim = PathBuf::from(interim);
    let told = |e: io::Error| match e.kind() {
        ErrorKind::AlreadyExists => format!("{} exists and is not overwritten", path.display()),
        _ => format!("cannot write {}: {e}", path.display()),
    };
    let mut file = File::options().write(true).create_new(true).mode(0o640).open(&interim).map_err(told)?;
    let done = file
        .write_all(text.as_bytes())
        // Whatever the umask is.
        .and_then(|()| file.set_permissions(Permissions::from_mode(0o640)))
        .and_then(|()| file.sync_all())
        // Unlike a new name, a second one never replaces a file.
        .and_then(|()| fs::hard_link(&interim, path));
    let _ = fs::remove_file(&interim);
    done.map_err(told)
}

/// The files of instance `number` in `folder`, the oldest first.
pub fn list(folder: &Path, number: u8) -> Vec<SnapshotRow> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let start = format!("bng-{number}-");
    let row = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let bytes = entry.metadata().ok().filter(fs::Metadata::is_file)?.len();
        let ours = name.starts_with(&start) && name.ends_with("Z.txt");
        ours.then(|| SnapshotRow { path: entry.path().display().to_string(), bytes })
    };
    let mut rows: Vec<SnapshotRow> = entries.flatten().filter_map(row).collect();
    rows.sort();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_new_whole_and_for_owner_and_group() {
        let folder = std::env::temp_dir().join(format!("bng-support-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = name(&folder, 7);
        write(&path, "text\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let expected = SnapshotRow { path: path.display().to_string(), bytes: 5 };
        assert_eq!(list(&folder, 7), [expected]);
        assert!(list(&folder, 0).is_empty());

        assert!(write(&path, "other").unwrap_err().contains("not overwritten"));
        let (link, elsewhere) = (folder.join("link"), folder.join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert!(write(&link, "other").unwrap_err().contains("not overwritten"));
        assert!(!elsewhere.exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), "text\n");
        assert!(write(&folder.join("no/such"), "").unwrap_err().starts_with("cannot write"));
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
