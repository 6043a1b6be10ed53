//! What there is to say about one statement, put together from its row of the statement table: the text of
//! `help KIND STATEMENT`, and the reference part of bng.conf(5), which a test writes from it.
//!
//! The texts have one mark: quotes around words of the language, `'dsr enable'`, and around section names of
//! bng.conf(5), `'HEALTH CHECKS'`.

use super::argument::{Arg, Choice, SECONDS_MAX, Standing};
use super::statement::{Effect, Origin, Statement};

/// Widest line of a text.
const WIDTH: usize = 80;

/// The article about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Sentences, each with its full stop.
    pub sentences: Vec<String>,
    /// The words that the argument may be, each with what it means; empty where it is no such word.
    pub words: Vec<(&'static str, String)>,
}

impl Statement {
    /// Everything that there is to say about the statement.
    pub fn article(&self) -> Article {
        let mut sentences = vec![sentence(self.help)];
        let mut say = |text: String| sentences.extend((!text.is_empty()).then_some(text));
        say(self.arg.explanation());
        say(self.doc.to_owned());
        if self.repeats {
            say("May be given several times; the order is kept.".to_owned());
        }
        if let Some(default) = self.default {
            say(format!("The default is '{default}'."));
        }
        match self.effect {
            Effect::Acts => {}
            Effect::First => {
                say("Only the first of several is used in this version; all are kept.".to_owned())
            }
            Effect::Kept => {
                say(format!("Kept, but without effect in this version: {}.", self.instead));
            }
        }
        if self.origin == Origin::Ours {
            say("An addition of bng: the original may not accept it.".to_owned());
        }
        let choices: &[Choice] = match self.arg {
            Arg::Choice(choices) | Arg::Choices(choices) => choices,
            _ => &[],
        };
        let words = choices.iter().filter(|choice| choice.is_accepted()).map(|choice| {
            let kept = match choice.standing {
                Standing::Kept(instead) => format!(" (kept: {instead})"),
                Standing::Works | Standing::Known => String::new(),
            };
            (choice.word, format!("{}{kept}", choice.help))
        });
        Article { sentences, words: words.collect() }
    }

    /// The article as `help KIND STATEMENT` prints it, in lines of at most 80 characters.
    pub fn manual(&self) -> String {
        let article = self.article();
        let plural = self.plural.map_or_else(String::new, |plural| format!("{plural} or "));
        let kind = self.kind.keyword();
        let usage = match self.usage() {
            usage if kind.is_empty() || self.kind.is_one_line() => format!("{plural}{usage}"),
            usage => format!("{kind}: {usage}"),
        };
        let mut text = wrapped("  ", "      ", &usage.replace('|', " | "));
        text.push_str(&wrapped("    ", "    ", &article.sentences.join(" ")));
        let width = article.words.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
        for (word, meaning) in &article.words {
            text.push_str(&wrapped(&format!("      {word:<width$}  "), &" ".repeat(8 + width), meaning));
        }
        text
    }
}

impl Arg {
    /// What its notation does not say, in sentences; empty when it says all.
    fn explanation(&self) -> String {
        match self {
            Self::Word(max) => format!("At most {max} characters, without blanks and slashes."),
            Self::Text(max) => format!("At most {max} characters."),
            Self::Number(min, u32::MAX) => format!("A number, {min} or more."),
            Self::Number(min, max) => format!("A number from {min} to {max}."),
            Self::Decimal => "A number from -1000000 to 1000000 with up to three decimals.".to_owned(),
            Self::Ports => {
                "Numbers from 1 to 65535, or ranges such as '8000-8010'; or 0 alone for any.".to_owned()
            }
            Self::Codes => "Numbers from 100 to 599, or ranges such as '200-299'.".to_owned(),
            Self::Ipv4s(max) | Self::Ipv6s(max) => format!("At most {max} addresses."),
            Self::Names(max) => format!("Words of up to {max} letters, digits, '-' and '_'."),
            Self::Domains(1) => "A domain name, with or without a dot at its end.".to_owned(),
            Self::Domains(max) => format!("At most {max} domain names, with or without a dot at their end."),
            Self::Indices(kind) => {
                let last = kind.limit().unwrap_or(0);
                format!("Numbers from 1 to {last}, or ranges such as '1-4'.")
            }
            Self::Index(kind) => format!("A number from 1 to {}.", kind.limit().unwrap_or(0)),
            Self::Probe => times("Interval and timeout"),
            Self::PortProbe => {
                format!("The port is a number from 1 to 65535. {}", times("Interval and timeout"))
            }
            Self::Script => times("Interval and timeout"),
            Self::Flag => "1 for yes, 0 for no.".to_owned(),
            Self::Ipv4Network
            | Self::Ipv4
            | Self::Ipv6
            | Self::Host
            | Self::Mask
            | Self::Switch
            | Self::Choice(_)
            | Self::Choices(_) => String::new(),
        }
    }
}

fn times(what: &str) -> String {
    format!("{what} are seconds from 1 to {SECONDS_MAX}; the timeout cannot be the shorter one.")
}

/// A line of help as a sentence.
fn sentence(line: &str) -> String {
    let mut chars = line.chars();
    let first: String = chars.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}.", chars.as_str())
}

/// `text` in lines of at most 80 characters, the first behind `first`, the others behind `indent`.
pub fn wrapped(first: &str, indent: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = indent.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::super::statement::STATEMENTS;
    use super::*;

    fn manual(kind: Kind, keyword: &str) -> String {
        let is_meant = |s: &&Statement| s.kind == kind && s.keyword == keyword;
        STATEMENTS.iter().find(is_meant).expect(keyword).manual()
    }

    #[test]
    fn a_statement_is_explained_with_range_default_and_effect() {
        assert_eq!(
            manual(Kind::Server, "stimeout"),
            "  server: stimeout <1-2592000>
    Idle seconds until a session ends. A number from 1 to 2592000. A session
    keeps the value with which it was created. The default is '600'.
"
        );
        let outmtu = manual(Kind::Set, "outmtu");
        let outmtu = outmtu.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(outmtu.contains("without effect in this version: packets are sent"), "{outmtu}");
    }

    #[test]
    fn words_are_explained_each_with_what_happens_instead() {
        let sessionid = manual(Kind::Server, "sessionid");
        assert!(sessionid.contains("\n      dst "), "{sessionid}");
        assert!(sessionid.contains("SIP call (kept: src is used)\n"), "{sessionid}");
        assert!(!manual(Kind::Top, "module").contains("llb"));
    }

    #[test]
    fn every_article_consists_of_sentences_and_fits_the_screen() {
        for statement in STATEMENTS {
            for sentence in statement.article().sentences {
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
            }
            let text = statement.manual();
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(text.lines().all(|line| !line.trim().is_empty()), "{text}");
        }
    }
}
