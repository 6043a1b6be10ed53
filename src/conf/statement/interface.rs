//! `interface N`

use super::{Arg, COMMAND_MAX, Choice, Kind, Statement};

/// Highest number of worker threads of one interface.
const THREADS_MAX: u32 = 64;

const ACCESS: &[Choice] = &[
    Choice::new("auto", "the best way there is: raw on Linux, pcap elsewhere"),
    Choice::new("raw", "packet rings of the kernel"),
    Choice::new("tap", "a TAP device made by bng"),
    Choice::new("pcap", "the libpcap library"),
    Choice::kept("xdp", "AF_XDP sockets", "auto is used"),
    Choice::kept("mmap", "mapped packet socket", "auto is used"),
    Choice::kept("pfring", "PF_RING", "auto is used"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Interface, "name", Arg::Word(31), "device name, such as eth0").doc("Required, and different for each interface."),
    Statement::new(Kind::Interface, "access", Arg::Choice(ACCESS), "how frames are read and written")
        .default("auto")
        .doc(
            "A TAP device has this host on its other end (Linux); it disappears when the interface is closed, and its \
             name must not be in use. Outside of Linux 'raw' is the same as 'pcap'. The original may not accept 'auto', \
             'pcap' and 'xdp'.",
        ),
    Statement::new(Kind::Interface, "threads", Arg::Number(1, THREADS_MAX), "number of worker threads")
        .default("1")
        .doc("Frames are spread among them by source address, ICMP errors by the host that they are about. More than one needs 'access raw' on Linux."),
    Statement::new(
        Kind::Interface,
        "init",
        Arg::Text(COMMAND_MAX),
        "shell command run as soon as the device is open",
    )
    .doc("Run by '/bin/sh' as the user of the daemon, for a TAP device after it has been made. When the command fails, or is \
         not done within 60 seconds, the interface is closed again and cannot be used."),
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
        .doc("See 'ALERTS'."),
    Statement::new(Kind::Interface, "upalert", Arg::Text(COMMAND_MAX), "script run when the link is back")
        .doc("See 'ALERTS'."),
];
