//! The highest rate that passes without loss.

/// What became of one burst of load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Frames the generator was to send each second.
    pub(crate) asked: f64,
    /// Frames it sent.
    pub(crate) sent: u64,
    /// Frames that arrived.
    pub(crate) received: u64,
    /// Seconds of sending.
    pub(crate) seconds: f64,
}

impl Outcome {
    /// Frames sent each second.
    pub(crate) fn offered(&self) -> f64 {
        self.sent as f64 / self.seconds
    }

    /// Frames arrived each second.
    pub(crate) fn delivered(&self) -> f64 {
        self.received as f64 / self.seconds
    }

    /// Less than 0.1 % is missing.
    pub(crate) fn is_lossless(&self) -> bool {
        self.received as f64 > self.sent as f64 * 0.999
    }

    /// The generator could not send as fast as it was asked to.
    fn is_exhausted(&self) -> bool {
        self.offered() < self.asked * 0.95
    }
}

/// Where the search begins, in frames each second.
const START: f64 = 50_000.0;
/// Halvings once the limit lies between two rates: the result is exact to 1/2^6 of their distance.
const HALVINGS: usize = 6;

/// Searches the highest lossless rate with bursts sent by `burst`: doubled until frames are missing, then halved in
/// between. A rate gets a second try before it counts as lossy, since on a shared machine anybody may have taken
/// the processor for a moment. The outcome may be limited by the generator.
pub(crate) fn highest(mut burst: impl FnMut(f64) -> Outcome) -> f64 {
    let mut lossless = |rate: f64| {
        let first = burst(rate);
        if first.is_lossless() { Some(first) } else { Some(burst(rate)).filter(Outcome::is_lossless) }
    };
    let (mut low, mut rate) = (0.0, START);
    let mut high = loop {
        let Some(outcome) = lossless(rate) else { break rate };
        low = f64::max(low, outcome.offered());
        if outcome.is_exhausted() {
            return low;
        }
        rate *= 2.0;
    };
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        match lossless(middle) {
            Some(outcome) => low = f64::max(low, outcome.offered()),
            None => high = middle,
        }
    }
    low
}
