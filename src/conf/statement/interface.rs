//! `interface N`

use super::{Arg, COMMAND_MAX, Choice, Kind, Statement};

/// Highest number of worker threads of one interface.
const THREADS_MAX: u32 = 64;

const ACCESS: &[Choice] = &[
    Choice::new("auto", "the best way this interface offers"),
    Choice::new("raw", "packet rings of the kernel"),
    Choice::new("tap", "a TAP device made by bng"),
    Choice::new("pcap", "libpcap"),
    Choice::kept("xdp", "AF_XDP sockets", "auto is used"),
    Choice::kept("mmap", "mapped packet socket", "auto is used"),
    Choice::kept("pfring", "PF_RING", "auto is used"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Interface, "name", Arg::Word(31), "device name, such as eth0").doc("Required."),
    Statement::new(Kind::Interface, "access", Arg::Choice(ACCESS), "how frames are read and written")
        .default("auto")
        .doc("'pcap', 'xdp' and the word 'auto' are additions of bng."),
    Statement::new(Kind::Interface, "threads", Arg::Number(1, THREADS_MAX), "number of worker threads")
        .default("1"),
    Statement::new(
        Kind::Interface,
        "init",
        Arg::Text(COMMAND_MAX),
        "shell command run when the device exists",
    )
    .doc("Run by /bin/sh as the user of the daemon, after a tap device has been made."),
    Statement::new(Kind::Interface, "mtu", Arg::Number(68, 65535), "largest packet that is sent, in bytes")
        .kept("packets are sent as long as they are"),
    Statement::new(Kind::Interface, "address", Arg::Word(63), "address of the device")
        .kept("the device keeps its own")
        .doc("What the original expects here is not known: any word is taken."),
    Statement::new(
        Kind::Interface,
        "trackval",
        Arg::Number(0, 255),
        "taken from the priority without a link",
    )
    .default("0")
    .kept("the priority stays"),
    Statement::new(Kind::Interface, "alert", Arg::Text(COMMAND_MAX), "script run when the link is lost")
        .kept("no script is run"),
    Statement::new(Kind::Interface, "upalert", Arg::Text(COMMAND_MAX), "script run when the link is back")
        .kept("no script is run"),
];
