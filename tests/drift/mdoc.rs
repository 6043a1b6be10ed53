//! Reference parts of the manual pages, written from the tables of the program.

use bng::cli::commands::{Article, articles};
use bng::conf::{Arg, Kind, Statement, describe};
use bng::stat::Drop;

/// Longest line of text.
const WIDTH: usize = 76;

/// The generated part called `name`, such as `statements server`; `None` when there is no such part.
pub(crate) fn part(name: &str) -> Option<String> {
    parts().find(|(known, _)| known == name).map(|(_, write)| write())
}

/// The names of all generated parts.
pub(crate) fn names() -> impl Iterator<Item = String> {
    parts().map(|(name, _)| name)
}

fn parts() -> impl Iterator<Item = (String, Box<dyn Fn() -> String>)> {
    let kinds = Kind::ALL.into_iter().map(|kind| -> (String, Box<dyn Fn() -> String>) {
        let name = if kind == Kind::Top { "top" } else { kind.keyword() };
        (format!("statements {name}"), Box::new(move || statements(kind)))
    });
    kinds.chain([
        ("commands".to_owned(), Box::new(commands) as Box<dyn Fn() -> String>),
        ("drops".to_owned(), Box::new(drops)),
    ])
}

fn statements(kind: Kind) -> String {
    let mut page = ".Bl -tag -width Ds\n".to_owned();
    for statement in describe(kind) {
        page.push_str(&head(statement));
        let article = statement.article();
        page.push_str(&prose(&article.sentences.join(" "), &[]));
        page.push_str(&words(article.words.iter().map(|(word, meaning)| (*word, meaning.as_str()))));
    }
    page + ".El\n"
}

fn head(statement: &Statement) -> String {
    let keyword = match statement.plural {
        Some(plural) => format!("{} Ns | Ns Cm {plural}", statement.keyword),
        None => statement.keyword.to_owned(),
    };
    let argument = match statement.arg {
        Arg::Number(..) => "Ar number".to_owned(),
        Arg::Choice(_) => "Ar word".to_owned(),
        arg => match arg.usage() {
            usage if usage.contains('<') => format!("Ar {}", usage.replace(['<', '>'], "")),
            usage => format!("Cm {}", usage.replace('|', " Ns | Ns Cm ")),
        },
    };
    let number = if statement.kind == Kind::Lgrp { "Ar number " } else { "" };
    format!(".It Cm {keyword} {number}{argument}\n")
}

/// A list of words and their meanings; nothing when there are none.
fn words<'a>(list: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let Some(width) = list.clone().map(|(word, _)| word).max_by_key(|word| word.len()) else {
        return String::new();
    };
    let mut page = format!(".Bl -tag -width {width} -compact\n");
    for (word, meaning) in list {
        page.push_str(&format!(".It Cm {word}\n{}", prose(&sentence(meaning), &[])));
    }
    page + ".El\n"
}

fn commands() -> String {
    let mut page = ".Bl -tag -width Ds\n".to_owned();
    for Article { keyword, usage, text, words: list } in articles() {
        let mut arguments = Vec::new();
        let mut head = format!(".It Cm {keyword}");
        for word in usage.split_whitespace() {
            let bare = word.trim_matches(['[', ']', '<', '>', '.']);
            let mark = if let Some(flag) = bare.strip_prefix('-') {
                format!("Fl {flag}")
            } else if word.starts_with('<') || bare != "force" && bare != "json" {
                arguments.push(bare);
                format!("Ar {bare}")
            } else {
                format!("Cm {bare}")
            };
            // A bracket that a later word closes: `[word [statement]]`.
            let (open, close) = (word.matches('[').count(), word.matches(']').count());
            head.push_str(&" Oo".repeat(open));
            head.push_str(&format!(" {mark}"));
            head.push_str(&" Oc".repeat(close));
        }
        page.push_str(&format!("{head}\n{}", prose(text, &arguments)));
        page.push_str(&words(list.into_iter()));
    }
    page + ".El\n"
}

fn drops() -> String {
    let width =
        Drop::ALL.iter().map(|reason| reason.word()).max_by_key(|word| word.len()).unwrap_or_default();
    let mut page = format!(".Bl -tag -width {width}\n");
    for reason in Drop::ALL {
        page.push_str(&format!(".It Cm {}\n{}", reason.word(), prose(&sentence(reason.meaning()), &[])));
    }
    page + ".El\n"
}

/// A line of the program as a sentence of the manual.
fn sentence(line: &str) -> String {
    let mut chars = line.chars();
    let first: String = chars.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}.", chars.as_str())
}

/// Marked-up sentences in mdoc, each on a line of its own. What stands in quotes becomes a macro: one of `arguments`,
/// a section, an option, a file, a word of the language, or several of them.
fn prose(text: &str, arguments: &[&str]) -> String {
    let (mut page, mut line) = (String::new(), String::new());
    let mut flush = |line: &mut String| {
        if !line.is_empty() {
            page.push_str(&format!("{}\n", std::mem::take(line)));
        }
    };
    for piece in pieces(text) {
        let macro_line = match piece {
            Piece::Word(word) => reference(word),
            Piece::Marked { before, words, behind } => {
                let escaped = words.replace('\\', "\\e").replace('"', "\\(dq");
                let marked = match escaped.strip_prefix('-') {
                    _ if arguments.contains(&words) => format!("Ar {escaped}"),
                    Some(flag) if flag.len() == 1 => format!("Fl {flag}"),
                    _ if words.len() > 1 && words.bytes().all(|b| b.is_ascii_uppercase() || b == b' ') => {
                        format!("Sx {escaped}")
                    }
                    _ if words.starts_with(['/', '.']) => format!("Pa {escaped}"),
                    _ if words.contains(' ') || words.bytes().all(|b| b.is_ascii_punctuation()) => {
                        format!("Ql {escaped}")
                    }
                    _ => format!("Cm {escaped}"),
                };
                let (name, rest) = marked.split_once(' ').unwrap_or((&marked, ""));
                let before = if before.is_empty() { String::new() } else { format!("{before} ") };
                let behind: String = behind.chars().map(|c| format!(" {c}")).collect();
                Some(format!(".{name} {before}{rest}{behind}"))
            }
        };
        match (macro_line, piece) {
            (Some(macro_line), _) => {
                flush(&mut line);
                flush(&mut macro_line.clone());
            }
            (None, Piece::Word(word)) => {
                if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                    flush(&mut line);
                }
                if !line.is_empty() {
                    line.push(' ');
                } else if word.starts_with(['.', '\'']) {
                    line.push_str("\\&");
                }
                line.push_str(word);
                if word.ends_with('.') || word.ends_with(".)") {
                    flush(&mut line);
                }
            }
            (None, Piece::Marked { .. }) => {}
        }
    }
    flush(&mut line);
    page
}

/// `bng-dsr(7)`, perhaps with punctuation behind it, as a reference to that page.
fn reference(word: &str) -> Option<String> {
    let (name, rest) = word.split_once('(')?;
    let (section, behind) = rest.split_once(')')?;
    let is_section = section.len() == 1 && section.bytes().all(|b| b.is_ascii_digit());
    let behind: String = behind.chars().map(|c| format!(" {c}")).collect();
    (is_section && !name.is_empty()).then(|| format!(".Xr {name} {section}{behind}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Word(&'a str),
    /// Words in quotes, with the punctuation that touches them.
    Marked {
        before: &'a str,
        words: &'a str,
        behind: &'a str,
    },
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(' ').unwrap_or(rest.len());
        let opening = rest.strip_prefix('(').unwrap_or(rest);
        let before = &rest[..rest.len() - opening.len()];
        let quoted = opening.strip_prefix('\'').and_then(|inside| {
            let closed = inside.find('\'')?;
            Some((&inside[..closed], &inside[closed + 1..]))
        });
        if let Some((words, after)) = quoted {
            let end = after.find(' ').unwrap_or(after.len());
            pieces.push(Piece::Marked { before, words, behind: &after[..end] });
            rest = after[end..].trim_start();
        } else {
            pieces.push(Piece::Word(&rest[..end]));
            rest = rest[end..].trim_start();
        }
    }
    pieces
}

#[test]
fn marks_become_macros_and_sentences_lines() {
    let text = "See 'HEALTH CHECKS'. With 'dsr enable', the node's 'file' of '/etc' is (see bng(8)) kept; \
                so is 'save'. Not 'x y\"'.";
    assert_eq!(
        prose(text, &["file"]),
        "See\n.Sx HEALTH CHECKS .\nWith\n.Ql dsr enable ,\nthe node's\n.Ar file\nof\n.Pa /etc\nis (see bng(8)) kept; so is\n\
         .Cm save .\nNot\n.Ql x y\\(dq .\n"
            .replace("is (see bng(8)) kept; so is\n", "is (see\n.Xr bng 8 )\nkept; so is\n")
    );
}
