//! `show targets`

use super::json::Json;
use super::table::{Answers, Column, count, endpoint, mac, render as table};
use std::net::IpAddr;
use std::time::Duration;

use crate::director::checks::Counts;

/// What a target may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// New sessions.
    Active,
    /// Keeps its sessions, gets no new ones.
    Drain,
    /// As drain, reported apart.
    Maintenance,
    /// Registered and not enabled.
    Disabled,
    /// Only configured.
    Unregistered,
    /// A check fails.
    Down,
    /// Its station address is not known yet.
    Unresolved,
}

impl TargetState {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
            Self::Disabled => "disabled",
            Self::Unregistered => "unregistered",
            Self::Down => "down",
            Self::Unresolved => "unresolved",
        }
    }
}

/// One check of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// Its statement, with the virtual address that it goes through: `ping`, `tcpopen 10.1.0.100:80`.
    pub label: String,
    /// What is asked whom: `tcpopen of 10.0.0.1:80`.
    pub what: String,
    /// `ok`, `failed` or `waiting`.
    pub verdict: &'static str,
    /// The last result in a few words.
    pub result: String,
    /// Seconds since when the verdict holds.
    pub since: u64,
    /// Time to the last good answer.
    pub latency: Option<Duration>,
    /// How long ago that was.
    pub answer: Option<Duration>,
    /// Why the last probe failed, when it did.
    pub failure: Option<String>,
    /// What has happened since it began.
    pub counts: Counts,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    /// Number.
    pub number: u16,
    /// Description.
    pub name: Option<String>,
    /// Addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Port, 0 for the server's.
    pub port: u16,
    /// State.
    pub state: TargetState,
    /// Why it is not active, for the operator.
    pub reason: Option<String>,
    /// Station address, when known.
    pub mac: Option<[u8; 6]>,
    /// Its checks.
    pub checks: Vec<CheckRow>,
    /// Sessions now.
    pub sessions: u64,
    /// Frames forwarded since the start.
    pub packets: u64,
    /// Bytes forwarded since the start.
    pub bytes: u64,
    /// Answers that came back through us since the start; none where targets answer clients by themselves.
    pub replies: Answers,
}

/// One row per target; the last column gives addresses, station, checks and the reason for its state.
pub fn render(rows: &[TargetRow]) -> String {
    let columns = [
        Column::Right("tgt"),
        Column::Left("state"),
        Column::Right("sessions"),
        Column::Right("packets"),
        Column::Right(" bytes"),
        Column::Left("target"),
    ];
    let cells = |row: &TargetRow| {
        let mut about: Vec<String> =
            row.addresses.iter().map(|address| endpoint(*address, row.port)).collect();
        about.push(row.mac.map_or_else(|| "no MAC".to_owned(), mac));
        about.extend(row.checks.iter().map(|check| format!("{} {}", check.label, check.result)));
        about.extend(row.replies.describe());
        about.extend(row.reason.as_ref().map(|reason| format!("({reason})")));
        about.extend(row.name.as_ref().map(|name| format!("\"{name}\"")));
        vec![
            row.number.to_string(),
            row.state.word().to_owned(),
            count(row.sessions),
            count(row.packets),
            count(row.bytes),
            about.join(" "),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same, followed by what is known of every check.
pub fn details(rows: &[TargetRow]) -> String {
    let columns = [
        Column::Left("check"),
        Column::Left("result"),
        Column::Right("since"),
        Column::Right("answer"),
        Column::Right("asked"),
        Column::Right("answered"),
        Column::Right("failed"),
        Column::Right("strays"),
    ];
    let cells = |check: &CheckRow| {
        vec![
            check.what.clone(),
            check.result.clone(),
            format!("{} s", check.since),
            check.answer.map_or_else(|| "-".to_owned(), |ago| format!("{:.1} s ago", ago.as_secs_f64())),
            count(check.counts.asked),
            count(check.counts.answered),
            count(check.counts.failed),
            count(check.counts.strays),
        ]
    };
    let checks: Vec<_> = rows.iter().flat_map(|row| &row.checks).map(cells).collect();
    if checks.is_empty() { render(rows) } else { format!("{}\n{}", render(rows), table(&columns, &checks)) }
}

/// The same as one object per target.
pub fn json(rows: &[TargetRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("target", row.number.into()),
            ("name", Json::maybe(row.name.as_ref(), Json::text)),
            ("addresses", Json::list(&row.addresses, Json::text)),
            ("port", row.port.into()),
            ("state", Json::text(row.state.word())),
            ("reason", Json::maybe(row.reason.as_ref(), Json::text)),
            ("mac", Json::maybe(row.mac, |octets| Json::text(mac(octets)))),
            ("checks", Json::list(&row.checks, check_json)),
            ("sessions", row.sessions.into()),
            ("packets", row.packets.into()),
            ("bytes", row.bytes.into()),
            ("replies", row.replies.packets.into()),
            ("reply_bytes", row.replies.bytes.into()),
        ])
    })
}

fn check_json(check: &CheckRow) -> Json {
    Json::Object(vec![
        ("check", Json::text(&check.label)),
        ("of", Json::text(&check.what)),
        ("verdict", Json::text(check.verdict)),
        ("since", check.since.into()),
        ("latency_us", Json::maybe(check.latency, |latency| micros(latency).into())),
        ("answer_us", Json::maybe(check.answer, |ago| micros(ago).into())),
        ("failure", Json::maybe(check.failure.as_ref(), Json::text)),
        ("asked", check.counts.asked.into()),
        ("answered", check.counts.answered.into()),
        ("failed", check.counts.failed.into()),
        ("strays", check.counts.strays.into()),
    ])
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: &str) -> CheckRow {
        CheckRow {
            label: "ping".to_owned(),
            what: "ping of 10.20.20.20".to_owned(),
            verdict: "ok",
            result: result.to_owned(),
            since: 61,
            latency: Some(Duration::from_micros(400)),
            answer: Some(Duration::from_millis(1_200)),
            failure: None,
            counts: Counts { asked: 40, answered: 39, failed: 1, strays: 0 },
        }
    }

    #[test]
    fn a_target_says_why_it_is_down() {
        let up = TargetRow {
            number: 1,
            name: None,
            addresses: vec!["10.20.20.20".parse().unwrap()],
            port: 22,
            state: TargetState::Active,
            reason: None,
            mac: Some([0x02, 0, 0, 0, 0, 0x0a]),
            checks: vec![check("ok")],
            sessions: 1,
            packets: 12,
            bytes: 1260,
            replies: Answers::default(),
        };
        let down = TargetRow {
            number: 1024,
            name: Some("spare".into()),
            state: TargetState::Down,
            reason: Some("no answer to ping for 10 s".into()),
            mac: None,
            checks: vec![check("failed")],
            sessions: 0,
            ..up.clone()
        };
        assert_eq!(
            details(std::slice::from_ref(&up)),
            "  tgt state  sessions packets  bytes target
  ---
    1 active        1      12   1260 10.20.20.20:22 02:00:00:00:00:0a ping ok

  check               result since    answer asked answered failed strays
  ---
  ping of 10.20.20.20 ok      61 s 1.2 s ago    40       39      1      0
"
        );
        assert_eq!(
            render(&[up, down]),
            "   tgt state  sessions packets  bytes target
  ---
     1 active        1      12   1260 10.20.20.20:22 02:00:00:00:00:0a ping ok
  1024 down          0      12   1260 10.20.20.20:22 no MAC ping failed (no
                                      answer to ping for 10 s) \"spare\"
"
        );
    }
}
