//! Words, strings and braces.
//!
//! Blanks and newlines separate words. `//` outside a string starts a comment that ends with the line. A string stands in
//! double quotes and ends on its line; in it `\"` is a quote and `\\` a backslash, any other backslash stands for itself
//! (shell commands are full of them).

/// Bytes `start..end` of the text being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lexeme<'a> {
    /// A word without quotes.
    Word(&'a str),
    /// The contents of a string, escapes resolved.
    Quoted(String),
    /// `{`
    Open,
    /// `}`
    Close,
    /// End of a line.
    Newline,
    /// Something that cannot be read, and why.
    Bad(String),
    /// End of the text.
    End,
}

/// A lexeme and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) lexeme: Lexeme<'a>,
    pub(super) span: Span,
}

impl Token<'_> {
    /// Whether a statement cannot go on past this token.
    pub(super) fn ends_statement(&self) -> bool {
        matches!(self.lexeme, Lexeme::Newline | Lexeme::Close | Lexeme::End)
    }
}

/// Reads tokens one by one; a clone looks ahead.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_blank(c: char) -> bool {
    // A carriage return before the newline comes from an editor on another system.
    matches!(c, ' ' | '\t' | '\r')
}

fn ends_word(c: char) -> bool {
    is_blank(c) || matches!(c, '{' | '}' | '"' | '\n') || c.is_control()
}

fn bad_character(c: char) -> String {
    format!("control character U+{:04X} in the text", u32::from(c))
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // Some editors mark UTF-8 with an invisible character at the start.
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at }
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(is_blank).len();
        let start = self.at;
        let rest = &self.text[start..];
        let (lexeme, length) = match rest.chars().next() {
            None => (Lexeme::End, 0),
            Some('\n') => (Lexeme::Newline, 1),
            Some('{') => (Lexeme::Open, 1),
            Some('}') => (Lexeme::Close, 1),
            Some('"') => string(rest),
            Some(_) if rest.starts_with("//") => {
                self.at += rest.find('\n').unwrap_or(rest.len());
                return self.next_after_comment();
            }
            Some(c) if c.is_control() => (Lexeme::Bad(bad_character(c)), c.len_utf8()),
            Some(_) => {
                let word = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
                let word = &word[..word.find("//").unwrap_or(word.len())];
                (Lexeme::Word(word), word.len())
            }
        };
        self.at = start + length;
        Token { lexeme, span: Span { start, end: self.at } }
    }

    /// A comment ends with its line, so what follows it is a newline or the end of the text.
    fn next_after_comment(&mut self) -> Token<'a> {
        let start = self.at;
        let lexeme = if start < self.text.len() { Lexeme::Newline } else { Lexeme::End };
        self.at = (start + 1).min(self.text.len());
        Token { lexeme, span: Span { start, end: self.at } }
    }
}

/// Reads the string at the start of `rest`, which begins with a quote; its value and its length in bytes.
fn string(rest: &str) -> (Lexeme<'_>, usize) {
    let mut value = String::new();
    let mut wrong = None;
    let mut characters = rest.char_indices().skip(1).peekable();
    let mut end = rest.len();
    while let Some((at, c)) = characters.next() {
        match c {
            '\n' => {
                end = at;
                break;
            }
            '"' => return (wrong.map_or(Lexeme::Quoted(value), Lexeme::Bad), at + 1),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            c if c.is_control() && c != '\t' => wrong = Some(bad_character(c)),
            c => value.push(c),
        }
    }
    (Lexeme::Bad("string without its closing quote on the same line".to_owned()), end)
}

/// Writes `text` so that the lexer reads it back: bare where that works, else in quotes.
///
/// Control characters other than the tab cannot be written; the reader never lets them in.
pub(super) fn quote_if_needed(text: &str) -> String {
    let bare = !text.is_empty()
        && !text.contains(ends_word)
        && !text.contains("//")
        && !text.starts_with('\u{feff}');
    if bare {
        return text.to_owned();
    }
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A backslash is doubled only where it would otherwise be read as an escape, so that shell
        // commands come back as they were typed.
        let escape = match c {
            '"' => true,
            '\\' => matches!(characters.peek(), None | Some('"' | '\\')),
            _ => false,
        };
        if escape {
            written.push('\\');
        }
        written.push(c);
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> Vec<Lexeme<'_>> {
        let mut lexer = Lexer::new(text);
        let mut all = Vec::new();
        loop {
            let token = lexer.next();
            if token.lexeme == Lexeme::End {
                return all;
            }
            all.push(token.lexeme);
        }
    }

    #[test]
    fn words_braces_comments_and_strings() {
        use Lexeme::{Close, Newline, Open, Word};
        assert_eq!(
            lexemes("a {b}//c\r\n// d \"\n\t\"x y\"// z"),
            [Word("a"), Open, Word("b"), Close, Newline, Newline, Lexeme::Quoted("x y".into())]
        );
        assert_eq!(lexemes("\u{feff}a//b"), [Word("a")]);
    }

    #[test]
    fn escapes_in_strings() {
        assert_eq!(lexemes(r#""a\"b\\c\d""#), [Lexeme::Quoted(r#"a"b\c\d"#.into())]);
    }

    #[test]
    fn unterminated_string_ends_with_its_line() {
        let read = lexemes("\"abc\nd \"e\\\"");
        assert!(
            matches!(read[..], [Lexeme::Bad(_), Lexeme::Newline, Lexeme::Word("d"), Lexeme::Bad(_)]),
            "{read:?}"
        );
    }

    #[test]
    fn control_characters_are_named() {
        assert_eq!(
            lexemes("a\u{7}"),
            [Lexeme::Word("a"), Lexeme::Bad("control character U+0007 in the text".into())]
        );
        assert_eq!(lexemes("\"a\u{1b}b\" c").len(), 2);
    }

    #[test]
    fn what_is_quoted_reads_back() {
        for text in [
            "",
            "a",
            "a b",
            "a//b",
            "{",
            "a\"b",
            "\\",
            "a\\",
            "\\\\",
            "a\\\\\"",
            "\\;",
            "\t",
            "\u{feff}x",
            "é",
        ] {
            assert_eq!(
                match lexemes(&quote_if_needed(text)).as_slice() {
                    [Lexeme::Word(word)] => (*word).to_owned(),
                    [Lexeme::Quoted(value)] => value.clone(),
                    other => panic!("{text:?} came back as {other:?}"),
                },
                text
            );
        }
        assert_eq!(quote_if_needed("eth0"), "eth0");
        assert_eq!(quote_if_needed(r"a\;b c"), r#""a\;b c""#);
    }
}
