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

/// Most source addresses of tunnels.
const SOURCES_MAX: usize = 64;

const INTERVAL: (u32, u32) = (1, SECONDS_MAX);
const IDLE: (u32, u32) = (1, IDLE_MAX);
const ANY: (u32, u32) = (0, u32::MAX);
const POSITIVE: (u32, u32) = (1, u32::MAX);

pub(super) const STATEMENTS: &[Statement] = &[
    flag("multithreading", "0", "accepted for compatibility").doc(
        "Without effect by design: there is always one thread or more for each interface, as 'threads' says.",
    ),
    flag("localdsr", "0", "allow targets on this host behind a tap interface")
        .doc("With 0, a target with 'dsr enable' that is reached through an interface with 'access tap' stays down; see 'TARGETS ON THE SAME HOST'."),
    flag("localvirt", "0", "share 'virt' addresses with this host").kept("the host is not given them"),
    flag("ipforwarding", "0", "route between networks and to the gateway"),
    flag("mssclamp", "0", "lower the segment size of connections through tunnels")
        .doc(
            "The maximum segment size in SYN segments is lowered so that the tunnel's header fits into the MTU. See Tunnels: \
             it is the targets that learn of it.",
        )
        .ours(),
    Statement::new(Kind::Set, "tunnelsrc", Arg::Ipv4s(SOURCES_MAX), "source addresses of IPv4 tunnels, one per flow")
        .doc(
            "Several addresses spread the flows of one balancer over the receive queues of a target. Routers on the \
             way must accept them. Without it the node's own address in the network is used.",
        )
        .ours(),
    Statement::new(Kind::Set, "tunnelsrc6", Arg::Ipv6s(SOURCES_MAX), "source addresses of IPv6 tunnels, one per flow")
        .ours(),
    number("outmtu", (68, 65535), "1500", "largest packet that is sent, in bytes")
        .kept("packets are sent as long as they are"),
    // Neighbours.
    number("arplookup", INTERVAL, "15", "seconds between questions for a hardware address")
        .kept("questions follow the pace that 'FORWARDING' tells"),
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
    flag("backupalerts", "0", "run alert scripts on the backup too").doc("See 'ALERTS'."),
    // Checks.
    number("hcportoffset", (0, 65535), "0", "added to the ports of health checks").kept("nothing is added"),
    number("sendprobes", ANY, "1", "send probes").kept("probes are sent as always"),
    // Sessions.
    number("hashbits", (0, 128), "24", "leading bits of the client address for 'method hash'")
        .doc("Of IPv6, 32 bits more: 24 are a network of 56 bits there. From 32 on, IPv4 addresses count as a whole."),
    number("maglevsize", (1_009, 655_373), "65537", "rows of the tables of consistent choices")
        .doc("The next prime is used. A hundred for each target keep the shares within one part in a hundred.")
        .ours(),
    number("sessionscan", (1, 3600), "1", "seconds between searches for sessions that have ended")
        .kept("sessions end at a pace of their own"),
    number("maxsessions", (1024, 100_000_000), "1048576", "most sessions per interface and family")
        .doc(
            "Memory is taken as sessions come, at most 64 bytes for one of IPv4 and 96 for one of IPv6; translated \
             connections have a table of the same capacity. When a table is full a new session takes the place of the \
             one that is worth least. It takes effect when the interface is opened.",
        )
        .ours(),
    number("synrate", ANY, "0", "new sessions per second and interface that are stored, 0 for no limit")
        .doc(
            "Above it new clients of targets with 'dsr' or 'tunnel' are served by a choice that follows from their \
             address alone and are not stored, and new connections that need translation are refused. It keeps a \
             flood from driving live sessions out of the table.",
        )
        .ours(),
    flag("sessionarefresh", "0", "refresh sessions that were given out by load").kept("nothing is refreshed"),
    flag("sessiondlog", "0", "log sessions that end").kept("they are not logged"),
    // Sessions of the peer.
    flag("sessionautoresync", "0", "ask the peer for all its sessions when joining it")
        .kept("no session comes from the peer"),
    flag("sessionsyncack", "0", "acknowledge sessions that come from the peer")
        .kept("no session comes from the peer"),
    flag("sessionsync", "1", "tell sessions by broadcast").kept("no session is told"),
    number("sessionsynciv", INTERVAL, "60", "seconds between broadcasts of sessions").kept("no session is told"),
    Statement::new(Kind::Set, "sessionsyncetype", Arg::Number(1536, 65535), "Ethernet type of these broadcasts, in decimal")
        .kept("no session is told"),
    number("maxsyncps", POSITIVE, "250", "most packets to the peer per second").kept("nothing is sent to a peer"),
    // Address translation.
    Statement::new(Kind::Set, "natports", Arg::Ports, "ports that translated connections come from, 0 for all")
        .default("0")
        .doc(
            "Ports of TCP and UDP at the addresses of 'prx' and 'prx6' and of networks with 'nat outside', and those \
             that 'tnat' takes when it cannot keep the port of a target. All are those from 1024 to 65535; lower ones \
             belong to services and are left out with a warning. Each address has so many ports of its own, and a connection for which \
             none is left is dropped and counted as 'ports-exhausted'. Connections that are open keep their ports when \
             this changes. Identifiers of echo requests are not meant.",
        )
        .ours(),
    number("gnatdefaultto", IDLE, "600", "idle seconds until a translation ends"),
    number("gnatdnsto", IDLE, "15", "idle seconds until the translation of a DNS query ends"),
    number("natscan", (1, 3600), "1", "seconds between searches for translations that have ended")
        .kept("translations end at a pace of their own"),
    flag("natsync", "1", "tell translations to the peer").kept("nothing is sent to a peer"),
    number("natsynciv", INTERVAL, "60", "seconds between such messages").kept("nothing is sent to a peer"),
    // Operation.
    number("autosave", ANY, "0", "save the configuration when it has changed").kept("only 'save' saves"),
    Statement::new(Kind::Set, "syslogfacility", Arg::Choice(FACILITY), "facility of messages to syslog")
        .default("daemon")
        .doc("Effective at once, also with the lines that follow a reload."),
    number("debugscope", ANY, "0", "what is debugged").kept("nothing is debugged"),
    number("debuglevel", ANY, "0", "how much is said about it").kept("nothing is debugged"),
    number("dumprotation", (1, 1000), "4", "number of files that a packet dump rotates through")
        .doc("Where 'dump start' does not say otherwise; see bng-control(8)."),
    number("dumprotsiz", (1, 1_000_000), "10", "size of such a file in megabytes (1000000 bytes)")
        .doc("Where 'dump start' does not say otherwise; see bng-control(8)."),
    number("bmduration", INTERVAL, "300", "seconds that a benchmark takes")
        .doc("See 'benchmark' in bng-control(8)."),
    number("bmpsize", (60, 9014), "1514", "length of the frames of a benchmark in bytes")
        .doc("The frame check sequence is not counted."),
    number("bmwsize", (1, 65535), "16", "frames that a benchmark has under way"),
];
