//! The VRRP state machine of one virtual router (RFC 3768, section 6.4), as a function of time and advertisements.
//!
//! ```text
//!                      +---------------+
//!           stop  +--->|  Initialize   |<---+  stop (withdraws with priority 0)
//!                 |    +---------------+    |
//!                 |      |start   |start    |
//!                 |      |p < 255 |p = 255  |
//!                 |      v        v         |
//!         +---------------+      +---------------+
//!         |    Backup     |----->|    Master     |
//!         |               |<-----|               |
//!         +---------------+      +---------------+
//!              master down timer: 3 x interval + skew
//!              a better master's advertisement: back to Backup
//! ```

use std::net::Ipv4Addr;

use crate::time::{Duration, Instant};

/// Time between advertisements (RFC 3768: 1 second).
pub const ADVERT_INTERVAL: Duration = Duration::from_secs(1);

/// What a virtual router is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Priority, 1 to 255; 255 owns the addresses and is master at once.
    pub priority: u8,
    /// Our primary address: the tie-breaker between two masters of equal priority.
    pub primary: Ipv4Addr,
}

impl Settings {
    /// RFC 3768 section 6.1: `(256 - Priority) / 256` seconds.
    pub fn skew(self) -> Duration {
        Duration::from_micros((256 - u64::from(self.priority)) * 1_000_000 / 256)
    }

    /// RFC 3768 section 6.1: three intervals and the skew.
    pub fn master_down_interval(self) -> Duration {
        ADVERT_INTERVAL * 3 + self.skew()
    }
}

/// State of the virtual router on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not taking part: the interface is not open or its link is down.
    Initialize,
    /// Another node is master.
    Backup,
    /// This node is.
    Master,
}

impl State {
    /// The word in the log and in `show vrrp`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initialize => "init",
            Self::Backup => "backup",
            Self::Master => "master",
        }
    }
}

/// What is to be done after an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Action {
    /// Send an advertisement with this priority.
    pub advertise: Option<u8>,
    /// This node has become master: announce the addresses.
    pub took_over: bool,
    /// This node is no longer master.
    pub gave_up: bool,
}

/// Why the machine is in its state; the words of the log and of `show vrrp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Interface not open or link down.
    NoLink,
    /// The program ends, or the configuration names another virtual router.
    Leaving,
    /// Just started, waiting for a master to be heard.
    Started,
    /// Priority 255.
    Owner,
    /// No advertisement for the master down interval.
    Silence,
    /// The master withdrew with priority 0.
    Withdrawn,
    /// An advertisement of a better master.
    BetterMaster(Ipv4Addr, u8),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoLink => write!(f, "the interface is not open or has no link"),
            Self::Leaving => write!(f, "bng is shutting down"),
            Self::Started => write!(f, "started"),
            Self::Owner => write!(f, "priority 255 owns the addresses"),
            Self::Silence => write!(f, "no advertisement from a master in time"),
            Self::Withdrawn => write!(f, "the master withdrew"),
            Self::BetterMaster(from, priority) => write!(f, "{from} advertises priority {priority}"),
        }
    }
}

/// One virtual router.
#[derive(Debug, Clone)]
pub struct Machine {
    settings: Settings,
    state: State,
    reason: Reason,
    since: Instant,
    /// Advertisement timer of a master, master down timer of a backup.
    timer: Instant,
    /// Address and priority of the master last heard.
    heard: Option<(Ipv4Addr, u8)>,
}

impl Machine {
    /// A machine in state Initialize.
    pub fn new(now: Instant, settings: Settings) -> Self {
        Self {
            settings,
            state: State::Initialize,
            reason: Reason::NoLink,
            since: now,
            timer: now,
            heard: None,
        }
    }

    /// State now.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why, and since when.
    pub fn reason(&self) -> (Reason, Instant) {
        (self.reason, self.since)
    }

    /// Address and priority of the master last heard, when it is another node.
    pub fn heard(&self) -> Option<(Ipv4Addr, u8)> {
        self.heard
    }

    /// What it was told.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// New settings; the state stays and the next timer uses them.
    pub fn set(&mut self, now: Instant, settings: Settings) -> Action {
        let owner = settings.priority == 255 && self.settings.priority != 255;
        self.settings = settings;
        match self.state {
            State::Backup if owner => self.take_over(now, Reason::Owner),
            State::Backup => {
                self.timer = self.timer.min(now + settings.master_down_interval());
                Action::default()
            }
            _ => Action::default(),
        }
    }

    /// The interface can carry advertisements. (6.4.1)
    pub fn start(&mut self, now: Instant) -> Action {
        if self.state != State::Initialize {
            return Action::default();
        }
        if self.settings.priority == 255 {
            return self.take_over(now, Reason::Owner);
        }
        self.enter(now, State::Backup, Reason::Started);
        self.timer = now + self.settings.master_down_interval();
        Action::default()
    }

    /// The interface is gone, or the program ends. A master withdraws. (6.4.2, 6.4.3: Shutdown)
    pub fn stop(&mut self, now: Instant, reason: Reason) -> Action {
        let was_master = self.state == State::Master;
        self.heard = None;
        if self.state != State::Initialize {
            self.enter(now, State::Initialize, reason);
        }
        Action { advertise: was_master.then_some(0), gave_up: was_master, took_over: false }
    }

    /// When [`Machine::expire`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        (self.state != State::Initialize).then_some(self.timer)
    }

    /// Time has passed; acts when the timer has run out.
    pub fn expire(&mut self, now: Instant) -> Action {
        if now < self.timer {
            return Action::default();
        }
        match self.state {
            State::Initialize => Action::default(),
            // 6.4.2: "If the Master_Down_timer fires"
            State::Backup => {
                let reason =
                    if self.heard.is_some_and(|(_, p)| p == 0) { Reason::Withdrawn } else { Reason::Silence };
                self.take_over(now, reason)
            }
            // 6.4.3: "If the Adver_Timer fires"
            State::Master => {
                self.timer = now + ADVERT_INTERVAL;
                Action { advertise: Some(self.settings.priority), ..Action::default() }
            }
        }
    }

    /// A valid advertisement of our virtual router from another node.
    pub fn heard_advert(&mut self, now: Instant, from: Ipv4Addr, priority: u8) -> Action {
        match self.state {
            State::Initialize => Action::default(),
            State::Backup => {
                if priority == 0 {
                    // 6.4.2: the master withdraws; the skew decides who of several backups is first.
                    self.timer = now + self.settings.skew();
                    self.heard = Some((from, 0));
                } else if priority >= self.settings.priority {
                    self.timer = now + self.settings.master_down_interval();
                    self.heard = Some((from, priority));
                }
                // A lesser master is left to run into our master down timer: preemption (Preempt_Mode true).
                Action::default()
            }
            State::Master => {
                if priority == 0 {
                    // 6.4.3: answer at once, so that nobody else takes over.
                    self.timer = now + ADVERT_INTERVAL;
                    return Action { advertise: Some(self.settings.priority), ..Action::default() };
                }
                let mine = self.settings;
                if priority > mine.priority || (priority == mine.priority && from > mine.primary) {
                    self.enter(now, State::Backup, Reason::BetterMaster(from, priority));
                    self.heard = Some((from, priority));
                    self.timer = now + mine.master_down_interval();
                    return Action { gave_up: true, ..Action::default() };
                }
                Action::default()
            }
        }
    }

    fn take_over(&mut self, now: Instant, reason: Reason) -> Action {
        self.enter(now, State::Master, reason);
        self.heard = None;
        self.timer = now + ADVERT_INTERVAL;
        Action { advertise: Some(self.settings.priority), took_over: true, gave_up: false }
    }

    fn enter(&mut self, now: Instant, state: State, reason: Reason) {
        self.state = state;
        self.reason = reason;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn machine(priority: u8) -> Machine {
        let mut m = Machine::new(Instant::ZERO, Settings { priority, primary: LOW });
        m.start(Instant::ZERO);
        m
    }

    /// 3 s + (256 - 200)/256 s
    const DOWN_200: u64 = 3_218_750;

    #[test]
    fn a_backup_waits_for_the_whole_master_down_interval() {
        let mut m = machine(200);
        assert_eq!(m.deadline(), Some(Instant::from_micros(DOWN_200)));
        assert_eq!(m.expire(Instant::from_micros(DOWN_200 - 1)), Action::default());
        assert_eq!(m.state(), State::Backup);
        let action = m.expire(Instant::from_micros(DOWN_200));
        assert_eq!(action, Action { advertise: Some(200), took_over: true, gave_up: false });
        assert_eq!(m.state(), State::Master);
    }

    #[test]
    fn the_owner_is_master_at_once() {
        let mut m = Machine::new(Instant::ZERO, Settings { priority: 255, primary: LOW });
        assert!(m.start(Instant::ZERO).took_over);
        assert_eq!(m.reason().0, Reason::Owner);
    }

    #[test]
    fn equal_priority_leaves_the_mastership_where_it_is() {
        let mut backup = machine(200);
        for s in 1..60 {
            let now = Instant::from_secs(s);
            assert_eq!(backup.expire(now), Action::default());
            assert_eq!(backup.heard_advert(now, PEER, 200), Action::default());
        }
        assert_eq!(backup.state(), State::Backup);
    }

    #[test]
    fn of_two_masters_with_equal_priority_the_higher_address_stays() {
        let now = Instant::from_micros(DOWN_200);
        let mut low = machine(200);
        low.expire(now);
        assert!(low.heard_advert(now, PEER, 200).gave_up);
        let mut high = Machine::new(Instant::ZERO, Settings { priority: 200, primary: PEER });
        high.start(Instant::ZERO);
        high.expire(now);
        assert_eq!(high.heard_advert(now, LOW, 200), Action::default());
        assert_eq!(high.state(), State::Master);
    }

    #[test]
    fn a_withdrawn_master_is_replaced_after_the_skew_only() {
        let mut m = machine(200);
        let heard = Instant::from_secs(1);
        m.heard_advert(heard, PEER, 0);
        let skew = Duration::from_micros(218_750);
        assert_eq!(m.expire(Instant::from_micros(heard.micros() + 218_749)), Action::default());
        assert!(m.expire(heard + skew).took_over);
        assert_eq!(m.reason().0, Reason::Withdrawn);
    }

    #[test]
    fn a_lesser_master_is_preempted() {
        let mut m = machine(200);
        m.heard_advert(Instant::from_secs(2), PEER, 100);
        assert!(m.expire(Instant::from_micros(DOWN_200)).took_over);
    }

    #[test]
    fn a_stopped_master_withdraws() {
        let mut m = machine(255);
        assert_eq!(
            m.stop(Instant::ZERO, Reason::Leaving),
            Action { advertise: Some(0), gave_up: true, took_over: false }
        );
        assert_eq!((m.state(), m.deadline()), (State::Initialize, None));
        assert_eq!(m.stop(Instant::ZERO, Reason::Leaving), Action::default());
    }

    #[test]
    fn a_master_advertises_every_second() {
        let mut m = machine(255);
        assert_eq!(m.expire(Instant::from_micros(999_999)), Action::default());
        assert_eq!(m.expire(Instant::from_secs(1)).advertise, Some(255));
        assert_eq!(m.deadline(), Some(Instant::from_secs(2)));
    }
}
