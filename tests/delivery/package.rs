//! The packages of Solaris and illumos have exactly the files that are installed there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Folder, read, root, script};

/// The packages of IPS; that of SVR4 is one for both.
const PACKAGES: [&str; 2] = ["bng", "bngagent"];

/// Installs what belongs to `system` into `root` of `folder`. The program is built by whoever installs; here its place
/// is all that counts, in a copy of what else is installed.
fn install(folder: &Folder, system: &str) -> PathBuf {
    let tree = folder.0.join("tree");
    fs::create_dir_all(tree.join("target/release")).expect("a folder");
    for program in PACKAGES {
        fs::write(tree.join("target/release").join(program), "a program").expect("a program");
    }
    for part in
        ["packaging", "man", "completion", "conf", "README.md", "LICENSE", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        let copied = Command::new("cp").arg("-r").arg(root().join(part)).arg(&tree).status();
        assert!(copied.expect("cp").success(), "{part}");
    }
    let below = folder.0.join("root");
    let out =
        Command::new(tree.join("packaging/install-files.sh")).arg(&below).arg(system).output().expect("sh");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    below
}

/// Path below the root and mode of every file that is installed on `system`.
fn staged(system: &str) -> BTreeMap<String, u32> {
    // Tests of one process run side by side, and several of them ask.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let folder = Folder::new(&format!("staged-{}", ASKED.fetch_add(1, Ordering::Relaxed)));
    let below = install(&folder, system);
    let mut files = BTreeMap::new();
    collect(&below, &below, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, u32>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let about = fs::symlink_metadata(&path).expect("a file");
        if about.is_dir() {
            collect(root, &path, files);
        } else if about.is_file() {
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            files.insert(name, about.permissions().mode() & 0o7777);
        }
    }
}

/// The words `name=value` of an action of IPS.
fn attributes(action: &str) -> BTreeMap<&str, &str> {
    action.split_whitespace().filter_map(|word| word.split_once('=')).collect()
}

fn ips(package: &str) -> String {
    read(&format!("packaging/ips/{package}.p5m")) + &script("packaging/ips/actions.sh", &[package])
}

#[test]
fn the_ips_packages_have_exactly_the_files_that_are_installed() {
    let mut packed = BTreeMap::new();
    let actions = PACKAGES.map(|package| script("packaging/ips/actions.sh", &[package])).concat();
    for action in actions.lines().filter(|line| line.starts_with("file ")) {
        let attributes = attributes(action);
        let path = attributes["path"];
        // The first word is where the file lies in the staged tree.
        assert_eq!(action.split_whitespace().nth(1), Some(path), "{action}");
        let mode = u32::from_str_radix(attributes["mode"], 8).expect("a mode");
        assert_eq!(attributes["owner"], "root", "{action}");
        assert!(attributes.contains_key("group"), "{action}");
        assert_eq!(packed.insert(path.to_owned(), mode), None, "twice: {path}");
    }
    assert_eq!(packed, staged("solaris"));
}

#[test]
fn the_svr4_package_has_exactly_the_files_that_are_installed() {
    let prototype = script("packaging/svr4/prototype.sh", &[]);
    let (mut packed, mut folders) = (BTreeMap::new(), BTreeSet::new());
    for line in prototype.lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["i", script] => {
                let text = read(&format!("packaging/svr4/{script}"));
                assert!(script == "pkginfo" || text.starts_with("#!/sbin/sh\n"), "{script}");
            }
            ["d", "none", path, ..] => {
                let parent = Path::new(path).parent().expect("a relative path").display().to_string();
                assert!(parent.is_empty() || folders.contains(&parent), "{path} comes before its parent");
                folders.insert(path.to_owned());
            }
            ["f", class, path, mode, "root", _] => {
                assert_eq!(class == "preserve", path.starts_with("etc/"), "{line}");
                let parent = Path::new(path).parent().expect("a relative path").display().to_string();
                assert!(folders.contains(&parent), "nobody makes the folder of {path}");
                let mode = u32::from_str_radix(mode, 8).expect("a mode");
                assert_eq!(packed.insert(path.to_owned(), mode), None, "twice: {path}");
            }
            _ => panic!("no line of a prototype: {line}"),
        }
    }
    assert_eq!(packed, staged("solaris"));
    let pkginfo = read("packaging/svr4/pkginfo");
    for parameter in ["PKG=", "NAME=", "CATEGORY=", "BASEDIR=/\n", "CLASSES=none preserve\n"] {
        assert!(pkginfo.contains(parameter), "{parameter}");
    }
}

#[test]
fn both_systems_get_the_same_but_for_what_is_marked() {
    let (linux, solaris) = (staged("linux"), staged("solaris"));
    let only = |one: &BTreeMap<String, u32>, other: &BTreeMap<String, u32>| {
        one.keys().filter(|path| !other.contains_key(*path)).cloned().collect::<Vec<_>>()
    };
    assert!(only(&linux, &solaris).iter().all(|path| !path.contains("svc")), "{:?}", only(&linux, &solaris));
    let service = ["lib/svc/manifest/network/bng.xml", "lib/svc/method/bng"];
    let more = only(&solaris, &linux);
    for path in service {
        assert!(more.contains(&path.to_owned()), "{more:?}");
    }
    for path in ["usr/sbin/bng", "etc/bng.conf", "usr/share/man/man8/bng.8"] {
        assert!(linux.contains_key(path) && solaris.contains_key(path), "{path}");
    }
}

#[test]
fn the_ips_packages_keep_the_administrators_configuration_and_tell_smf() {
    let files: BTreeSet<_> = staged("solaris").into_keys().collect();
    for package in PACKAGES {
        let text = ips(package);
        let action = |path: &str| {
            let with = format!(" path={path} ");
            text.lines().find(|line| line.contains(&with)).unwrap_or_else(|| panic!("no {path}")).to_owned()
        };
        let manifest = action(&format!("lib/svc/manifest/network/{package}.xml"));
        assert_eq!(attributes(&manifest)["restart_fmri"], "svc:/system/manifest-import:default");
        action(&format!("usr/sbin/{package}"));
        action(&format!("usr/share/man/man8/{package}.8"));
        let user = format!("\nuser username={package} group={package} ");
        for part in [&format!("\ngroup groupname={package}\n"), &user, "\nset name=pkg.summary value="] {
            assert!(text.contains(part), "{package}: {part}");
        }
        let licences: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("license ")).collect();
        assert_eq!(licences.len(), 2, "{package}");
        for licence in licences {
            let (payload, _) = licence.split_once(' ').expect("a payload and a name");
            assert!(files.contains(payload) && text.contains(&format!(" path={payload} ")), "{payload}");
        }
        assert!(text.contains(&format!("pkg:/network/{package}@$(VERSION),5.11-$(BUILD)")), "{package}");
        if package == "bng" {
            assert_eq!(attributes(&action("etc/bng.conf"))["preserve"], "renamenew");
        }
    }
}

#[test]
fn a_file_of_the_administrator_is_kept_by_an_installation() {
    let folder = Folder::new("kept");
    let config = folder.0.join("root/etc/bng.conf");
    fs::create_dir_all(config.parent().expect("etc")).expect("a folder");
    fs::write(&config, "hostname mine\n").expect("a file");
    install(&folder, "linux");
    assert_eq!(fs::read_to_string(&config).expect("the old file"), "hostname mine\n");

    let preserve = read("packaging/svr4/i.preserve");
    let source = folder.0.join("new.conf");
    fs::write(&source, "hostname theirs\n").expect("a file");
    let program = folder.program("i.preserve", &preserve);
    let line = format!("printf '%s %s\\n' {} {} | sh {program}", source.display(), config.display());
    assert!(Command::new("sh").args(["-c", &line]).status().expect("sh").success());
    assert_eq!(fs::read_to_string(&config).expect("the old file"), "hostname mine\n");
    let beside = fs::read_to_string(folder.0.join("root/etc/bng.conf.new"));
    assert_eq!(beside.expect("the new file beside it"), "hostname theirs\n");
}

#[test]
fn every_script_of_the_packages_can_be_read_by_a_plain_shell() {
    let mut scripts = Vec::new();
    for folder in ["packaging", "packaging/ips", "packaging/smf", "packaging/svr4"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("a name");
            if fs::read_to_string(entry.path()).is_ok_and(|text| text.starts_with("#!/")) {
                scripts.push(format!("{folder}/{name}"));
            }
        }
    }
    assert!(scripts.len() > 8, "{scripts:?}");
    for script in scripts {
        let out = Command::new("dash").arg("-n").arg(root().join(&script)).output().expect("dash");
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
        let text = read(&script);
        // /sbin/sh of Solaris 10 is the Bourne shell.
        if text.starts_with("#!/sbin/sh\n") {
            for new in ["$(", "${contract%", "local ", "[[ "] {
                assert!(!text.contains(new), "{script}: `{new}` is not of the Bourne shell");
            }
        }
    }
}
