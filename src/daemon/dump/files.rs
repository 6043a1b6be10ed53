//! The files of a dump: one that is written, and a bounded number of full ones before it.
//!
//! ```text
//!   FILE is full:   FILE.2 -> FILE.3 (the last one of four is replaced), FILE.1 -> FILE.2, FILE -> FILE.1, new FILE
//! ```
//!
//! Only files that this dump has made are ever renamed or replaced, and no link is followed.

use super::pcapng::{self, Direction};
use crate::net::PortId;
use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes collected before they are written.
const BUFFER: usize = 256 * 1024;

/// What makes a file the same under another name: device and inode.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Files being written.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Most files, at least 1.
    count: u32,
    /// Most bytes of each; a single frame may be longer.
    limit: u64,
    file: File,
    /// Whole blocks that are not written yet.
    buffer: Vec<u8>,
    /// Bytes in the file.
    flushed: u64,
    /// Interfaces described in this file, in their order.
    interfaces: Vec<PortId>,
    /// The files of this dump, the one that is written first.
    ours: VecDeque<Identity>,
}

impl Files {
    /// Makes the first file. None of the files that there may be must exist.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub(super) fn create(path: &Path, count: u32, limit: u64) -> Result<Self, String> {
        let told = |e: io::Error| format!("cannot create {}: {e}", path.display());
        for age in 0..count {
            vacant(&aged(path, age), None)?;
        }
        let file = new(path).map_err(told)?;
        let ours = VecDeque::from([identity(&file.metadata().map_err(told)?)]);
        let mut files = Self {
            path: path.to_owned(),
            count,
            limit,
            file,
            buffer: Vec::new(),
            flushed: 0,
            interfaces: Vec::new(),
            ours,
        };
        pcapng::section(&mut files.buffer);
        files.flush()?;
        Ok(files)
    }

    /// Adds a frame. `true`: in a new file.
    ///
    /// # Errors
    /// One sentence that names the file, whose contents are then whole frames.
    pub(super) fn write(
        &mut self,
        port: PortId,
        nanos: u64,
        direction: Direction,
        frame: &[u8],
    ) -> Result<bool, String> {
        let length = self.flushed + self.buffer.len() as u64;
        let rotates =
            !self.interfaces.is_empty() && length + pcapng::packet_len(frame.len()) as u64 > self.limit;
        if rotates {
            self.flush()?;
            self.rotate()?;
        }
        let index = match self.interfaces.iter().position(|known| *known == port) {
            Some(index) => index,
            None => {
                pcapng::interface(port, &mut self.buffer);
                self.interfaces.push(port);
                self.interfaces.len() - 1
            }
        };
        pcapng::packet(index as u32, nanos, direction, frame, &mut self.buffer);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(rotates)
    }

    /// Writes what was collected.
    ///
    /// # Errors
    /// One sentence that names the file, whose contents are then as they were before.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        if let Err(e) = self.file.write_all(&self.buffer) {
            // Half a block at the end would spoil the file for its readers. When even this fails, so be it.
            let _ = self.file.set_len(self.flushed);
            self.buffer.clear();
            return Err(format!("cannot write {}: {e}", self.path.display()));
        }
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Every file becomes one older, the oldest disappears, and a new one begins.
    fn rotate(&mut self) -> Result<(), String> {
        let names: Vec<PathBuf> = (0..self.count).map(|age| aged(&self.path, age)).collect();
        for (age, name) in names.iter().enumerate() {
            vacant(name, self.ours.get(age).copied())?;
        }
        let mut done = Ok(());
        if let [only] = &names[..] {
            done = missing_is_fine(fs::remove_file(only));
        }
        for pair in names.windows(2).rev() {
            done = done.and_then(|()| missing_is_fine(fs::rename(&pair[0], &pair[1])));
        }
        let begun = done.and_then(|()| {
            self.file = new(&self.path)?;
            self.file.metadata()
        });
        let metadata = begun.map_err(|e| format!("cannot begin a new {}: {e}", self.path.display()))?;
        self.ours.push_front(identity(&metadata));
        self.ours.truncate(self.count as usize);
        self.interfaces.clear();
        self.flushed = 0;
        pcapng::section(&mut self.buffer);
        Ok(())
    }
}

/// `path` with its age behind it: `FILE`, `FILE.1`, `FILE.2` ...
fn aged(path: &Path, age: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if age > 0 {
        name.push(format!(".{age}"));
    }
    name.into()
}

/// A file that did not exist, for its owner alone: frames are nobody else's affair.
fn new(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Somebody may have taken a file away while the dump goes on.
fn missing_is_fine(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|e| if e.kind() == ErrorKind::NotFound { Ok(()) } else { Err(e) })
}

/// Refuses a name that stands for anything but the file `ours`.
fn vacant(path: &Path, ours: Option<Identity>) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(found) if ours == Some(identity(&found)) => Ok(()),
        Ok(_) => Err(format!(
            "{} exists and is none of this dump; remove it, or choose another name",
            path.display()
        )),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("cannot create {}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("bng-dump-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort_unstable();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_are_bounded_in_number_and_size_and_the_newest_frames_stay() {
        for count in [1, 3] {
            let folder = Folder::new(&format!("bounded{count}"));
            let path = folder.0.join("x");
            let mut files = Files::create(&path, count, 1000).unwrap();
            let mut rotations = 0;
            for n in 0..100_u8 {
                rotations += u32::from(files.write(1, n.into(), Direction::In, &[n; 60]).unwrap());
            }
            files.flush().unwrap();
            // 28 and 48 bytes of headers and 8 frames of 104 bytes in each file.
            assert_eq!(rotations, 12);
            let expected = ["x", "x.1", "x.2"];
            assert_eq!(folder.names(), expected[..count as usize]);
            for name in folder.names() {
                assert!(fs::metadata(folder.0.join(name)).unwrap().len() <= 1000);
            }
            let newest = fs::read(&path).unwrap();
            assert!(newest.windows(60).any(|bytes| bytes == [99; 60]));
            if count == 3 {
                let before = fs::read(folder.0.join("x.1")).unwrap();
                assert!(before.windows(60).any(|bytes| bytes == [95; 60]));
            }
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_not_ours_is_neither_followed_nor_replaced() {
        let folder = Folder::new("foreign");
        let path = folder.0.join("x");
        symlink(folder.0.join("elsewhere"), &path).unwrap();
        assert!(Files::create(&path, 2, 1000).unwrap_err().contains("exists and is none of this dump"));
        fs::remove_file(&path).unwrap();
        fs::write(folder.0.join("x.1"), "precious").unwrap();
        assert!(Files::create(&path, 2, 1000).unwrap_err().contains("x.1 exists"));
        assert_eq!(folder.names(), ["x.1"]);

        let mut files = Files::create(&path, 1, 200).unwrap();
        files.write(1, 0, Direction::In, &[0; 60]).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        let refused = files.write(1, 0, Direction::In, &[0; 60]).unwrap_err();
        assert!(refused.contains("none of this dump"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_taken_away_leaves_a_gap_and_no_error() {
        let folder = Folder::new("gap");
        let mut files = Files::create(&folder.0.join("x"), 3, 200).unwrap();
        files.write(1, 0, Direction::In, &[0; 60]).unwrap();
        fs::remove_file(folder.0.join("x")).unwrap();
        assert!(files.write(1, 0, Direction::Out, &[0; 60]).unwrap());
        assert_eq!(folder.names(), ["x"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let refused = Files::create(Path::new("/nonexistent/x"), 4, 1000).unwrap_err();
        assert_eq!(refused, "cannot create /nonexistent/x: No such file or directory (os error 2)");
    }
}
