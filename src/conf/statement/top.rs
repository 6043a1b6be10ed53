//! Outside of any object.

use super::{Arg, Choice, Kind, Statement};

const MODULES: &[Choice] = &[
    Choice::new("vrrp", "takes part in the election of the master"),
    Choice::new("arp", "answers and asks for hardware addresses (ARP, IPv6 neighbours)"),
    Choice::new("ping", "answers echo requests to our addresses"),
    Choice::new("hc", "takes the answers to health checks"),
    Choice::new("master", "gate: lets frames pass on the master only"),
    Choice::new("slb", "server load balancing"),
    Choice::new("tnat", "gives connections that targets open the address of a server"),
    Choice::new("nat", "translates from inside to outside networks"),
    Choice::new("rt", "routes packets for others when 'ipforwarding' is 1"),
    Choice::new("benchmark", "takes the frames of the command 'benchmark'"),
    Choice::known("llb", "link load balancing"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Top, "hostname", Arg::Word(63), "name of this node, shown in the prompt of 'bng control'"),
    Statement::new(Kind::Top, "remark", Arg::Text(1023), "a comment that is kept and saved")
        .repeats()
        .ours(),
    Statement::new(Kind::Top, "module", Arg::Choices(MODULES), "packet chain, in processing order")
        .plural("modules")
        .doc(
            "Each received frame walks the modules in this order until one takes it. 'modules' sets the whole chain, 'module' adds to \
             the end of it. Without the statement the chain is 'vrrp,arp,ping,hc,master,slb,tnat,nat,rt'.",
        ),
    Statement::new(Kind::Top, "ipdb", Arg::Text(1023), "file that tells the location of IPv4 addresses")
        .doc(
            "The absolute path of a file of address ranges, see 'LOCATION'. It is read in the background when the \
             statement comes up, by 'reload' when it has changed, and by 'ipdb-reload'.",
        ),
    Statement::new(Kind::Top, "ipdb6", Arg::Text(1023), "file that tells the location of IPv6 addresses")
        .doc("As 'ipdb'. Both may name one file that has ranges of both families."),
];
