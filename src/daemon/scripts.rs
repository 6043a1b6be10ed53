//! The commands of checks and alerts: how many run at once, which wait, and what is said of their end.
//!
//! A check waits for its turn as long as its timeout allows. Alerts about one object run one after the other; when
//! they cannot keep up, those in between are given up and the last one never is, so that whoever is alerted always
//! learns the final state.

use crate::director::alert::{Alert, Subject};
use crate::director::checks::CheckId;
use crate::director::command::{Command, End, Ran, Run};
use crate::note::{Note, Object, presentable};
use crate::time::{Duration, Instant};
use bng_platform::process::PollSet;
use bng_platform::process::children::{Children, Order, Outcome};
use bng_platform::process::shell::Ended;
use std::collections::VecDeque;

/// Most scripts of checks that run at once. Each takes a descriptor and a process or more.
const CHECKS_MAX: usize = 256;
/// Most alerts that run at once.
const ALERTS_MAX: usize = 16;
/// Most alerts about one object that wait.
const WAITING_MAX: usize = 8;
/// Longest line of a script that is told, in characters.
const LINE_MAX: usize = 200;

/// Whose command it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Job {
    Check(CheckId, u32),
    Alert(Subject, Object, bool),
}

/// All commands that run or wait.
#[derive(Debug, Default)]
pub struct Scripts {
    children: Children<Job>,
    checks: usize,
    /// Runs of checks, with the time until which they may take.
    runs: VecDeque<(Run, Instant)>,
    alerts: VecDeque<Alert>,
    /// Runs that have come to nothing, to be told.
    missed: Vec<(CheckId, u32, Ran)>,
    /// What there is to say of alerts.
    notes: Vec<Note>,
}

impl Scripts {
    /// Runs the script of a check, soon.
    pub fn check(&mut self, now: Instant, run: Run) {
        let until = now + run.command.limit;
        self.runs.push_back((run, until));
        self.start(now);
    }

    /// Runs the command of an alert, behind others about the same object.
    pub fn alert(&mut self, now: Instant, alert: Alert) {
        let same = |waiting: &Alert| waiting.subject == alert.subject;
        if self.alerts.iter().filter(|waiting| same(waiting)).count() >= WAITING_MAX
            && let Some(oldest) = self.alerts.iter().position(same)
            && let Some(Alert { object, up, .. }) = self.alerts.remove(oldest)
        {
            let text = format!("{} given up: too many wait for their turn", name(up));
            self.notes.push(Note::warning(object, text));
        }
        self.alerts.push_back(alert);
        self.start(now);
    }

    /// Adds to `set` what tells that a command has something to say.
    pub fn register<'a>(&'a self, set: &mut PollSet<'a>) {
        self.children.register(set);
    }

    /// When [`Scripts::ended`] has something to do, if no command says anything.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.children.left().map(|left| now + left)
    }

    /// The runs of checks that have ended, and what there is to say of alerts. Whatever waited takes its turn.
    pub fn ended(&mut self, now: Instant) -> (Vec<(CheckId, u32, Ran)>, Vec<Note>) {
        let mut runs = Vec::new();
        for (job, outcome) in self.children.ended() {
            let ran = ran(&outcome);
            match job {
                Job::Check(id, number) => {
                    self.checks -= 1;
                    runs.push((id, number, ran));
                }
                Job::Alert(_, object, up) => {
                    let text = format!("{} {ran}", name(up));
                    let done = ran.end == End::Status(0);
                    self.notes.push(if done {
                        Note::info(object, text)
                    } else {
                        Note::warning(object, text)
                    });
                }
            }
        }
        self.start(now);
        runs.append(&mut self.missed);
        (runs, std::mem::take(&mut self.notes))
    }

    /// Starts what may run now.
    fn start(&mut self, now: Instant) {
        while self.checks < CHECKS_MAX
            && let Some((Run { id, number, command }, until)) = self.runs.pop_front()
        {
            let left = until.since(now);
            let missed = if left.is_zero() {
                Some(format!("{CHECKS_MAX} others ran all the time"))
            } else {
                self.children
                    .start(Job::Check(id, number), &order(command, left, true))
                    .err()
                    .map(|e| e.to_string())
            };
            match missed {
                None => self.checks += 1,
                Some(line) => self.missed.push((id, number, Ran { end: End::NotStarted, line })),
            }
        }
        while self.alerts_running() < ALERTS_MAX
            && let Some(next) = self.alerts.iter().position(|alert| !self.is_alerting(alert.subject))
            && let Some(alert) = self.alerts.remove(next)
        {
            let job = Job::Alert(alert.subject, alert.object.clone(), alert.up);
            let limit = alert.command.limit;
            // What an alert leaves in the background was meant to stay.
            if let Err(e) = self.children.start(job, &order(alert.command.clone(), limit, false)) {
                let text = format!("{} cannot be started and is tried again: {e}", name(alert.up));
                self.notes.push(Note::error(alert.object.clone(), text));
                self.alerts.insert(next, alert);
                return;
            }
        }
    }

    fn alerts_running(&self) -> usize {
        self.children.keys().filter(|job| matches!(job, Job::Alert(..))).count()
    }

    fn is_alerting(&self, subject: Subject) -> bool {
        self.children.keys().any(|job| matches!(job, Job::Alert(running, ..) if *running == subject))
    }
}

/// The statement that asks for it.
const fn name(up: bool) -> &'static str {
    if up { "upalert" } else { "alert" }
}

fn order(command: Command, limit: Duration, sweep: bool) -> Order {
    let Command { command, arguments, environment, .. } = command;
    Order { command, arguments, environment, limit, sweep }
}

/// What the director is told.
fn ran(outcome: &Outcome) -> Ran {
    let end = match outcome.ended {
        Ended::Status(status) => End::Status(status),
        Ended::Signal(signal) => End::Signal(signal),
        Ended::TimedOut => End::TimedOut,
        Ended::Flooded => End::Flooded,
    };
    let mut line = presentable(&outcome.line);
    if let Some((end, _)) = line.char_indices().nth(LINE_MAX) {
        line.truncate(end);
        line.push_str("...");
    }
    Ran { end, line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Severity;
    use bng_platform::process::localtime::LocalTime;

    fn command(text: &str, limit: u64) -> Command {
        let limit = Duration::from_secs(limit);
        Command { command: text.to_owned(), arguments: Vec::new(), environment: Vec::new(), limit }
    }

    fn alert(subject: u16, up: bool, text: &str) -> Alert {
        let object = Object::Target(subject, String::new());
        Alert { subject: Subject::Target(subject), object, up, command: command(text, 20) }
    }

    /// Waits until nothing runs or waits any more.
    fn finish(scripts: &mut Scripts) -> (Vec<(CheckId, u32, Ran)>, Vec<Note>) {
        let (mut runs, mut notes) = (Vec::new(), Vec::new());
        let before = std::time::Instant::now();
        loop {
            let now = Instant::ZERO + before.elapsed();
            let (more, said) = scripts.ended(now);
            runs.extend(more);
            notes.extend(said);
            if scripts.children.is_empty() && scripts.alerts.is_empty() && scripts.runs.is_empty() {
                return (runs, notes);
            }
            assert!(before.elapsed().as_secs() < 60, "{scripts:?} since {}", LocalTime::now().stamp());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn alerts_about_one_object_run_one_after_the_other_and_the_last_is_never_lost() {
        let folder = std::env::temp_dir().join(format!("bng-alerts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("log");
        let mut scripts = Scripts::default();
        for n in 0..100 {
            let text = format!("echo {n} >> {}", log.display());
            scripts.alert(Instant::ZERO, alert(1, n % 2 == 1, &text));
        }
        assert_eq!(scripts.alerts.len(), WAITING_MAX);
        let (_, notes) = finish(&mut scripts);
        let written = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        // The first one ran before there were others.
        assert_eq!(written, "0\n92\n93\n94\n95\n96\n97\n98\n99\n");
        let given_up = notes.iter().filter(|note| note.text.contains("given up")).count();
        assert_eq!((given_up, notes.len() - given_up), (91, 9), "{notes:?}");
    }

    #[test]
    fn alerts_about_hundreds_of_objects_all_run_and_few_at_once() {
        let mut scripts = Scripts::default();
        for n in 0..200 {
            scripts.alert(Instant::ZERO, alert(n, true, "exit 3"));
            assert!(scripts.children.len() <= ALERTS_MAX);
        }
        let (_, notes) = finish(&mut scripts);
        assert_eq!(notes.len(), 200);
        let failed =
            |note: &Note| note.text == "upalert ended with status 3" && note.severity == Severity::Warning;
        assert!(notes.iter().all(failed), "{notes:?}");
    }

    #[test]
    fn a_line_that_is_told_is_short_and_has_no_control_characters() {
        let outcome = |line: String| Outcome { ended: Ended::Status(0), line, took: Duration::ZERO };
        assert_eq!(ran(&outcome("a\x1b[31m".to_owned())).line, "a?[31m");
        assert_eq!(ran(&outcome("\u{fc}".repeat(1000))).line.chars().count(), LINE_MAX + 3);
    }
}
