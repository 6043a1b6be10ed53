//! README.md, RELEASE.md and the Makefile.

use crate::page::read;

/// The targets of the Makefile.
fn targets() -> Vec<String> {
    let word = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let makefile = read("Makefile");
    let names = makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
    names.filter(word).map(str::to_owned).collect()
}

/// The targets in every `make ...` of the code in a text in Markdown.
fn made(markdown: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push(line);
        } else {
            // Between the first and the second backtick, the third and the fourth, and so on.
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    let commands = code.iter().flat_map(|line| line.split("&&")).filter_map(|command| {
        let command = command.trim().trim_start_matches("$ ").trim_start_matches("# ");
        command.trim_start_matches("sudo ").strip_prefix("make ")
    });
    let is_target = |word: &&str| !word.starts_with('#') && !word.contains('=');
    commands
        .flat_map(|words| words.split_whitespace().take_while(|w| *w != "#").filter(is_target))
        .map(str::to_owned)
        .collect()
}

#[test]
fn whatever_readme_and_release_list_make_is_a_target_of_the_makefile() {
    for page in ["README.md", "RELEASE.md"] {
        let (made, targets) = (made(&read(page)), targets());
        assert!(!made.is_empty(), "{page} makes nothing");
        for name in made {
            assert!(targets.contains(&name), "{page}: make {name}: the targets are {targets:?}");
        }
    }
}

#[test]
fn targets_are_found_in_code_only() {
    let text = "make sure of `make lint`.\n```\n$ make build && sudo make install DESTDIR=/tmp # now\n```\n";
    assert_eq!(made(text), ["lint", "build", "install"]);
}
