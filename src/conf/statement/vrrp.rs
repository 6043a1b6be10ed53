//! `vrrp`

use super::{Arg, Kind, Statement};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Vrrp, "vrid", Arg::Number(1, 255), "number of the virtual router")
        .doc("Required. The same on all nodes of the virtual router."),
    Statement::new(Kind::Vrrp, "priority", Arg::Number(1, 255), "the higher priority becomes master").doc(
        "255 means that this node owns the addresses and is master at once. Without the statement it is 100.",
    ),
    Statement::new(
        Kind::Vrrp,
        "network",
        Arg::Index(Kind::Network),
        "network that carries the advertisements",
    )
    .doc("Required. The network needs a 'real' address, which advertisements are sent from; see 'VRRP'."),
    Statement::new(
        Kind::Vrrp,
        "tracking",
        Arg::Switch,
        "take the 'trackval' of what is down from the priority",
    )
    .default("disable")
    .kept("the priority stays"),
];
