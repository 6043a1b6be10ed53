//! UDP servers, and servers of any protocol.

use std::collections::BTreeMap;

use bng_world::{Echo, web};

use crate::farm::{Farm, VIP, VIP_ANY, clients};
use crate::suite::Case;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl"];
    let mut cases = Case::per_door("a UDP server spreads its clients", tools, spreads_udp);
    cases.extend(Case::per_door(
        "a server of any protocol keeps a client on one target",
        tools,
        keeps_client,
    ));
    cases
}

fn spreads_udp(door: &str) {
    let farm = Farm::new();
    let _echoes = [
        Echo::start(&farm.webs[0], &format!("{VIP}:5353"), "web1"),
        Echo::start(&farm.webs[1], &format!("{VIP}:5353"), "web2"),
    ];
    let bng = farm.bng(door);
    let mut served: BTreeMap<String, usize> = BTreeMap::new();
    for client in clients(1, 10) {
        let first = Echo::ask(&farm.client, &format!("{client}:0"), &format!("{VIP}:5353"));
        let first = first.unwrap_or_else(|| panic!("no answer to {client}"));
        let second = Echo::ask(&farm.client, &format!("{client}:0"), &format!("{VIP}:5353"));
        assert_eq!(second.as_ref(), Some(&first), "{client} was moved to another target");
        *served.entry(first).or_default() += 1;
    }
    assert_eq!(served, [("web1".into(), 5), ("web2".into(), 5)].into());
    // A port without a server is not forwarded, and makes no session.
    assert_eq!(Echo::ask(&farm.client, "10.1.1.11:0", &format!("{VIP}:5354")), None);
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("10 sessions"), "{sessions}");
}

fn keeps_client(door: &str) {
    let farm = Farm::new();
    let _echoes = [
        Echo::start(&farm.webs[0], &format!("{VIP_ANY}:7"), "web1"),
        Echo::start(&farm.webs[1], &format!("{VIP_ANY}:7"), "web2"),
    ];
    let bng = farm.bng(door);
    let mut seen = Vec::new();
    for client in clients(1, 4) {
        let udp = Echo::ask(&farm.client, &format!("{client}:0"), &format!("{VIP_ANY}:7"));
        let udp = udp.unwrap_or_else(|| panic!("no answer to {client}"));
        let tcp = web::ask(&farm.client, &format!("http://{VIP_ANY}/"), std::slice::from_ref(&client), 3);
        assert_eq!(tcp, [(udp.clone(), 3)].into(), "TCP and UDP of {client} part ways");
        seen.push(udp);
    }
    seen.sort();
    assert_eq!(seen, ["web1", "web1", "web2", "web2"]);
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("4 sessions"), "{sessions}");
}
