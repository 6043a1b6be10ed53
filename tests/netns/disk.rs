//! A disk that is really full: a file system of a few pages, in the mount namespace of the sandbox.

use std::fs;
use std::process::Command;

use bng_world::{Bng, World};

use crate::suite::{BNG, Case};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("a full disk is said at save, and the file stays as it was", &["mount"], full_disk)]
}

fn full_disk() {
    let mut world = World::new();
    let host = world.plugged("balancer", &[]);
    let mut bng = Bng::new(BNG, &world, &host, "hostname node\n");
    let disk = world.dir().join("disk");
    fs::create_dir_all(&disk).expect("a folder");
    let mount = |args: &[&str]| {
        assert!(Command::new("mount").args(args).arg(&disk).status().expect("mount").success())
    };
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"]);
    bng.start();
    let file = disk.join("saved.conf").display().to_string();
    bng.cmdctl(&format!("save {file}\n"));
    let old = fs::read(&file).expect("what was saved");
    // Whatever is left of the disk is taken.
    let _ = fs::write(disk.join("filler"), vec![0; 1 << 20]);
    let name = "x".repeat(60);
    let statements: String = (1..=100).map(|n| format!("server {n} name \"{name}\"\n")).collect();
    bng.cmdctl(&statements);
    let out = bng.try_cmdctl(&format!("save {file}\n"));
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{text}");
    let expected = format!("cannot write {file}: No space left on device");
    assert!(text.contains(&expected) && text.contains("as before"), "no `{expected}` in {text}");
    assert_eq!(fs::read(&file).expect("the old file"), old);
    let mut names: Vec<_> =
        fs::read_dir(&disk).expect("the disk").map(|f| f.expect("a file").file_name()).collect();
    names.sort();
    assert_eq!(names, ["filler", "saved.conf"], "nothing is left behind");
    assert!(bng.cmdctl("show log\n").contains(&format!("failed: {expected}")));
    // With room again, the same command does it.
    fs::remove_file(disk.join("filler")).expect("the filler");
    bng.cmdctl(&format!("save {file}\n"));
    assert!(fs::read_to_string(&file).expect("the new file").contains(&name));
    bng.stop();
    assert!(Command::new("umount").arg(&disk).status().expect("umount").success());
}
