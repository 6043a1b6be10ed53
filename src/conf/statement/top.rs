//! Outside of any object.

use super::{Arg, Choice, Kind, Statement};

const MODULES: &[Choice] = &[
    Choice::new("vrrp", "mastership: sends and takes advertisements"),
    Choice::new("arp", "answers and asks for hardware addresses, IPv4 and IPv6"),
    Choice::new("ping", "answers echo requests to our addresses"),
    Choice::new("hc", "health checks of targets"),
    Choice::new("master", "gate: lets frames pass on the master only"),
    Choice::new("slb", "server load balancing"),
    Choice::new("tnat", "translation of flows that targets open"),
    Choice::new("nat", "translation from inside to outside"),
    Choice::new("rt", "routing between networks"),
    Choice::new("benchmark", "takes the frames of the command 'benchmark'"),
    Choice::known("llb", "link load balancing"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Top, "hostname", Arg::Word(63), "name of this node, shown in the prompt"),
    Statement::new(Kind::Top, "remark", Arg::Text(1023), "a comment that is kept and saved")
        .repeats()
        .ours()
        .doc("Several remarks are kept in their order."),
    Statement::new(Kind::Top, "module", Arg::Choices(MODULES), "packet chain, in processing order")
        .plural("modules")
        .doc(
            "Each received frame walks the modules in this order. 'modules' sets the whole chain, 'module' adds to \
             the end of it. Without the statement the chain is vrrp,arp,ping,hc,master,slb,tnat,nat,rt.",
        ),
    Statement::new(Kind::Top, "ipdb", Arg::Text(1023), "file that tells the location of IPv4 addresses")
        .kept("no location is known"),
    Statement::new(Kind::Top, "ipdb6", Arg::Text(1023), "file that tells the location of IPv6 addresses")
        .kept("no location is known"),
];
