//! `show vrrp`

use super::json::Json;
use super::table::{count, fields};
use std::net::Ipv4Addr;

/// The node's role and the traffic that decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrrpView {
    /// Virtual router id; `None` without a `vrrp` block.
    pub vrid: Option<u8>,
    /// Configured priority.
    pub priority: u8,
    /// `master`, `backup` or `init`.
    pub state: &'static str,
    /// Seconds in this state.
    pub since_s: u64,
    /// Address of the node that is master, when known.
    pub master: Option<Ipv4Addr>,
    /// Advertisements sent.
    pub sent: u64,
    /// Advertisements accepted.
    pub received: u64,
    /// Advertisements dropped, with the reason; reasons that never occurred may be left out.
    pub dropped: Vec<(&'static str, u64)>,
}

/// One line per fact.
pub fn render(view: &VrrpView) -> String {
    let Some(vrid) = view.vrid else {
        return "  no vrrp block: this node is always master\n".to_owned();
    };
    let mut lines = vec![
        ("virtual router", vrid.to_string()),
        ("priority", view.priority.to_string()),
        ("state", format!("{} for {} s", view.state, view.since_s)),
        ("master", view.master.map_or_else(|| "unknown".to_owned(), |address| address.to_string())),
        ("adverts sent", count(view.sent)),
        ("adverts received", count(view.received)),
    ];
    let dropped: Vec<String> =
        view.dropped.iter().filter(|(_, n)| *n > 0).map(|(reason, n)| format!("{n} {reason}")).collect();
    lines.push(("adverts dropped", if dropped.is_empty() { "0".to_owned() } else { dropped.join(", ") }));
    fields(&lines)
}

/// The same as one object; `vrid` and `priority` are null without a `vrrp` block.
pub fn json(view: &VrrpView) -> Json {
    Json::Object(vec![
        ("vrid", Json::maybe(view.vrid, Json::from)),
        ("priority", Json::maybe(view.vrid, |_| view.priority.into())),
        ("state", Json::text(view.state)),
        ("since_s", view.since_s.into()),
        ("master", Json::maybe(view.master, Json::text)),
        ("adverts_sent", view.sent.into()),
        ("adverts_received", view.received.into()),
        (
            "adverts_dropped",
            Json::list(&view.dropped, |(reason, adverts)| {
                Json::Object(vec![("reason", Json::text(reason)), ("adverts", (*adverts).into())])
            }),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_names_its_master_and_what_it_dropped() {
        let view = VrrpView {
            vrid: Some(79),
            priority: 200,
            state: "backup",
            since_s: 12,
            master: Some([172, 17, 2, 57].into()),
            sent: 4,
            received: 1200,
            dropped: vec![("vrrp-ttl", 2), ("vrrp-vrid", 0), ("vrrp-checksum", 1)],
        };
        assert_eq!(
            render(&view),
            "  virtual router   : 79
  priority         : 200
  state            : backup for 12 s
  master           : 172.17.2.57
  adverts sent     : 4
  adverts received : 1200
  adverts dropped  : 2 vrrp-ttl, 1 vrrp-checksum
"
        );
        let alone = VrrpView { vrid: None, ..view };
        assert_eq!(render(&alone), "  no vrrp block: this node is always master\n");
    }
}
