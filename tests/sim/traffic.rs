//! Frames that tests send, and what they ask of those that arrive.

use std::collections::BTreeMap;

use bng::wire::{MacAddr, ethernet};

use crate::config;
use crate::frame;
use crate::host::Host;
use crate::node::Node;

/// The frame that `text` describes in the language of the corpus.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    frame::build(text).unwrap_or_else(|why| panic!("{why}: {text}")).0
}

/// An advertisement of node `index` with `priority`.
pub(crate) fn advert(index: usize, priority: u8) -> Vec<u8> {
    let (mac, vrid, real) = (config::VIRTUAL_MAC, config::VRID, config::real(index));
    frame(&format!(
        "eth {mac} 01:00:5e:00:00:12 ipv4 {real} 224.0.0.18 ttl 255 vrrp {vrid} {priority} addr 172.17.2.100"
    ))
}

pub(crate) const CLIENT_MAC: &str = "02:00:00:00:00:c1";

/// The router behind which all clients are.
pub(crate) fn clients() -> Host {
    Host::new(CLIENT_MAC, &["172.17.2.92"])
}

/// Target `n` of the farm.
pub(crate) fn target(n: u16) -> Host {
    Host::new(
        &format!("02:00:00:00:02:{n:02x}"),
        &[&format!("172.17.2.{}", 200 + n), &format!("2001:db8:2::{:x}", 0x200 + n)],
    )
}

/// A segment of client `n` for server 1, sent to station `to`.
pub(crate) fn segment(n: u32, to: MacAddr, flags: &str) -> Vec<u8> {
    let [_, a, b, c] = n.to_be_bytes();
    frame(&format!("eth {CLIENT_MAC} {to} ipv4 10.{a}.{b}.{c} 172.17.2.90 tcp 40000 80 {flags} pad"))
}

/// Server 1 and target counters of `counters`, and the frames of this worker, as one reviewable line.
pub(crate) fn line(moved: &BTreeMap<String, i64>) -> String {
    moved.iter().map(|(name, by)| format!("{name} {by}")).collect::<Vec<_>>().join(", ")
}

/// Asserts that exactly the counters of `expected` moved since `before`.
pub(crate) fn assert_moved(node: &Node, before: &crate::counters::Counters, expected: &str) {
    let moved = line(&crate::counters::moved(before, &node.counters()));
    assert_eq!(moved, expected.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// Source and destination station of `frame`.
pub(crate) fn stations(frame: &[u8]) -> (MacAddr, MacAddr) {
    let frame = ethernet::Frame::new(frame).expect("a frame");
    (frame.src(), frame.dst())
}
