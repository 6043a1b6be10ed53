//! Writes the configuration in the layout of the original: the first column has ten characters, so has every closing
//! brace, and blocks are indented by ten.

use std::fmt::{self, Write};

use super::argument::Value;
use super::config::{Config, Object};
use super::kind::Kind;
use super::statement::STATEMENTS;

/// What the comment at the head of a saved configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When the configuration was taken, in the format of C's `ctime` without its newline: `Sun Jan 19 21:28:59 2020`.
    pub taken: String,
    /// Version of the program, such as `0.100`.
    pub version: String,
    /// Day on which the program was built, `YYYY/MM/DD`.
    pub created: String,
}

impl Config {
    /// The configuration as `save` writes it. Reading it back gives an equal configuration.
    pub fn write(&self, header: &Header) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_to(header, &mut text);
        text
    }

    fn write_to(&self, header: &Header, out: &mut String) -> fmt::Result {
        writeln!(out, "{:<10}configuration taken {}", "//", header.taken)?;
        writeln!(out, "{:<10}bng {} (created {})", "//", header.version, header.created)?;
        for kind in Kind::ALL {
            for ((_, number), object) in self.objects.range((kind, 0)..=(kind, u16::MAX)) {
                match kind {
                    Kind::Top => write_lines(object, out)?,
                    Kind::Set if object.entries.len() == 1 => {
                        write!(out, "{:<10}", "set")?;
                        write_statements(object, "", out)?;
                    }
                    _ if kind.is_one_line() => write_line(kind, *number, object, out)?,
                    _ => write_block(kind, *number, object, out)?,
                }
            }
            self.write_state("register", kind, |object| object.registered, out)?;
            self.write_state("enable", kind, |object| object.enabled, out)?;
        }
        writeln!(out, "{:<10}end of configuration", "//")
    }

    /// The line for the objects of `kind` that are in a state, if there are any.
    fn write_state(
        &self,
        verb: &str,
        kind: Kind,
        holds: fn(&Object) -> bool,
        out: &mut String,
    ) -> fmt::Result {
        let of_kind = self.objects.range((kind, 0)..=(kind, u16::MAX));
        let numbers: Vec<u16> = of_kind.filter(|(_, object)| holds(object)).map(|((_, n), _)| *n).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let value = Value::Indices(numbers);
        let plural = kind.plural().filter(|_| value.is_plural());
        writeln!(out, "{verb:<10}{} {value}", plural.unwrap_or(kind.keyword()))
    }
}

/// Statements outside of any object, their keywords in the first column.
fn write_lines(object: &Object, out: &mut String) -> fmt::Result {
    for (at, entry) in &object.entries {
        let statement = &STATEMENTS[*at];
        let keyword = statement.keyword_for(&entry.value);
        match &entry.value {
            Value::Texts(texts) => {
                for text in texts {
                    writeln!(out, "{keyword:<10}{}", Value::Text(text.clone()))?;
                }
            }
            value => writeln!(out, "{keyword:<10}{value}")?,
        }
    }
    Ok(())
}

fn write_statements(object: &Object, indent: &str, out: &mut String) -> fmt::Result {
    for (at, entry) in &object.entries {
        writeln!(out, "{indent}{} {}", STATEMENTS[*at].keyword_for(&entry.value), entry.value)?;
    }
    Ok(())
}

/// An object that is its number and one argument. Without the argument there is nothing to say.
fn write_line(kind: Kind, number: u16, object: &Object, out: &mut String) -> fmt::Result {
    for entry in object.entries.values() {
        writeln!(out, "{:<10}{number} {}", kind.keyword(), entry.value)?;
    }
    Ok(())
}

fn write_block(kind: Kind, number: u16, object: &Object, out: &mut String) -> fmt::Result {
    write!(out, "{:<10}", kind.keyword())?;
    if kind.limit().is_some() {
        write!(out, "{number} ")?;
    }
    writeln!(out, "{{")?;
    write_statements(object, "          ", out)?;
    writeln!(out, "{:<10}", "}")
}
