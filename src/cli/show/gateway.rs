//! `show gateway`

use super::json::Json;
use super::table::{fields, mac};
use std::net::IpAddr;

/// The default next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayView {
    /// Its address.
    pub address: IpAddr,
    /// Network that it lies in, when that is in use.
    pub network: Option<u16>,
    /// Interface of that network.
    pub interface: Option<u16>,
    /// Its station address, when known.
    pub mac: Option<[u8; 6]>,
}

impl GatewayView {
    fn state(&self) -> &'static str {
        match (self.mac, self.network) {
            (Some(_), _) => "known",
            (None, Some(_)) => "asking",
            (None, None) => "unreachable",
        }
    }
}

/// One line per fact.
pub fn render(view: &Option<GatewayView>) -> String {
    let Some(view) = view else { return "  no gateway\n".to_owned() };
    let number = |number: Option<u16>| number.map_or_else(|| "none in use".to_owned(), |n| n.to_string());
    fields(&[
        ("address", view.address.to_string()),
        ("state", view.state().to_owned()),
        ("mac", view.mac.map_or_else(|| "-".to_owned(), mac)),
        ("network", number(view.network)),
        ("interface", number(view.interface)),
    ])
}

/// The same as one object; the address is null without a gateway.
pub fn json(view: &Option<GatewayView>) -> Json {
    let view = view.as_ref();
    Json::Object(vec![
        ("address", Json::maybe(view, |view| Json::text(view.address))),
        ("state", Json::maybe(view, |view| Json::text(view.state()))),
        ("mac", Json::maybe(view.and_then(|view| view.mac), |octets| Json::text(mac(octets)))),
        ("network", Json::maybe(view.and_then(|view| view.network), Json::from)),
        ("interface", Json::maybe(view.and_then(|view| view.interface), Json::from)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_known_asked_for_or_out_of_reach() {
        let view = GatewayView {
            address: "10.1.0.254".parse().unwrap(),
            network: Some(1),
            interface: Some(2),
            mac: Some([2, 0, 0, 0, 0, 1]),
        };
        assert_eq!(
            render(&Some(view.clone())),
            "  address   : 10.1.0.254
  state     : known
  mac       : 02:00:00:00:00:01
  network   : 1
  interface : 2
"
        );
        let asked = GatewayView { mac: None, ..view };
        assert!(render(&Some(asked.clone())).contains(": asking\n"));
        let lost = GatewayView { network: None, interface: None, ..asked };
        assert!(render(&Some(lost)).contains(": unreachable\n"));
        assert_eq!(render(&None), "  no gateway\n");
    }
}
