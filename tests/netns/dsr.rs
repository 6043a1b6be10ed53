//! A farm of two web servers behind direct server return.

use std::time::Duration;

use bng_world::{wait, web};

use crate::farm::{Farm, PING_INTERVAL, PING_TIMEOUT, VIP, VIP6, clients, is_up};
use crate::suite::Case;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl"];
    let mut cases = Case::per_door("a farm serves on when one server dies and returns", tools, serves_on);
    cases.extend(Case::per_door("a farm serves IPv6", tools, serves_ipv6));
    cases
}

fn serves_on(door: &str) {
    let farm = Farm::new();
    let bng = farm.bng(door);
    let url = format!("http://{VIP}/");

    // Round robin over 40 clients: 20 each, and a client stays where it is.
    let served = web::ask(&farm.client, &url, &clients(1, 40), 50);
    assert_eq!(served, [("web1".into(), 1000), ("web2".into(), 1000)].into());
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("40 sessions"), "{sessions}");

    farm.world.link("web1", false);
    let took = wait::for_true("target 1 down", Duration::from_secs(10), || !is_up(&bng, 1));
    // The last answer before the cable was pulled may be one interval old.
    let limit = Duration::from_secs(PING_TIMEOUT) + Duration::from_millis(500);
    assert!(took <= limit, "the check took {took:?} to notice");
    assert!(took >= Duration::from_secs(PING_TIMEOUT - PING_INTERVAL), "down after only {took:?}");
    let served = web::ask(&farm.client, &url, &clients(1, 40), 5);
    assert_eq!(served, [("web2".into(), 200)].into());

    farm.world.link("web1", true);
    wait::for_true("target 1 up again", Duration::from_secs(5), || is_up(&bng, 1));
    let served = web::ask(&farm.client, &url, &clients(41, 60), 5);
    assert_eq!(served, [("web1".into(), 50), ("web2".into(), 50)].into());
}

fn serves_ipv6(door: &str) {
    let farm = Farm::new();
    let bng = farm.bng(door);
    let url = format!("http://[{VIP6}]/");
    let clients: Vec<_> = (0x11..0x19).map(|n| format!("2001:db8::3:{n:x}")).collect();
    for address in &clients {
        farm.client.address("eth0", &format!("{address}/32"));
    }
    let served = web::ask(&farm.client, &url, &clients, 10);
    assert_eq!(served, [("web1".into(), 40), ("web2".into(), 40)].into());
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("8 sessions"), "{sessions}");
    assert!(sessions.contains("[2001:db8::3:11]:0"), "{sessions}");
}
