//! What changed between two configurations, in the operator's words.

use std::collections::BTreeSet;

use super::config::{Config, Key, Object};
use super::kind::Kind;
use super::statement::STATEMENTS;

/// One line for each difference, in saved order: `server 1: port 80 -> 443`, `target 3: added`, `interface 2: disabled`,
/// `no hostname, was nodea`.
pub fn diff(old: &Config, new: &Config) -> Vec<String> {
    let keys: BTreeSet<&Key> = old.objects.keys().chain(new.objects.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        // Outside of any object a statement needs no name before it.
        let name = match key.0 {
            Kind::Top => String::new(),
            kind => format!("{}: ", kind.object_name(key.1)),
        };
        match (old.objects.get(key), new.objects.get(key)) {
            (Some(old), Some(new)) => changes(&name, old, new, &mut lines),
            // `set` and the top level are always there; only what stands in them comes and goes.
            (old, new) if matches!(key.0, Kind::Top | Kind::Set) => {
                let at = old.or(new).map(|object| object.at);
                if let Some(at) = at {
                    let empty = Object { entries: [].into(), registered: false, enabled: false, at };
                    changes(&name, old.unwrap_or(&empty), new.unwrap_or(&empty), &mut lines);
                }
            }
            (None, Some(_)) => lines.push(format!("{name}added")),
            (Some(_), None) => lines.push(format!("{name}removed")),
            (None, None) => {}
        }
    }
    lines
}

/// `name` is that of the object with a colon and a blank, or empty.
fn changes(name: &str, old: &Object, new: &Object, lines: &mut Vec<String>) {
    let statements: BTreeSet<&usize> = old.entries.keys().chain(new.entries.keys()).collect();
    for at in statements {
        // An object of one line has no keyword inside.
        let keyword = match &STATEMENTS[*at] {
            statement if statement.kind.is_one_line() => String::new(),
            statement => format!("{} ", statement.keyword),
        };
        let written = |object: &Object| object.entries.get(at).map(|entry| entry.value.to_string());
        match (written(old), written(new)) {
            (Some(before), Some(after)) if before != after => {
                lines.push(format!("{name}{keyword}{before} -> {after}"));
            }
            (None, Some(after)) => lines.push(format!("{name}{keyword}{after}")),
            (Some(before), None) => lines.push(format!("{name}no {}, was {before}", keyword.trim_end())),
            _ => {}
        }
    }
    let states = [
        (old.registered, new.registered, "registered", "unregistered"),
        (old.enabled, new.enabled, "enabled", "disabled"),
    ];
    for (before, after, on, off) in states {
        if before != after {
            lines.push(format!("{name}{}", if after { on } else { off }));
        }
    }
}
