//! Who changed the configuration by command, for `show commandlog`.

use crate::cli::show::commandlog::CommandRow;
use bng_platform::process::localtime::LocalTime;
use std::collections::VecDeque;

/// Commands kept.
const KEEP: usize = 200;
/// Longest command kept, in characters; longer ones are cut.
const COMMAND_MAX: usize = 500;

/// The last commands that changed the configuration.
#[derive(Debug, Default)]
pub struct History(VecDeque<CommandRow>);

impl History {
    /// Keeps a command of `who`, in one line.
    pub fn note(&mut self, who: String, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut line = words.join(" ");
        if let Some((end, _)) = line.char_indices().nth(COMMAND_MAX) {
            line.truncate(end);
            line.push_str(" ...");
        }
        if self.0.len() == KEEP {
            self.0.pop_front();
        }
        self.0.push_back(CommandRow { time: LocalTime::now().stamp(), who, command: line });
    }

    /// The last `most` commands, the oldest first.
    pub fn last(&self, most: usize) -> Vec<CommandRow> {
        self.0.iter().skip(self.0.len().saturating_sub(most)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_command_makes_room_and_a_long_one_is_cut() {
        let mut history = History::default();
        for n in 0..=KEEP {
            history.note("uid 0".into(), &format!("server {n} {{\n  port 80\n}}"));
        }
        let all = history.last(usize::MAX);
        assert_eq!((all.len(), all[0].command.as_str()), (KEEP, "server 1 { port 80 }"));
        assert_eq!(history.last(1)[0].command, format!("server {KEEP} {{ port 80 }}"));
        history.note("uid 0".into(), &"\u{fc}".repeat(COMMAND_MAX + 1));
        assert_eq!(history.last(1)[0].command.chars().count(), COMMAND_MAX + 4);
    }
}
