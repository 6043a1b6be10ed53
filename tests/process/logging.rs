//! What `show log` shows: one line for each thing that happened, with its object, who did it and the reason.

use crate::{Node, kill, wait};

/// The lines of `show log` without time.
fn lines(node: &Node) -> Vec<String> {
    let log = node.bng(&["show", "log"]).1;
    log.lines().map(|line| line.get(20..).unwrap_or_default().to_owned()).collect()
}

fn assert_line(node: &Node, begin: &str, end: &str) {
    let lines = lines(node);
    assert!(
        lines.iter().any(|l| l.starts_with(begin) && l.ends_with(end)),
        "no `{begin}` ... `{end}` in {lines:#?}"
    );
}

#[test]
fn every_change_of_the_configuration_is_a_line_that_says_who_and_what() {
    let node = Node::new("audit");
    node.bng(&["start"]);
    let by = format!("user id {}, process ", node.uid());
    node.bng(&["hostname", "nodeb"]);
    assert_line(&node, &format!("notice: configuration: changed by {by}"), ": hostname nodea -> nodeb");
    node.bng(&["server", "1", "port", "x"]);
    assert_line(&node, &format!("info: configuration: statement of {by}"), "");
    node.bng(&["save"]);
    let saved = format!("notice: configuration: saved to {} by {by}", node.config().display());
    assert_line(&node, &saved, "");
    node.bng(&["save", "/proc/bng.conf"]);
    assert_line(&node, &format!("error: configuration: save by {by}"), "are as before");
    node.configure("hostname nodec\nserver 7 port 80\n");
    node.bng(&["reload", "-n"]);
    node.bng(&["reload"]);
    let reload = format!("notice: configuration: reload of {} by {by}", node.config().display());
    assert_line(&node, &reload, "; server 7: added");
    assert_eq!(
        lines(&node).iter().filter(|line| line.contains(" reload of ")).count(),
        1,
        "a dry run is no news"
    );
    node.configure("hostnam??\n");
    kill("-HUP", node.pid());
    wait("the refusal", || {
        lines(&node).iter().any(|l| l.contains("by SIGHUP refused, nothing has changed: "))
    });
    node.bng(&["clear", "sessions"]);
    assert_line(&node, &format!("notice: bng: sessions cleared by {by}"), "");
}
