//! `show targets`

use super::json::Json;
use super::table::{Answers, Column, count, endpoint, mac, render as table};
use crate::time::Duration;
use std::net::IpAddr;

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
    /// Last result of each check, for instance `ping ok`.
    pub checks: Vec<String>,
    /// Weight.
    pub weight: u32,
    /// Percent of its share that it gets while it starts slowly.
    pub share: Option<u32>,
    /// It gets no new sessions; in which time the last of its sessions may end, when that can be told.
    pub drained: Option<Option<Duration>>,
    /// Sessions now.
    pub sessions: u64,
    /// Frames forwarded since the start.
    pub packets: u64,
    /// Bytes forwarded since the start.
    pub bytes: u64,
    /// Answers that came back through us since the start; none where targets answer clients by themselves.
    pub replies: Answers,
}

/// How far a target is with ending its sessions.
fn drained(sessions: u64, ends: Option<Duration>) -> String {
    match (sessions, ends.map(|ends| ends.as_secs())) {
        (0, _) => "no session left".to_owned(),
        (_, None) => "end of its sessions not in sight".to_owned(),
        (_, Some(seconds @ 0..600)) => format!("last session ends in about {seconds} s"),
        (_, Some(seconds)) => format!("last session ends in about {} min", seconds / 60),
    }
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
        about.extend(row.checks.iter().cloned());
        if row.weight > 1 {
            about.push(format!("weight {}", row.weight));
        }
        about.extend(row.share.map(|percent| format!("starting slowly, {percent} % of its share")));
        about.extend(row.drained.map(|ends| drained(row.sessions, ends)));
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
            ("checks", Json::list(&row.checks, Json::text)),
            ("weight", row.weight.into()),
            ("share_percent", Json::maybe(row.share, Json::from)),
            ("drained_in_s", Json::maybe(row.drained.flatten(), |ends| ends.as_secs().into())),
            ("sessions", row.sessions.into()),
            ("packets", row.packets.into()),
            ("bytes", row.bytes.into()),
            ("replies", row.replies.packets.into()),
            ("reply_bytes", row.replies.bytes.into()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            checks: vec!["ping ok".into()],
            weight: 1,
            share: None,
            drained: None,
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
            checks: vec!["ping failed".into()],
            sessions: 0,
            ..up.clone()
        };
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
    #[test]
    fn a_target_that_leaves_tells_how_far_it_is() {
        let secs = |n| Some(Duration::from_secs(n));
        for (sessions, ends, text) in [
            (0, None, "no session left"),
            (5, None, "end of its sessions not in sight"),
            (5, secs(90), "last session ends in about 90 s"),
            (5, secs(1_500), "last session ends in about 25 min"),
        ] {
            assert_eq!(drained(sessions, ends), text);
        }
    }
}
