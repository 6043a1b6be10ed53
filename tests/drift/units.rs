//! The systemd units and the Debian package.

use crate::page::{not_proved, read};
use bng::daemon::exit::Exit;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder with the units as they are installed; removed at the end.
struct Units(PathBuf);

impl Units {
    fn write(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bng-units-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new("packaging/systemd/units.sh");
        let done = command.arg(&folder).current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(done.expect("units.sh").success());
        Self(folder)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect(name)
    }
}

impl Drop for Units {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The values of all lines `key=value` of a unit.
fn values<'a>(unit: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    unit.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn both_units_are_one_text_but_for_the_instance() {
    let units = Units::write("text");
    let (one, many) = (units.text("bng.service"), units.text("bng@.service"));
    assert_eq!(many.replace("-i %i ", "").replace(" (instance %i)", ""), one);
    assert!(!one.contains('@') || !one.contains("@I@") && !one.contains("@WHICH@"), "{one}");
    for (key, command) in [("ExecStartPre", "check"), ("ExecStart", "-f start"), ("ExecReload", "reload")] {
        assert_eq!(values(&one, key).collect::<Vec<_>>(), [format!("/usr/sbin/bng {command}")]);
        assert_eq!(values(&many, key).collect::<Vec<_>>(), [format!("/usr/sbin/bng -i %i {command}")]);
    }
}

#[test]
fn the_unit_gives_up_on_the_statuses_that_only_a_person_can_mend() {
    let units = Units::write("statuses");
    let wanted = format!("{} {}", Exit::Privilege.code(), Exit::Configuration.code());
    let unit = units.text("bng.service");
    assert_eq!(values(&unit, "RestartPreventExitStatus").collect::<Vec<_>>(), [wanted]);
}

#[test]
fn the_exposure_that_is_stated_is_that_of_the_unit() {
    let units = Units::write("exposure");
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--offline=true", "--no-pager"]).arg(units.0.join("bng.service"));
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        return not_proved("the exposure of the systemd unit", "no program `systemd-analyze`");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| {
        panic!("no exposure in {text}{}", String::from_utf8_lossy(&output.stderr));
    });
    let exposure: f32 =
        line.split_once(": ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()).expect(line);
    let readme = read("packaging/README.md");
    let stated = readme.split_once("exposure level ").expect("packaging/README.md states it").1;
    let stated: f32 = stated.split_whitespace().next().expect("a number").parse().expect("a number");
    // Other versions of systemd weigh a little differently.
    assert!((exposure - stated).abs() < 0.35, "stated: {stated}, is: {exposure}");
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let changelog = read("packaging/debian/changelog");
    let version =
        changelog.split_once('(').and_then(|(_, rest)| rest.split_once('-')).expect("bng (VERSION-N)");
    assert_eq!(version.0, env!("CARGO_PKG_VERSION"));
}
