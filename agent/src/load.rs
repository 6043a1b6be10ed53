//! Where the load comes from: the system's load average, or a script in the background.

use crate::say::Say;
use bng::wire::agent::Load;
use bng_platform::process::PollSet;
use bng_platform::process::children::{Children, Order, Outcome};
use bng_platform::process::load;
use bng_platform::process::shell::Ended;
use std::time::{Duration, Instant};

/// Time for which the load average of the system is not asked for again.
const FRESH: Duration = Duration::from_secs(1);

/// Intervals for which the last value of a script holds, on top of its timeout.
const HELD: u32 = 3;

/// The source of loads.
#[derive(Debug)]
pub(crate) enum Source {
    /// The load average of the last minute, divided by the number of processors.
    System {
        /// The last value and when it was asked for.
        last: Option<(Instant, Load)>,
    },
    /// What a command prints.
    Script(Box<Script>),
}

/// A script that is run in the background.
#[derive(Debug)]
pub(crate) struct Script {
    order: Order,
    interval: Duration,
    children: Children<()>,
    next: Instant,
    last: Option<(Instant, u32)>,
    /// How it failed the last time, as it was told.
    trouble: Option<String>,
}

impl Source {
    pub(crate) fn system() -> Self {
        Self::System { last: None }
    }

    /// Runs `command` every `interval`, for `timeout` at most.
    pub(crate) fn script(command: String, interval: Duration, timeout: Duration) -> Self {
        let order =
            Order { command, arguments: Vec::new(), environment: Vec::new(), limit: timeout, sweep: true };
        let children = Children::default();
        let next = Instant::now();
        Self::Script(Box::new(Script { order, interval, children, next, last: None, trouble: None }))
    }

    /// The load at `now`.
    pub(crate) fn load(&mut self, now: Instant) -> Load {
        match self {
            Self::System { last } => {
                if let Some((at, load)) = last
                    && now.duration_since(*at) < FRESH
                {
                    return *load;
                }
                let average = load::average().map(|average| average / load::processors() as f64);
                let load = average.map_or(Load::Unknown, |load| Load::Hundredths(hundredths(load)));
                *last = Some((now, load));
                load
            }
            Self::Script(script) => script.load(now),
        }
    }

    /// Adds to `set` what tells that the script has something to say.
    pub(crate) fn register<'a>(&'a self, set: &mut PollSet<'a>) {
        if let Self::Script(script) = self {
            script.children.register(set);
        }
    }

    /// Time until [`Source::run`] has something to do; `None` when it never has.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        match self {
            Self::System { .. } => None,
            Self::Script(script) => {
                script.children.left().or_else(|| Some(script.next.saturating_duration_since(now)))
            }
        }
    }

    /// Starts the script when it is time, and takes what it has printed.
    pub(crate) fn run(&mut self, now: Instant, say: &Say) {
        if let Self::Script(script) = self {
            script.run(now, say);
        }
    }
}

impl Script {
    /// The last value, as long as it holds.
    fn load(&self, now: Instant) -> Load {
        let held = HELD * self.interval + self.order.limit;
        match self.last {
            Some((at, load)) if now.duration_since(at) <= held => Load::Hundredths(load),
            _ => Load::Unknown,
        }
    }

    fn run(&mut self, now: Instant, say: &Say) {
        for ((), outcome) in self.children.ended() {
            match value(&outcome) {
                Ok(load) => {
                    self.last = Some((now, load));
                    if self.trouble.take().is_some() {
                        say.notice("the script tells a load again");
                    }
                }
                Err(trouble) => self.complain(trouble, say),
            }
        }
        // One at a time: one that takes longer than the interval is waited for.
        if now >= self.next && self.children.is_empty() {
            self.next = now + self.interval;
            if let Err(e) = self.children.start((), &self.order) {
                self.complain(format!("cannot be started: {e}"), say);
            }
        }
    }

    /// Says what is wrong with the script, once.
    fn complain(&mut self, trouble: String, say: &Say) {
        if self.trouble.as_ref() != Some(&trouble) {
            say.warning(&format!("the script {trouble}"));
            self.trouble = Some(trouble);
        }
    }
}

/// The load that a script has printed: its last line, a number.
fn value(outcome: &Outcome) -> Result<u32, String> {
    let said = if outcome.line.is_empty() {
        String::new()
    } else {
        let line: String =
            outcome.line.chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect();
        format!(": {line}")
    };
    match outcome.ended {
        Ended::Status(0) => {}
        Ended::Status(status) => return Err(format!("ended with status {status}{said}")),
        Ended::Signal(signal) => return Err(format!("was ended by signal {signal}{said}")),
        Ended::TimedOut => return Err(format!("was killed, its time was over{said}")),
        Ended::Flooded => return Err("was killed, it wrote without end".to_owned()),
    }
    let load: Option<f64> = outcome.line.parse().ok();
    match load.filter(|load| load.is_finite() && *load >= 0.0) {
        Some(load) => Ok(hundredths(load)),
        None => Err(format!("printed no number in its last line{said}")),
    }
}

/// A load in hundredths; one beyond 42 million counts as that.
fn hundredths(load: f64) -> u32 {
    (load * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(line: &str) -> Result<u32, String> {
        value(&Outcome { ended: Ended::Status(0), line: line.to_owned(), took: Duration::ZERO })
    }

    #[test]
    fn a_number_is_a_load_in_hundredths_and_nothing_else_is() {
        for (line, load) in [("0", 0), ("1.5", 150), ("7", 700), ("0.004", 0), ("0.005", 1), ("1e3", 100_000)]
        {
            assert_eq!(printed(line), Ok(load), "{line}");
        }
        assert_eq!(printed("99999999999"), Ok(u32::MAX));
        for line in ["", "-1", "nan", "inf", "1,5", "load 3", "3 4", "\u{1b}[1m"] {
            assert!(printed(line).unwrap_err().starts_with("printed no number in its last line"), "{line}");
        }
    }

    #[test]
    fn the_load_of_the_system_is_known() {
        assert!(matches!(Source::system().load(Instant::now()), Load::Hundredths(_)));
    }

    #[test]
    fn the_last_value_of_a_script_holds_for_three_intervals_and_its_timeout() {
        let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(5));
        let mut source = Source::script("true".to_owned(), interval, timeout);
        let now = Instant::now();
        assert_eq!(source.load(now), Load::Unknown);
        let Source::Script(script) = &mut source else { panic!("a script") };
        script.last = Some((now, 42));
        assert_eq!(source.load(now + Duration::from_secs(35)), Load::Hundredths(42));
        assert_eq!(source.load(now + Duration::from_millis(35_001)), Load::Unknown);
    }

    #[test]
    fn a_script_is_run_in_the_background_one_at_a_time() {
        let say = Say::quiet();
        let mut source =
            Source::script("echo 3.25".to_owned(), Duration::from_secs(1), Duration::from_secs(5));
        let end = Instant::now() + Duration::from_secs(20);
        while source.load(Instant::now()) == Load::Unknown {
            assert!(Instant::now() < end);
            source.run(Instant::now(), &say);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(source.load(Instant::now()), Load::Hundredths(325));
    }
}
