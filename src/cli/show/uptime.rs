//! `show uptime`

use super::json::Json;

/// When the daemon started and how long ago that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UptimeView {
    /// Local time of the start, as ctime(3) prints it.
    pub started: String,
    /// Seconds since then.
    pub seconds: u64,
}

/// One line.
pub fn render(view: &UptimeView) -> String {
    let (days, rest) = (view.seconds / 86_400, view.seconds % 86_400);
    let days = match days {
        0 => String::new(),
        1 => "1 day ".to_owned(),
        n => format!("{n} days "),
    };
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("  up {days}{hours:02}:{minutes:02}:{seconds:02}, started {}\n", view.started)
}

/// The same as one object.
pub fn json(view: &UptimeView) -> Json {
    Json::Object(vec![("started", Json::text(&view.started)), ("seconds", view.seconds.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_appear_with_the_first_one() {
        let at = |seconds| render(&UptimeView { started: "Sun Jan 19 21:28:59 2020".into(), seconds });
        assert_eq!(at(86_399), "  up 23:59:59, started Sun Jan 19 21:28:59 2020\n");
        assert_eq!(at(86_400), "  up 1 day 00:00:00, started Sun Jan 19 21:28:59 2020\n");
        assert_eq!(at(200_000), "  up 2 days 07:33:20, started Sun Jan 19 21:28:59 2020\n");
    }
}
