//! `interface N`

use super::{Arg, COMMAND_MAX, Choice, Kind, Statement};

/// Highest number of worker threads of one interface.
const THREADS_MAX: u32 = 64;

const ACCESS: &[Choice] = &[
    Choice::new("auto", "the best way there is, the same as raw"),
    Choice::new("raw", "packet rings of the kernel; on Solaris and illumos pcap, or dlpi where that fails"),
    Choice::new("tap", "a TAP device made by bng"),
    Choice::new("pcap", "the libpcap library"),
    Choice::new("dlpi", "the libdlpi library of Solaris and illumos"),
    Choice::kept("xdp", "AF_XDP sockets", "auto is used"),
    Choice::kept("mmap", "mapped packet socket", "auto is used"),
    Choice::kept("pfring", "PF_RING", "auto is used"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Interface, "name", Arg::Word(31), "device name, such as eth0").doc("Required, and different for each interface."),
    Statement::new(Kind::Interface, "access", Arg::Choice(ACCESS), "how frames are read and written")
        .default("auto")
        .doc(
            "A TAP device has this host on its other end; it disappears when the interface is closed, and its name must \
             not be in use. On Solaris and illumos it is a pair of virtual network cards on an etherstub, its name ends \
             with a number, and making it needs more privileges; see 'SOLARIS AND ILLUMOS'. There 'raw' sends a packet \
             of full size to itself by libpcap when the interface is opened, and takes libdlpi when libpcap refuses it. \
             The original may not accept 'auto', 'pcap', 'dlpi' and 'xdp'.",
        ),
    Statement::new(Kind::Interface, "threads", Arg::Number(1, THREADS_MAX), "number of worker threads")
        .default("1")
        .doc(
            "Frames are spread among them by source address, ICMP errors by the host that they are about; 'access tap' has \
             one. On Linux with 'access raw' the kernel spreads them; with 'pcap' and 'dlpi' a further thread reads and \
             spreads, and the fragments of a packet and the ICMP errors about it meet the worker that has its flow.",
        ),
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
