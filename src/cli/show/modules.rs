//! `show modules`

use super::json::Json;
use super::table::{Column, render as table};
use crate::conf::model::Module;

/// Keyword of a module and what it does in this version.
pub const fn describe(module: Module) -> (&'static str, &'static str) {
    match module {
        Module::Vrrp => ("vrrp", "VRRP advertisements"),
        Module::Arp => ("arp", "ARP and IPv6 neighbour discovery"),
        Module::Ping => ("ping", "echo requests to our addresses"),
        Module::Hc => ("hc", "answers to health checks"),
        Module::Master => ("master", "nothing passes on a backup node"),
        Module::Slb => ("slb", "server load balancing"),
        Module::Tnat => ("tnat", "gives connections that targets open the address of a server"),
        Module::Nat => ("nat", "translates from inside to outside networks"),
        Module::Rt => ("rt", "routes packets for others when 'ipforwarding' is 1"),
        Module::Benchmark => ("benchmark", "takes the frames of the command 'benchmark'"),
    }
}

/// The chain in processing order.
pub fn render(chain: &[Module]) -> String {
    let columns = [Column::Right("no"), Column::Left("module"), Column::Left("task")];
    let rows: Vec<Vec<String>> = chain
        .iter()
        .enumerate()
        .map(|(i, module)| {
            let (word, task) = describe(*module);
            vec![(i + 1).to_string(), word.to_owned(), task.to_owned()]
        })
        .collect();
    table(&columns, &rows)
}

/// The same as one object per module.
pub fn json(chain: &[Module]) -> Json {
    Json::list(chain, |module| {
        let (word, task) = describe(*module);
        Json::Object(vec![("module", Json::text(word)), ("task", Json::text(task))])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_keeps_its_order() {
        assert_eq!(
            render(&[Module::Arp, Module::Vrrp]),
            "  no module task
  ---
   1 arp    ARP and IPv6 neighbour discovery
   2 vrrp   VRRP advertisements
"
        );
    }
}
