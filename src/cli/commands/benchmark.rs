//! `benchmark`: two interfaces, or `stop`.

use super::{interface, surplus};
use crate::net::PortId;

/// What `benchmark` is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benchmark {
    /// Send frames.
    Start {
        /// From this interface.
        send: PortId,
        /// To this one.
        receive: PortId,
    },
    /// Send no more.
    Stop,
}

/// What may stand in place of interfaces.
pub(super) const BENCHMARKS: &[(&str, &str)] = &[("stop", "end the benchmark that runs")];

pub(super) fn parse(args: &[&str]) -> Result<Benchmark, String> {
    match args {
        ["stop"] => Ok(Benchmark::Stop),
        ["stop", more] | [_, _, more, ..] => Err(surplus(more)),
        [] | [_] => Err("two interfaces are needed, the one that sends and the one that receives".to_owned()),
        [send, receive] => {
            let (send, receive) = (interface(send)?, interface(receive)?);
            if send == receive {
                return Err(format!("interface {send} cannot send to itself, two interfaces are needed"));
            }
            Ok(Benchmark::Start { send, receive })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_goes_from_one_interface_to_another() {
        assert_eq!(parse(&["1", "2"]), Ok(Benchmark::Start { send: 1, receive: 2 }));
        assert_eq!(parse(&["stop"]), Ok(Benchmark::Stop));
        assert!(parse(&["1"]).unwrap_err().contains("two interfaces"));
        assert!(parse(&["2", "2"]).unwrap_err().contains("to itself"));
        assert!(parse(&["1", "eth0"]).unwrap_err().contains("'eth0' is no number"));
        assert!(parse(&["1", "2", "3"]).unwrap_err().contains("one word too many"));
    }
}
