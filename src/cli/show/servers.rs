//! `show servers`

use super::json::Json;
use super::table::{Answers, Column, count, endpoint, render as table};
use crate::conf::model::Ports;
use std::net::IpAddr;

/// What a server does with new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// Takes sessions.
    Active,
    /// Enabled, but no target can take a session.
    NoTarget,
    /// Registered and not enabled: its addresses are answered, sessions are refused.
    Disabled,
    /// Only configured.
    Unregistered,
}

impl ServerState {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NoTarget => "no-target",
            Self::Disabled => "disabled",
            Self::Unregistered => "unregistered",
        }
    }
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRow {
    /// Number.
    pub number: u16,
    /// Description.
    pub name: Option<String>,
    /// Virtual addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Ports.
    pub ports: Ports,
    /// `tcp`, `udp` or `any`.
    pub protocol: &'static str,
    /// State.
    pub state: ServerState,
    /// Sessions now.
    pub sessions: u64,
    /// Frames forwarded since the start.
    pub packets: u64,
    /// Bytes forwarded since the start.
    pub bytes: u64,
    /// Answers that came back through us since the start; none where targets answer clients by themselves.
    pub replies: Answers,
    /// Target numbers.
    pub targets: Vec<u16>,
    /// Numbers of its backups.
    pub backups: Vec<u16>,
    /// No other target can take sessions, so they do.
    pub on_backups: bool,
}

/// One row per server; the last column says what is served by which targets.
pub fn render(rows: &[ServerRow]) -> String {
    let columns = [
        Column::Right("srv"),
        Column::Left("state"),
        Column::Right("sessions"),
        Column::Right("packets"),
        Column::Right(" bytes"),
        Column::Left("service"),
    ];
    let cells = |row: &ServerRow| {
        let mut service: Vec<String> = row
            .addresses
            .iter()
            .map(|address| format!("{}/{}", endpoint(*address, &row.ports), row.protocol))
            .collect();
        let targets: Vec<String> = row.targets.iter().map(u16::to_string).collect();
        service.push(if targets.is_empty() {
            "no targets".into()
        } else {
            format!("targets {}", targets.join(", "))
        });
        if !row.backups.is_empty() {
            let backups: Vec<String> = row.backups.iter().map(u16::to_string).collect();
            let used = if row.on_backups { " in use" } else { "" };
            service.push(format!("backups {}{used}", backups.join(", ")));
        }
        service.extend(row.replies.describe());
        service.extend(row.name.as_ref().map(|name| format!("\"{name}\"")));
        vec![
            row.number.to_string(),
            row.state.word().to_owned(),
            count(row.sessions),
            count(row.packets),
            count(row.bytes),
            service.join(" "),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per server.
pub fn json(rows: &[ServerRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("server", row.number.into()),
            ("name", Json::maybe(row.name.as_ref(), Json::text)),
            ("addresses", Json::list(&row.addresses, Json::text)),
            ("ports", Json::text(&row.ports)),
            ("protocol", Json::text(row.protocol)),
            ("state", Json::text(row.state.word())),
            ("sessions", row.sessions.into()),
            ("packets", row.packets.into()),
            ("bytes", row.bytes.into()),
            ("replies", row.replies.packets.into()),
            ("reply_bytes", row.replies.bytes.into()),
            ("targets", Json::list(row.targets.iter().copied(), Json::from)),
            ("backups", Json::list(row.backups.iter().copied(), Json::from)),
            ("on_backups", Json::Bool(row.on_backups)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_both_families_and_without_targets() {
        let ssh = ServerRow {
            number: 1,
            name: None,
            addresses: vec!["172.17.2.90".parse().unwrap()],
            ports: Ports::new(&[22]),
            protocol: "tcp",
            state: ServerState::Active,
            sessions: 1,
            packets: 12,
            bytes: 1260,
            replies: Answers::default(),
            targets: vec![1],
            backups: vec![],
            on_backups: false,
        };
        let web = ServerRow {
            number: 512,
            name: Some("the web farm".into()),
            addresses: vec!["172.17.2.91".parse().unwrap(), "2001:db8::91".parse().unwrap()],
            ports: Ports::default(),
            protocol: "any",
            state: ServerState::NoTarget,
            sessions: 123_456,
            packets: 12_345_678,
            bytes: 9_876_543_210,
            replies: Answers { packets: 11_111_111, bytes: 98_765_432_100 },
            targets: vec![2, 3, 4],
            backups: vec![5, 6],
            on_backups: true,
        };
        let empty = ServerRow { number: 3, targets: vec![], state: ServerState::Unregistered, ..ssh.clone() };
        assert_eq!(
            render(&[ssh, web, empty]),
            "  srv state        sessions packets  bytes service
  ---
    1 active              1      12   1260 172.17.2.90:22/tcp targets 1
  512 no-target        123k   12.3M  9.87G 172.17.2.91:0/any
                                           [2001:db8::91]:0/any targets 2, 3, 4
                                           backups 5, 6 in use answered 11.1M
                                           (98.7G) \"the web farm\"
    3 unregistered        1      12   1260 172.17.2.90:22/tcp no targets
"
        );
    }
}
