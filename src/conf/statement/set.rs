//! `set`: parameters of the whole node.
//!
//! Few of their ranges and defaults are documented by the original; the others are ours.

use super::{Arg, Choice, IDLE_MAX, Kind, SECONDS_MAX, Statement};

const FACILITY: &[Choice] = &[
    Choice::new("daemon", "system daemons"),
    Choice::new("user", "programs of users"),
    Choice::new("local0", "local use 0"),
    Choice::new("local1", "local use 1"),
    Choice::new("local2", "local use 2"),
    Choice::new("local3", "local use 3"),
    Choice::new("local4", "local use 4"),
    Choice::new("local5", "local use 5"),
    Choice::new("local6", "local use 6"),
    Choice::new("local7", "local use 7"),
];

/// A parameter that is on or off.
const fn flag(keyword: &'static str, default: &'static str, help: &'static str) -> Statement {
    Statement::new(Kind::Set, keyword, Arg::Flag, help).default(default)
}

/// A parameter that is a number.
const fn number(
    keyword: &'static str,
    (min, max): (u32, u32),
    default: &'static str,
    help: &'static str,
) -> Statement {
    Statement::new(Kind::Set, keyword, Arg::Number(min, max), help).default(default)
}

const INTERVAL: (u32, u32) = (1, SECONDS_MAX);
const IDLE: (u32, u32) = (1, IDLE_MAX);
const ANY: (u32, u32) = (0, u32::MAX);
const POSITIVE: (u32, u32) = (1, u32::MAX);

pub(super) const STATEMENTS: &[Statement] = &[
    flag("multithreading", "0", "accepted for compatibility").doc(
        "Kept and saved, but without effect by design: bng always works with one thread or more per interface, as \
         'threads' says.",
    ),
    flag("localdsr", "0", "allow targets on this host behind a tap interface")
        .doc("With 0, a target with 'dsr enable' that is reached through an interface with 'access tap' stays down."),
    flag("localvirt", "0", "share 'virt' addresses with this host").kept("the host is not given them"),
    flag("ipforwarding", "0", "route between networks and to the gateway").kept("nothing is routed"),
    number("outmtu", (68, 65535), "1500", "largest packet that is sent, in bytes")
        .kept("packets are sent as long as they are"),
    // Neighbours.
    number("arplookup", INTERVAL, "15", "seconds between questions for a hardware address")
        .kept("questions follow a fixed pace"),
    number("arprefresh", INTERVAL, "30", "seconds until a hardware address is confirmed")
        .kept("30 seconds are used"),
    number("arptimeout", INTERVAL, "1200", "seconds until a hardware address is forgotten")
        .kept("an address is given up after five questions without an answer"),
    number("gratarpremind", (0, SECONDS_MAX), "0", "seconds between announcements of the master, 0 for none")
        .kept("the master announces its addresses only when they come to it"),
    number("psvrelearn", ANY, "1", "learn changed hardware addresses from any frame")
        .kept("they are learnt as always"),
    // Mastership.
    flag("vrrppreempt", "1", "a higher priority takes over from a lower one")
        .kept("a higher priority always takes over"),
    flag("backupalerts", "0", "run alert scripts on the backup too").kept("no alert script is run"),
    // Checks.
    number("hcportoffset", (0, 65535), "0", "added to the ports of health checks").kept("nothing is added"),
    number("sendprobes", ANY, "1", "send probes").kept("probes are sent as always"),
    // Sessions.
    number("hashbits", (0, 128), "24", "leading bits of the client address for 'method hash'")
        .kept("no method uses them"),
    number("sessionscan", (1, 3600), "1", "seconds between searches for sessions that have ended")
        .kept("sessions end at a pace of their own"),
    flag("sessionarefresh", "0", "refresh sessions that were given out by load").kept("nothing is refreshed"),
    flag("sessiondlog", "0", "log sessions that end").kept("they are not logged"),
    // Sessions of the peer.
    flag("sessionautoresync", "0", "ask the peer for all its sessions when joining it")
        .kept("no session comes from the peer"),
    flag("sessionsyncack", "0", "acknowledge sessions that come from the peer")
        .kept("no session comes from the peer"),
    flag("sessionsync", "1", "tell sessions by broadcast").kept("no session is told"),
    number("sessionsynciv", INTERVAL, "60", "seconds between broadcasts of sessions").kept("no session is told"),
    Statement::new(Kind::Set, "sessionsyncetype", Arg::Number(1536, 65535), "Ethernet type of these broadcasts")
        .kept("no session is told"),
    number("maxsyncps", POSITIVE, "250", "most packets to the peer per second").kept("nothing is sent to a peer"),
    // Address translation.
    number("gnatdefaultto", IDLE, "600", "idle seconds until a translation ends").kept("nothing is translated"),
    number("gnatdnsto", IDLE, "15", "idle seconds until the translation of a DNS query ends")
        .kept("nothing is translated"),
    number("natscan", (1, 3600), "1", "seconds between searches for translations that have ended")
        .kept("nothing is translated"),
    flag("natsync", "1", "tell translations to the peer").kept("nothing is sent to a peer"),
    number("natsynciv", INTERVAL, "60", "seconds between such messages").kept("nothing is sent to a peer"),
    // Operation.
    number("autosave", ANY, "0", "save the configuration when it has changed").kept("only 'save' saves"),
    Statement::new(Kind::Set, "syslogfacility", Arg::Choice(FACILITY), "facility of messages to syslog")
        .default("daemon")
        .kept("daemon is used"),
    number("debugscope", ANY, "0", "what is debugged").kept("nothing is debugged"),
    number("debuglevel", ANY, "0", "how much is said about it").kept("nothing is debugged"),
    number("dumprotation", (1, 1000), "4", "number of files that a packet dump rotates through"),
    number("dumprotsiz", (1, 1_000_000), "10", "size of such a file in megabytes (1000000 bytes)"),
    number("bmduration", INTERVAL, "300", "seconds that a benchmark takes"),
    number("bmpsize", (60, 9014), "1514", "length of the frames of a benchmark in bytes"),
    number("bmwsize", (1, 65535), "16", "frames that a benchmark has under way"),
];
