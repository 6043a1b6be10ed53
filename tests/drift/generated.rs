//! What is written from tables: the reference parts of the manual pages, and the completions of the shells.
//!
//! `make man` writes them anew; without it these tests compare.

use std::collections::BTreeSet;
use std::{env, fs};

use crate::page::{manuals, read};
use crate::{completion, mdoc};

const BEGIN: &str = ".\\\" BEGIN GENERATED ";
const END: &str = ".\\\" END GENERATED";

/// Compares `wanted` with the file at `path`, or writes it there when asked to.
fn agree(path: &str, wanted: &str) {
    if env::var_os("BNG_BLESS").is_some() {
        fs::write(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")), wanted).expect(path);
    }
    let found = read(path);
    let differing = found.lines().zip(wanted.lines()).position(|(is, should)| is != should);
    let line = differing.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    assert!(
        found == wanted,
        "{path}:{} is not what the tables say; run `make man`\n  is     {}\n  should {}",
        line + 1,
        found.lines().nth(line).unwrap_or("(end)"),
        wanted.lines().nth(line).unwrap_or("(end)"),
    );
}

/// A page with its generated parts written anew; the names of the parts go to `seen`.
fn renewed(path: &str, seen: &mut Vec<String>) -> String {
    let mut page = String::new();
    let mut inside = false;
    for line in read(path).lines() {
        if line == END {
            assert!(inside, "{path}: {END} without a beginning");
            inside = false;
        }
        if inside {
            continue;
        }
        page.push_str(&format!("{line}\n"));
        if let Some(name) = line.strip_prefix(BEGIN) {
            page.push_str(&mdoc::part(name).unwrap_or_else(|| panic!("{path}: no part is called '{name}'")));
            seen.push(name.to_owned());
            inside = true;
        }
    }
    assert!(!inside, "{path}: no {END}");
    page
}

#[test]
fn the_reference_parts_of_the_manual_pages_are_what_the_tables_say() {
    let mut seen = Vec::new();
    for path in manuals() {
        let page = renewed(&path, &mut seen);
        agree(&path, &page);
    }
    let once: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!(once.len(), seen.len(), "a part stands twice: {seen:?}");
    assert_eq!(once, mdoc::names().collect(), "parts in the pages, and parts that there are");
}

#[test]
fn the_completions_of_the_shells_are_what_the_tables_say() {
    agree("completion/bng.bash", &completion::bash());
    agree("completion/_bng", &completion::zsh());
}
