//! Which log lines are said when an object says the same again and again, or too much.
//!
//! ```text
//!   as the last line of its object    counted; "repeated N times: TEXT" when another follows or the minute ends
//!   another one                       said
//!   the object has said its share     counted; "N more lines in 60 s, the last one: TEXT" when the minute ends
//! ```
//! A minute is one of the object: it begins with its first line. What was held back last is always told in full, so
//! that nobody takes the last line but one for the state of a flapping object.

use std::collections::BTreeMap;

use crate::note::{Note, Object, Severity};
use crate::time::{Duration, Instant};

/// Time after which what was held back is summed up.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Lines that an object may say in this time.
pub const LINES_MAX: u32 = 10;
/// Objects that are remembered. With more, the one whose minute is the oldest is forgotten.
pub const OBJECTS_MAX: usize = 2048;

/// What an object has said and not said.
#[derive(Debug)]
struct Share {
    /// When its minute began.
    since: Instant,
    /// Lines said in it.
    said: u32,
    /// The line that came last, said or not.
    last: Note,
    /// Lines held back.
    held: u32,
    /// They differ: not all are the line that was said last.
    mixed: bool,
    /// The most urgent of them.
    worst: Severity,
}

impl Share {
    /// What is to be said of the lines held back, which then are forgotten.
    fn settle(&mut self) -> Option<Note> {
        let (held, mixed) = (std::mem::take(&mut self.held), std::mem::take(&mut self.mixed));
        let Note { severity, object, text } = &self.last;
        let (severity, text) = match (held, mixed) {
            (0, _) => return None,
            (1, false) => (*severity, format!("repeated once: {text}")),
            (_, false) => (*severity, format!("repeated {held} times: {text}")),
            (1, true) => (self.worst, format!("1 more line in {} s: {text}", WINDOW.as_secs())),
            (_, true) => {
                (self.worst, format!("{held} more lines in {} s, the last one: {text}", WINDOW.as_secs()))
            }
        };
        Some(Note::new(severity, object.clone(), text))
    }
}

/// The memory of what was said.
#[derive(Debug, Default)]
pub struct Throttle {
    shares: BTreeMap<Object, Share>,
}

impl Throttle {
    /// Takes a line that comes at `now`, and gives those to be said.
    pub fn admit(&mut self, now: Instant, note: Note) -> Vec<Note> {
        // Whoever asks for debug lines wants them all.
        if note.severity == Severity::Debug {
            return vec![note];
        }
        let mut said = Vec::new();
        let Some(share) = self.shares.get_mut(&note.object) else {
            said.extend(self.make_room());
            let share = Share {
                since: now,
                said: 1,
                last: note.clone(),
                held: 0,
                mixed: false,
                worst: note.severity,
            };
            self.shares.insert(note.object.clone(), share);
            said.push(note);
            return said;
        };
        if now.since(share.since) >= WINDOW {
            let summary = share.settle();
            (share.since, share.said) = (now, u32::from(summary.is_some()));
            said.extend(summary);
        }
        let cap = most(&note.object);
        if note == share.last && !share.mixed {
            share.held = share.held.saturating_add(1);
        } else if share.said >= cap {
            share.worst = if share.held == 0 { note.severity } else { share.worst.min(note.severity) };
            share.held = share.held.saturating_add(1);
            share.mixed = true;
            share.last = note;
        } else {
            let summary = share.settle();
            share.said += 1 + u32::from(summary.is_some());
            said.extend(summary);
            share.last = note.clone();
            share.worst = note.severity;
            said.push(if share.said < cap { note } else { last_of_many(note) });
        }
        said
    }

    /// Sums up what is due at `now`, and forgets objects that have been silent. To be called about once a second.
    pub fn expire(&mut self, now: Instant) -> Vec<Note> {
        let mut said = Vec::new();
        self.shares.retain(|_, share| {
            if now.since(share.since) < WINDOW {
                return true;
            }
            let Some(summary) = share.settle() else { return false };
            said.push(summary);
            (share.since, share.said) = (now, 1);
            true
        });
        said
    }

    /// Sums up everything: the program ends.
    pub fn finish(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.shares).into_values().filter_map(|mut share| share.settle()).collect()
    }

    /// Forgets the oldest object when there are too many. What it has to say is said.
    fn make_room(&mut self) -> Option<Note> {
        if self.shares.len() < OBJECTS_MAX {
            return None;
        }
        let (object, _) = self.shares.iter().min_by_key(|(_, share)| share.since)?;
        let object = object.clone();
        self.shares.remove(&object)?.settle()
    }
}

/// Lines that `object` may say in a minute. Who changed the configuration, and how, is always told.
fn most(object: &Object) -> u32 {
    if *object == Object::Configuration { u32::MAX } else { LINES_MAX }
}

/// The last line that an object may say in its minute, as it is said.
fn last_of_many(note: Note) -> Note {
    let text = format!("{} (further lines of this minute are summed up)", note.text);
    Note { text, ..note }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Note {
        Note::warning(Object::Interface(1, "eth0".into()), text)
    }

    fn texts(notes: Vec<Note>) -> Vec<String> {
        notes.into_iter().map(|note| note.text).collect()
    }

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    #[test]
    fn equal_lines_are_counted_until_another_one_comes() {
        let mut throttle = Throttle::default();
        assert_eq!(texts(throttle.admit(at(0), link("a"))), ["a"]);
        assert!(throttle.admit(at(1), link("a")).is_empty());
        assert!(throttle.admit(at(2), link("a")).is_empty());
        assert_eq!(texts(throttle.admit(at(3), link("b"))), ["repeated 2 times: a", "b"]);
        assert!(throttle.admit(at(4), link("b")).is_empty());
        assert_eq!(texts(throttle.admit(at(5), link("a"))), ["repeated once: b", "a"]);
    }

    #[test]
    fn equal_lines_are_summed_up_at_the_end_of_the_minute_and_not_before() {
        let mut throttle = Throttle::default();
        throttle.admit(at(0), link("a"));
        throttle.admit(at(1), link("a"));
        assert!(throttle.expire(Instant::from_micros(59_999_999)).is_empty());
        let said = throttle.expire(at(60));
        assert_eq!(said, [link("repeated once: a")]);
        // Still the same line: it is not said anew, only counted.
        assert!(throttle.admit(at(70), link("a")).is_empty());
        assert_eq!(texts(throttle.expire(at(120))), ["repeated once: a"]);
        assert!(throttle.expire(at(180)).is_empty());
        assert_eq!(texts(throttle.admit(at(181), link("a"))), ["a"], "long ago: said again");
    }

    #[test]
    fn a_flapping_object_is_cut_off_and_its_last_state_told() {
        let mut throttle = Throttle::default();
        let mut said = Vec::new();
        for n in 0..1000u64 {
            let now = Instant::from_millis(n * 50);
            said.extend(throttle.admit(now, link(if n % 2 == 0 { "link down" } else { "link up" })));
        }
        assert_eq!(said.len(), 10);
        assert_eq!(said[9].text, "link up (further lines of this minute are summed up)");
        assert_eq!(texts(throttle.expire(at(60))), ["990 more lines in 60 s, the last one: link up"]);
        assert_eq!(texts(throttle.admit(at(61), link("link down"))), ["link down"]);
    }

    #[test]
    fn what_was_held_back_is_told_before_the_first_line_of_the_next_minute() {
        let mut throttle = Throttle::default();
        for n in 0..12 {
            throttle.admit(at(n), link(&n.to_string()));
        }
        let said = texts(throttle.admit(at(60), link("new")));
        assert_eq!(said, ["2 more lines in 60 s, the last one: 11", "new"]);
    }

    #[test]
    fn a_line_that_is_equal_to_the_last_one_held_back_is_counted_with_it() {
        let mut throttle = Throttle::default();
        for n in 0..10 {
            throttle.admit(at(n), link(&n.to_string()));
        }
        for _ in 0..3 {
            assert!(throttle.admit(at(11), link("down")).is_empty());
        }
        assert_eq!(texts(throttle.finish()), ["3 more lines in 60 s, the last one: down"]);
    }

    #[test]
    fn a_summary_is_as_urgent_as_the_worst_line_in_it() {
        let mut throttle = Throttle::default();
        let object = Object::Interface(1, "eth0".into());
        for n in 0..10 {
            throttle.admit(at(n), Note::info(object.clone(), n.to_string()));
        }
        throttle.admit(at(20), Note::notice(object.clone(), "up"));
        throttle.admit(at(20), Note::error(object.clone(), "lost"));
        throttle.admit(at(20), Note::notice(object.clone(), "up"));
        let summary = throttle.expire(at(60)).remove(0);
        assert_eq!((summary.severity, summary.text.ends_with("the last one: up")), (Severity::Error, true));
    }

    #[test]
    fn objects_do_not_hold_each_other_back() {
        let mut throttle = Throttle::default();
        for n in 0..20 {
            throttle.admit(at(0), link(&n.to_string()));
        }
        let other = Note::warning(Object::Interface(2, "eth1".into()), "0");
        assert_eq!(throttle.admit(at(0), other.clone()), [other]);
    }

    #[test]
    fn every_change_of_the_configuration_is_told() {
        let mut throttle = Throttle::default();
        for n in 0..100 {
            let note = Note::notice(Object::Configuration, n.to_string());
            assert_eq!(throttle.admit(at(0), note.clone()), [note]);
        }
        assert!(throttle.admit(at(0), Note::notice(Object::Configuration, "99")).is_empty());
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost_by_that() {
        let mut throttle = Throttle::default();
        let note = |n: usize| Note::info(Object::Server(n as u16, String::new()), "here");
        for n in 0..OBJECTS_MAX {
            throttle.admit(Instant::from_millis(n as u64), note(n));
        }
        throttle.admit(at(5), note(0));
        let said = throttle.admit(at(5), note(OBJECTS_MAX));
        assert_eq!(texts(said), ["repeated once: here", "here"]);
        assert_eq!(throttle.shares.len(), OBJECTS_MAX);
    }

    #[test]
    fn debug_lines_are_never_held_back() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.admit(at(0), Note::debug(Object::Program, "x")).len(), 1);
        }
    }
}
