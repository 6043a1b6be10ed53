//! `show nodeid`

use super::json::Json;
use super::table::fields;
use std::net::IpAddr;

/// What tells this node from its peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// `hostname` of the configuration.
    pub hostname: Option<String>,
    /// Instance number.
    pub instance: u8,
    /// Its own addresses, `real` and `real6` of all networks.
    pub real: Vec<IpAddr>,
    /// VRRP priority; `None` without a `vrrp` block.
    pub priority: Option<u8>,
}

/// One line per fact.
pub fn render(view: &NodeView) -> String {
    let real: Vec<String> = view.real.iter().map(IpAddr::to_string).collect();
    fields(&[
        ("hostname", view.hostname.clone().unwrap_or_else(|| "none, 'bng' in the prompt".to_owned())),
        ("instance", view.instance.to_string()),
        ("real", if real.is_empty() { "none".to_owned() } else { real.join(", ") }),
        ("priority", view.priority.map_or_else(|| "none, no vrrp block".to_owned(), |p| p.to_string())),
    ])
}

/// The same as one object.
pub fn json(view: &NodeView) -> Json {
    Json::Object(vec![
        ("hostname", Json::maybe(view.hostname.as_ref(), Json::text)),
        ("instance", view.instance.into()),
        ("real", Json::list(&view.real, Json::text)),
        ("priority", Json::maybe(view.priority, Json::from)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_a_pair_and_a_nameless_one() {
        let node = NodeView {
            hostname: Some("nodea".into()),
            instance: 0,
            real: vec!["10.1.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            priority: Some(200),
        };
        assert_eq!(
            render(&node),
            "  hostname : nodea\n  instance : 0\n  real     : 10.1.0.1, 2001:db8::1\n  priority : 200\n"
        );
        let nameless = NodeView { hostname: None, instance: 3, real: vec![], priority: None };
        assert!(render(&nameless).starts_with("  hostname : none, 'bng' in the prompt\n"));
    }
}
