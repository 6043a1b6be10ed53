//! What the manual pages say by hand: their markup, their references, their examples, and the messages they quote.

use std::fs;
use std::path::Path;
use std::process::Command as Program;

use bng::cli::args::{self, Action};
use bng::cli::commands::{self, Command};
use bng::cli::{input, version};
use bng::conf::{Config, Header};

use crate::page::{manuals, not_proved, read};

/// What an example is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A configuration of bng.
    Configuration,
    /// Commands for a shell of root; those of bng are looked into.
    Shell,
    /// A session of `bng control`.
    Session,
    /// What bng prints.
    Output,
    /// Lines of the log.
    Log,
    /// For another program or system: not looked into.
    Foreign,
}

struct Example {
    page: String,
    name: String,
    kind: Kind,
    text: String,
}

/// The examples of all pages: what stands between `.\" EXAMPLE [KIND] NAME` and `.\" END EXAMPLE`.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for page in manuals() {
        let text = read(&page);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            assert!(!line.starts_with(".Bd"), "{page}: an example without a mark: {line}");
            let Some(mark) = line.strip_prefix(".\\\" EXAMPLE ") else { continue };
            let (kind, name) = match mark.split_once(' ') {
                None => (Kind::Configuration, mark),
                Some(("SHELL", name)) => (Kind::Shell, name),
                Some(("SESSION", name)) => (Kind::Session, name),
                Some(("OUTPUT", name)) => (Kind::Output, name),
                Some(("LOG", name)) => (Kind::Log, name),
                Some(("FILE" | "WINDOWS", name)) => (Kind::Foreign, name),
                Some((kind, _)) => panic!("{page}: what is {kind}?"),
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != ".\\\" END EXAMPLE").collect();
            let [begin, body @ .., end] = &block[..] else { panic!("{page}: {name} is empty") };
            assert!(begin.starts_with(".Bd -literal") && *end == ".Ed", "{page}: {name}");
            let text = body
                .iter()
                .map(|line| format!("{}\n", line.replace("\\&", "").replace("\\e", "\\")))
                .collect();
            examples.push(Example { page: page.clone(), name: name.to_owned(), kind, text });
        }
    }
    examples
}

fn of_kind(kind: Kind) -> Vec<Example> {
    let examples: Vec<_> = examples().into_iter().filter(|example| example.kind == kind).collect();
    assert!(!examples.is_empty(), "no example is a {kind:?}");
    examples
}

/// The first example of bng.conf(5).
fn farm() -> String {
    let is_farm = |example: &Example| example.kind == Kind::Configuration && example.name == "farm";
    examples().into_iter().find(is_farm).expect("an example called farm").text
}

/// What `save` writes, with the head of `like`.
fn saved(config: &Config, like: &str) -> String {
    let taken = like.lines().next().and_then(|line| line.split_once("taken ")).expect("a first line").1;
    let header = Header {
        taken: taken.to_owned(),
        version: version::VERSION.to_owned(),
        created: version::DATE.to_owned(),
    };
    config.write(&header)
}

#[test]
fn every_page_is_sound_mdoc() {
    let pages = manuals();
    let lint =
        Program::new("mandoc").arg("-Tlint").args(&pages).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let Ok(lint) = lint else { return not_proved("markup of the manual pages", "no program `mandoc`") };
    // What is installed on this machine is no fault of the pages.
    let installed = ["referenced manual not found", "outdated mandoc.db"];
    let text = String::from_utf8_lossy(&lint.stdout).into_owned() + &String::from_utf8_lossy(&lint.stderr);
    let faults: Vec<_> = text.lines().filter(|line| !installed.iter().any(|is| line.contains(is))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_installed_and_every_reference_leads_somewhere() {
    let (pages, files) = (manuals(), read("packaging/files.txt"));
    for page in &pages {
        let (name, section) = page.rsplit_once('.').expect("a section");
        assert!(files.contains(&format!("man/*.{section} ")), "packaging/files.txt: {page}");
        let text = read(page);
        let title = format!(".Dt {} {section}", name.trim_start_matches("man/").to_uppercase());
        assert!(text.lines().any(|line| line == title), "{page}: {title}");
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [".Xr", name, section, ..] = words[..]
                && name.starts_with("bng")
            {
                assert!(pages.contains(&format!("man/{name}.{section}")), "{page}: {line}");
            }
            if let Some((_, heading)) = line.split_once("Sx ").filter(|_| line.starts_with('.')) {
                let heading = heading.trim_end_matches([' ', '.', ',', ';', ')']);
                let found =
                    text.lines().any(|l| l == format!(".Sh {heading}") || l == format!(".Ss {heading}"));
                assert!(found, "{page}: no section is called {heading}");
            }
        }
    }
}

#[test]
fn every_configuration_is_one_without_errors() {
    for Example { page, name, text, .. } in of_kind(Kind::Configuration) {
        let (config, diagnostics) = Config::parse(&name, &text);
        assert!(!diagnostics.has_errors(), "{page}: {diagnostics}");
        config.model().unwrap_or_else(|why| panic!("{page}: {why}"));
        // One that is not just a scrap for the grammar has nothing that `check` would find.
        if text.contains("enable") && text.contains("interface 1") {
            assert!(diagnostics.is_empty(), "{page}: {diagnostics}");
            let report = bng::conf::check::check(&config);
            assert!(report.findings().is_empty(), "{page}: {name}: {}", report.summary());
        }
    }
}

#[test]
fn the_first_example_is_what_save_makes_of_the_shipped_farm() {
    let farm = farm();
    for text in [farm.clone(), read("conf/examples/dsr.conf")] {
        let (config, diagnostics) = Config::parse("farm", &text);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        assert_eq!(saved(&config, &farm), farm);
    }
}

#[test]
fn every_session_is_carried_out_and_the_first_one_leads_to_the_farm() {
    for Example { page, name, text, .. } in of_kind(Kind::Session) {
        let mut config = if name == "farm" { Config::default() } else { Config::parse("farm", farm()).0 };
        let mut pending = String::new();
        for line in text.lines() {
            let prompts = if pending.is_empty() { "bng#" } else { ">" };
            let typed = line.strip_prefix(prompts).unwrap_or_else(|| panic!("{page}: {name}: {line}"));
            pending.push_str(&format!("{typed}\n"));
            if input::complete(&pending) {
                apply(&mut config, &std::mem::take(&mut pending));
            }
        }
        assert!(pending.is_empty(), "{page}: {name} ends inside a block");
        if name == "farm" {
            assert_eq!(saved(&config, &farm()), farm());
        }
    }
}

fn apply(config: &mut Config, line: &str) {
    match commands::parse(line.trim()) {
        Ok(Command::Configure(line)) => {
            config.apply_line(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        Ok(_) => {}
        Err(why) => panic!("{line}: {why}"),
    }
}

#[test]
fn every_shell_example_is_understood() {
    for Example { page, name, text, .. } in of_kind(Kind::Shell) {
        let lines =
            text.lines().map(|line| line.strip_prefix("# ").unwrap_or_else(|| panic!("{name}: {line}")));
        for line in lines {
            let shell = Program::new("sh").args(["-n", "-c", line]).status().expect("sh");
            assert!(shell.success(), "{page}: {line}");
            // The program that stands at the other end of a pipe.
            let mut printed = None;
            for command in line.split(['|', '&']).map(str::trim) {
                if let Some(text) = command.strip_prefix("printf '") {
                    printed = Some(text.trim_end_matches('\'').replace("\\n", "\n"));
                }
                let Some(words) = command.strip_prefix("bng ") else { continue };
                let parsed = args::parse(words.split_whitespace().map(Into::into));
                let parsed = parsed.unwrap_or_else(|why| panic!("{page}: {line}: {why}"));
                let mut config = Config::parse("farm", farm()).0;
                match parsed.action {
                    Action::Command(command) => apply(&mut config, &command),
                    Action::Cmdctl => {
                        let printed = printed.take().unwrap_or_else(|| panic!("{page}: {line}: no commands"));
                        printed.lines().for_each(|line| apply(&mut config, line));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// All of the program's source, strings that go over several lines as one, quotes in them without their backslashes.
fn source() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a folder of sources").path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    collect(&root.join("src"), &mut text);
    collect(&root.join("platform/src"), &mut text);
    collect(&root.join("agent/src"), &mut text);
    let mut joined = String::with_capacity(text.len());
    for (at, piece) in text.split("\\\n").enumerate() {
        joined.push_str(if at == 0 { piece } else { piece.trim_start() });
    }
    joined.replace("\\\"", "\"")
}

/// Whether `source` has `message` as a string, with something in braces wherever the message has `<something>`.
fn is_said(source: &str, message: &str) -> bool {
    // Text, placeholder, text, placeholder, ..., text.
    let mut texts = Vec::new();
    let mut rest = message;
    while let Some((text, behind)) = rest.split_once('<') {
        texts.push(text);
        rest = behind.split_once('>').unwrap_or_else(|| panic!("{message}: no '>'")).1;
    }
    texts.push(rest);
    let (at, longest) = texts.iter().enumerate().max_by_key(|(_, text)| text.len()).expect("one text");
    let mut found = source.match_indices(longest);
    found.any(|(position, _)| {
        let mut before = &source[..position];
        let backwards = texts[..at].iter().rev().all(|text| {
            let opened = before.strip_suffix('}').and_then(|inside| inside.rfind('{'));
            let Some(rest) = opened.and_then(|opened| before[..opened].strip_suffix(*text)) else {
                return false;
            };
            before = rest;
            true
        });
        let mut behind = &source[position + longest.len()..];
        let forwards = texts[at + 1..].iter().all(|text| {
            let closed = behind.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some(rest) = closed.and_then(|(_, rest)| rest.strip_prefix(*text)) else { return false };
            behind = rest;
            true
        });
        backwards && forwards && before.ends_with('"') && behind.starts_with('"')
    })
}

#[test]
fn every_message_that_is_explained_is_one_of_the_program() {
    let source = source();
    let mut explained = 0;
    for page in manuals() {
        let text = read(&page);
        let lists = text.split(".\\\" BEGIN MESSAGES\n").skip(1);
        let lists = lists.filter_map(|list| list.split_once(".\\\" END MESSAGES\n"));
        let lines = lists.flat_map(|(list, _)| list.lines());
        for message in lines.filter_map(|line| line.strip_prefix(".It Sy ")) {
            let message = message.replace("\\(dq", "\"");
            assert!(is_said(&source, &message), "{page}: nothing in the source says: {message}");
            explained += 1;
        }
    }
    assert!(explained > 20, "{explained} messages are explained");
}

#[test]
fn every_line_that_scripts_may_rely_on_is_one_of_the_program() {
    // Which instance it is stands before the PID, if it is not number 0.
    let source =
        source().replace("{label}", "").replace("BalanceNG: {}", "BalanceNG: ").replace("to {}PID", "to PID");
    for Example { page, text, .. } in of_kind(Kind::Output) {
        for line in text.lines() {
            let line = line.replace("instance 41 PID", "PID");
            let numbers = line.split_whitespace().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
            let said = numbers.fold(line.clone(), |line, number| line.replace(number, "<number>"));
            assert!(is_said(&source, &said), "{page}: {said}");
        }
    }
}

#[test]
fn every_line_of_the_log_is_made_of_words_of_the_program() {
    // Names of checks and of whoever did something are values.
    let varies = |word: &str| ["ping", "by"].contains(&word) || !word.bytes().all(|b| b.is_ascii_lowercase());
    let source = source();
    for Example { page, text, .. } in of_kind(Kind::Log) {
        for line in text.lines() {
            let (object, said) = line.split_once(": ").unwrap_or_else(|| panic!("{page}: no object: {line}"));
            let kind = object.split(' ').next().unwrap_or_default();
            assert!(
                source.contains(&format!("\"{kind}\"")) || source.contains(&format!("\"{kind} {{")),
                "{line}"
            );
            for part in said.split([':', ',']) {
                let words: Vec<&str> = part.split_whitespace().collect();
                for run in words.split(|word| varies(word)).filter(|run| !run.is_empty()) {
                    assert!(source.contains(&run.join(" ")), "{page}: nothing in the source says: {run:?}");
                }
            }
        }
    }
}

#[test]
fn messages_are_found_with_what_varies() {
    let source = "say(\"a {} of {b:?} ends\"); x(\"{} is up\")";
    assert!(is_said(source, "a <x> of <y> ends") && is_said(source, "<x> is up"));
    for wrong in ["a <x> of y ends", "a <x> of <y> end", "is up", "<x> is", "a <x> of <y> ends <z>"] {
        assert!(!is_said(source, wrong), "{wrong}");
    }
}
