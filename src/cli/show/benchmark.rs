//! `show benchmark`

use super::json::Json;
use crate::conf::model::BenchmarkPlan;
use crate::time::Duration;

/// How far a benchmark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Frames are being sent, or the last ones are on their way.
    Running {
        /// Whole seconds for which frames will still be sent.
        remaining: u64,
    },
    /// Done, for as long as planned.
    Finished,
    /// Ended before its time.
    Stopped,
}

/// One benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchmarkView {
    /// What it is to do.
    pub plan: BenchmarkPlan,
    /// How far it is.
    pub stage: Stage,
    /// Frames sent.
    pub sent: u64,
    /// Frames received by the time that the last one was sent; those under way then are missing.
    pub received: u64,
    /// Frames that never arrived, as far as is known.
    pub lost: u64,
    /// Time for which frames were sent.
    pub elapsed: Duration,
}

/// Per second, rounded to the nearest; `elapsed` below a millisecond counts as one.
fn per_second(count: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    let rate = (u128::from(count) * 1000 + millis / 2) / millis;
    u64::try_from(rate).unwrap_or(u64::MAX)
}

impl BenchmarkView {
    fn packets_per_second(&self) -> u64 {
        per_second(self.received, self.elapsed)
    }

    fn bytes_per_second(&self) -> u64 {
        per_second(self.received.saturating_mul(self.plan.packet_size.into()), self.elapsed)
    }
}

/// The last benchmark in the words of the original.
pub fn render(view: Option<&BenchmarkView>) -> String {
    let Some(view) = view else { return "  no benchmark was run\n".to_owned() };
    let seconds = match view.stage {
        Stage::Stopped => view.elapsed.as_secs(),
        Stage::Running { .. } | Stage::Finished => view.plan.duration.as_secs(),
    };
    let mut rows = vec![
        ("duration (seconds)", seconds),
        ("packetsize", view.plan.packet_size.into()),
        ("window size", view.plan.window.into()),
        ("packets sent", view.sent),
        ("packets received", view.received),
    ];
    let title = match view.stage {
        Stage::Running { remaining } => {
            rows.push(("seconds remaining", remaining));
            "benchmark active and running:"
        }
        Stage::Finished => "benchmark finished with the following results:",
        Stage::Stopped => "benchmark stopped early with the following results:",
    };
    if !matches!(view.stage, Stage::Running { .. }) {
        rows.push(("lost packets", view.lost));
        rows.push(("packets per second", view.packets_per_second()));
        rows.push(("bytes per second", view.bytes_per_second()));
    }
    let rows = rows.into_iter().map(|(name, value)| format!("    {name:<18} : {value}\n"));
    format!("  {title}\n{}", rows.collect::<String>())
}

/// The same as one object; its state tells when there was none.
pub fn json(view: Option<&BenchmarkView>) -> Json {
    let none = Json::Object(vec![("state", Json::text("none"))]);
    view.map_or(none, |view| {
        let (state, remaining) = match view.stage {
            Stage::Running { remaining } => ("running", Some(remaining)),
            Stage::Finished => ("finished", None),
            Stage::Stopped => ("stopped", None),
        };
        // Before the end nobody knows what is lost, and the rates would be those of a moment.
        let result = |figure: u64| if remaining.is_some() { Json::Null } else { figure.into() };
        Json::Object(vec![
            ("state", Json::text(state)),
            ("duration", view.plan.duration.as_secs().into()),
            ("elapsed", view.elapsed.as_secs().into()),
            ("packetsize", view.plan.packet_size.into()),
            ("window_size", view.plan.window.into()),
            ("packets_sent", view.sent.into()),
            ("packets_received", view.received.into()),
            ("seconds_remaining", Json::maybe(remaining, Json::from)),
            ("lost_packets", result(view.lost)),
            ("packets_per_second", result(view.packets_per_second())),
            ("bytes_per_second", result(view.bytes_per_second())),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(stage: Stage, sent: u64, received: u64, elapsed: u64) -> BenchmarkView {
        let elapsed = Duration::from_secs(elapsed);
        BenchmarkView { plan: BenchmarkPlan::default(), stage, sent, received, lost: 0, elapsed }
    }

    #[test]
    fn figures_stand_as_in_the_original() {
        let running = view(Stage::Running { remaining: 294 }, 212_921, 212_905, 6);
        assert_eq!(
            render(Some(&running)),
            "  benchmark active and running:
    duration (seconds) : 300
    packetsize         : 1514
    window size        : 16
    packets sent       : 212921
    packets received   : 212905
    seconds remaining  : 294
"
        );
        let finished = view(Stage::Finished, 10_797_158, 10_797_142, 300);
        assert_eq!(
            render(Some(&finished)),
            "  benchmark finished with the following results:
    duration (seconds) : 300
    packetsize         : 1514
    window size        : 16
    packets sent       : 10797158
    packets received   : 10797142
    lost packets       : 0
    packets per second : 35990
    bytes per second   : 54489577
"
        );
    }

    #[test]
    fn without_time_there_is_still_a_rate() {
        let stopped = view(Stage::Stopped, 16, 3, 0);
        assert!(render(Some(&stopped)).contains("stopped early"));
        assert_eq!(stopped.packets_per_second(), 3000);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
        assert_eq!(render(None), "  no benchmark was run\n");
    }

    #[test]
    fn programs_get_null_for_what_is_not_known_yet() {
        let text = json(Some(&view(Stage::Running { remaining: 3 }, 5, 4, 1))).to_string();
        assert!(text.contains("\"lost_packets\":null") && text.contains("\"seconds_remaining\":3"), "{text}");
        let text = json(Some(&view(Stage::Finished, 5, 5, 300))).to_string();
        assert!(text.contains("\"lost_packets\":0") && text.contains("\"seconds_remaining\":null"), "{text}");
        assert_eq!(json(None).to_string(), "{\"state\":\"none\"}");
    }
}
