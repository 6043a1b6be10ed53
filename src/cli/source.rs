//! The text of a file for `source`: statements, and the names of further files.

use super::input::{complete, words};

/// A part of such a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// Statements that stand together.
    Statements {
        /// Number of the first line, from 1.
        line: usize,
        /// Whole lines.
        text: &'a str,
    },
    /// `source FILE`
    Source {
        /// Number of the line, from 1.
        line: usize,
        /// The file.
        file: &'a str,
    },
}

/// Takes a text apart at its `source` lines. In a block such a line is none; what is left of a wrong one, such as
/// `source` without a file, stays a statement and is reported as an unknown one.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut first, mut at) = (0, 1, 0);
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let words = words(line);
        if let (["source", file], true) = (&words[..], complete(&text[start..at])) {
            if start < at {
                parts.push(Part::Statements { line: first, text: &text[start..at] });
            }
            parts.push(Part::Source { line: i + 1, file });
            (start, first) = (at + line.len(), i + 2);
        }
        at += line.len();
    }
    if start < text.len() {
        parts.push(Part::Statements { line: first, text: &text[start..] });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_its_source_lines() {
        let text = "hostname a\nsource /x // more\n\nserver 1 {\n source /y\n}\nsource \"/a b\"\nsource\n";
        assert_eq!(
            parts(text),
            [
                Part::Statements { line: 1, text: "hostname a\n" },
                Part::Source { line: 2, file: "/x" },
                Part::Statements { line: 3, text: "\nserver 1 {\n source /y\n}\n" },
                Part::Source { line: 7, file: "/a b" },
                Part::Statements { line: 8, text: "source\n" },
            ]
        );
        assert!(parts("").is_empty());
    }
}
