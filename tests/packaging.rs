//! The lists in `packaging/` agree with the source tree.
#![allow(clippy::disallowed_methods, reason = "what is checked here are files")]

use std::fs;
use std::path::Path;

/// The words of every line of a list that is not a comment.
fn lines(list: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(list);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|l| l.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Whether a file of the source tree matches `pattern`, whose last part may have one `*`.
fn exists(pattern: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(pattern);
    let name = path.file_name().expect("a pattern of files").to_string_lossy().into_owned();
    let Some((front, back)) = name.split_once('*') else { return path.is_file() };
    let entries = fs::read_dir(path.parent().expect("a folder")).into_iter().flatten().flatten();
    let mut names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
    names.any(|n| n.len() >= front.len() + back.len() && n.starts_with(front) && n.ends_with(back))
}

#[test]
fn every_file_to_install_exists_once_the_program_is_built() {
    for line in lines("files.txt") {
        let [mode, pattern, place, only @ ..] = &line[..] else { panic!("not mode, file, place: {line:?}") };
        assert!(["755", "644", "555", "444"].contains(&mode.as_str()), "{line:?}");
        assert!(matches!(
            only.iter().map(String::as_str).collect::<Vec<_>>()[..],
            [] | ["linux" | "solaris"]
        ));
        assert!(place.starts_with('/'), "{line:?}");
        assert!(pattern.starts_with("target/") || exists(pattern), "nothing matches {pattern}");
    }
}

#[test]
fn every_purpose_of_a_dependency_is_one_that_the_makefile_asks_for() {
    let makefile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).expect("a Makefile");
    let demo = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/poc.sh"))
        .expect("a demonstration");
    let asked: Vec<_> = makefile
        .lines()
        .chain(demo.lines())
        .filter_map(|l| l.split_once("packaging/install-dependencies.sh "))
        .flat_map(|(_, purposes)| purposes.split_whitespace())
        .collect();
    for line in lines("dependencies.txt") {
        assert!(line.len() >= 2, "nobody needs {line:?}");
        for purpose in &line[1..] {
            assert!(asked.contains(&purpose.as_str()), "{line:?}: nobody asks for {purpose}");
        }
    }
}
