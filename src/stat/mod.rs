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
    /// Sessions created since the start.
    pub created: Counter,
    /// Frames forwarded.
    pub frames: Counter,
    /// Bytes forwarded, Ethernet header included.
    pub bytes: Counter,
}

/// What a worker does with frames, besides dropping them.
#[derive(Debug, Default)]
pub struct Work {
    /// Frames received.
    pub received: Counter,
    /// Frames forwarded to targets.
    pub forwarded: Counter,
    /// ARP requests and neighbour solicitations answered.
    pub resolved: Counter,
    /// Echo requests answered.
    pub echoed: Counter,
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
    /// Sets everything to zero but the sessions in the table now and what a benchmark counts on. For the one who
    /// writes.
    pub fn clear(&self) {
        let Work { received, forwarded, resolved, echoed, benchmarked: _, punted, expired, evicted, moved } =
            &self.work;
        for counter in [received, forwarded, resolved, echoed, punted, expired, evicted, moved] {
            counter.sub(counter.get());
        }
        self.drops.iter().for_each(|counter| counter.sub(counter.get()));
        for Traffic { sessions: _, created, frames, bytes } in self.servers.iter().chain(&self.targets) {
            for counter in [created, frames, bytes] {
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
