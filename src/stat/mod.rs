//! Counters: one block per worker, one writer each, summed by whoever asks.

mod counter;
mod drops;

pub use counter::Counter;
pub use drops::Drop;

/// Highest server number of one instance.
pub const MAX_SERVERS: u16 = 512;
/// Highest target number of one instance.
pub const MAX_TARGETS: u16 = 1024;

/// Counters of one server or one target in one worker.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Sessions in the table now.
    pub sessions: Counter,
    /// Sessions that other workers had of this target when they were last summed up; written by who sums.
    pub elsewhere: Counter,
    /// Sessions created since the start.
    pub created: Counter,
    /// Frames forwarded.
    pub frames: Counter,
    /// Bytes forwarded, Ethernet header included.
    pub bytes: Counter,
    /// Frames of translated answers.
    pub replies: Counter,
    /// Bytes of translated answers, Ethernet header included.
    pub reply_bytes: Counter,
}

/// What a worker does with frames, besides dropping them.
#[derive(Debug, Default)]
pub struct Work {
    /// Frames received.
    pub received: Counter,
    /// Frames forwarded to targets.
    pub forwarded: Counter,
    /// Packets sent on as a router does: routed, or translated.
    pub routed: Counter,
    /// Packets that wait for the station of a neighbour now.
    pub waiting: Counter,
    /// ICMP errors sent; the packets that they are about are counted as dropped.
    pub errors: Counter,
    /// ARP requests and neighbour solicitations answered.
    pub resolved: Counter,
    /// Echo requests answered.
    pub echoed: Counter,
    /// DNS queries answered with what was asked for, or with that there is none of it.
    pub answered: Counter,
    /// DNS queries for names that do not exist.
    pub nxdomain: Counter,
    /// DNS queries that could not be answered because no target is up.
    pub servfail: Counter,
    /// DNS queries refused: for other names, of other kinds, or not understood.
    pub refused: Counter,
    /// Frames of a benchmark taken.
    pub benchmarked: Counter,
    /// Frames handed to the director.
    pub punted: Counter,
    /// Sessions removed because they were idle for their timeout.
    pub expired: Counter,
    /// Sessions removed to make room for new ones.
    pub evicted: Counter,
    /// Sessions given to another target because theirs went down.
    pub moved: Counter,
    /// Packets that were given a target without being remembered, because new sessions came faster than `set synrate`.
    pub unstored: Counter,
    /// Translated connections in the table now, copies of other workers included.
    pub flows: Counter,
    /// Translated connections opened.
    pub opened: Counter,
    /// Those of them that were taken up in the middle by `nat` and `tnat`.
    pub resumed: Counter,
    /// TCP connections that could not be taken up and were reset; the segments are counted as dropped.
    pub resets: Counter,
    /// Translated connections that have ended, or were given up.
    pub closed: Counter,
    /// Translated connections of other workers that could not be noted because one like it lives here.
    pub clashed: Counter,
    /// News of translated connections that another worker had no room for.
    pub untold: Counter,
}

/// All counters of one worker. Written by the worker alone, read by anyone.
#[derive(Debug)]
pub struct WorkerStats {
    /// What was done.
    pub work: Work,
    drops: [Counter; Drop::COUNT],
    servers: Box<[Traffic]>,
    targets: Box<[Traffic]>,
}

impl Default for WorkerStats {
    fn default() -> Self {
        let block = |n: u16| (0..=n).map(|_| Traffic::default()).collect();
        Self {
            work: Work::default(),
            drops: std::array::from_fn(|_| Counter::default()),
            servers: block(MAX_SERVERS),
            targets: block(MAX_TARGETS),
        }
    }
}

impl WorkerStats {
    /// Sets everything to zero but the sessions and connections in the tables, the packets that wait now and what a
    /// benchmark counts on. For the one who writes.
    pub fn clear(&self) {
        let Work {
            received,
            forwarded,
            routed,
            waiting: _,
            errors,
            resolved,
            echoed,
            answered,
            nxdomain,
            servfail,
            refused,
            benchmarked: _,
            punted,
            expired,
            evicted,
            moved,
            unstored,
            flows: _,
            opened,
            resumed,
            resets,
            closed,
            clashed,
            untold,
        } = &self.work;
        let done = [received, forwarded, routed, errors, resolved, echoed, punted, expired, evicted, moved];
        let dns = [answered, nxdomain, servfail, refused];
        let connections = [opened, resumed, resets, closed, clashed, untold];
        for counter in done.into_iter().chain(dns).chain(connections).chain([unstored]) {
            counter.sub(counter.get());
        }
        self.drops.iter().for_each(|counter| counter.sub(counter.get()));
        for Traffic { sessions: _, elsewhere: _, created, frames, bytes, replies, reply_bytes } in
            self.servers.iter().chain(&self.targets)
        {
            for counter in [created, frames, bytes, replies, reply_bytes] {
                counter.sub(counter.get());
            }
        }
    }

    /// Counts one frame dropped for `reason`.
    #[inline]
    pub fn dropped(&self, reason: Drop) {
        self.drops[reason as usize].add(1);
    }

    /// Frames dropped for `reason`.
    pub fn drops(&self, reason: Drop) -> u64 {
        self.drops[reason as usize].get()
    }

    /// Counters of server `number`; those of a number out of range are kept under 0.
    #[inline]
    pub fn server(&self, number: u16) -> &Traffic {
        self.servers.get(usize::from(number)).unwrap_or(&self.servers[0])
    }

    /// Counters of target `number`; those of a number out of range are kept under 0.
    #[inline]
    pub fn target(&self, number: u16) -> &Traffic {
        self.targets.get(usize::from(number)).unwrap_or(&self.targets[0])
    }
}
