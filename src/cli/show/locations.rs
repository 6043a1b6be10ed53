//! `show locations`: the codes that are known; or where one address is.

use super::json::Json;
use super::table::{Column, render as table};
use std::net::IpAddr;

/// A location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationRow {
    /// Its code.
    pub code: String,
    /// Its groups.
    pub lgrps: Vec<u16>,
    /// The IPv4 file has it.
    pub v4: bool,
    /// The IPv6 file has it.
    pub v6: bool,
}

/// Where an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The address.
    pub address: IpAddr,
    /// A file of its family is loaded.
    pub known: bool,
    /// Code of its location.
    pub code: Option<String>,
    /// Length of the shortest prefix around it that is all there.
    pub prefix: u8,
    /// Groups of the location.
    pub lgrps: Vec<u16>,
    /// For each server whose targets have groups: the targets that such a client can get now.
    pub targets: Vec<(u16, Vec<u16>)>,
}

fn list(numbers: &[u16]) -> String {
    if numbers.is_empty() {
        return "-".to_owned();
    }
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// One row per location.
pub fn render(rows: &[LocationRow]) -> String {
    if rows.is_empty() {
        return "  no location is known, see 'show ipdb'\n".to_owned();
    }
    let columns =
        [Column::Left("location"), Column::Left("ipdb"), Column::Left("ipdb6"), Column::Left("lgrp")];
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let cells = |row: &LocationRow| vec![row.code.clone(), yes(row.v4), yes(row.v6), list(&row.lgrps)];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per location.
pub fn json(rows: &[LocationRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("location", Json::text(&row.code)),
            ("ipdb", Json::Bool(row.v4)),
            ("ipdb6", Json::Bool(row.v6)),
            ("lgrp", Json::list(&row.lgrps, |n| (*n).into())),
        ])
    })
}

/// Where one address is.
pub fn render_one(place: &Whereabouts) -> String {
    let statement = if place.address.is_ipv4() { "ipdb" } else { "ipdb6" };
    let location = match &place.code {
        Some(code) => format!("{code}, as is all of {}/{}", place.address, place.prefix),
        None if place.known => "none: it is in no range".to_owned(),
        None => format!("none: no file is loaded ('{statement}')"),
    };
    let mut text = format!(
        "  address  : {}\n  location : {location}\n  lgrp     : {}\n",
        place.address,
        list(&place.lgrps)
    );
    for (server, targets) in &place.targets {
        text.push_str(&format!("  server {server} : targets {}\n", list(targets)));
    }
    text
}

/// The same as an object.
pub fn json_one(place: &Whereabouts) -> Json {
    let server = |(number, targets): &(u16, Vec<u16>)| {
        Json::Object(vec![("server", (*number).into()), ("targets", Json::list(targets, |n| (*n).into()))])
    };
    Json::Object(vec![
        ("address", Json::text(place.address)),
        ("location", Json::maybe(place.code.as_ref(), Json::text)),
        ("prefix", place.prefix.into()),
        ("lgrp", Json::list(&place.lgrps, |n| (*n).into())),
        ("servers", Json::list(&place.targets, server)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_location_its_groups_and_targets() {
        let mut place = Whereabouts {
            address: "10.1.2.3".parse().unwrap(),
            known: true,
            code: Some("de".to_owned()),
            prefix: 9,
            lgrps: vec![1, 4],
            targets: vec![(2, vec![7]), (3, Vec::new())],
        };
        assert_eq!(
            render_one(&place),
            "  address  : 10.1.2.3\n  location : de, as is all of 10.1.2.3/9\n  lgrp     : 1, 4\n  \
             server 2 : targets 7\n  server 3 : targets -\n"
        );
        assert!(json_one(&place).to_string().contains(r#""location":"de","prefix":9,"lgrp":[1,4]"#));
        (place.code, place.known) = (None, false);
        assert!(render_one(&place).contains("none: no file is loaded ('ipdb')"));
    }

    #[test]
    fn locations_are_listed_with_their_groups() {
        let row = LocationRow { code: "de".to_owned(), lgrps: vec![1], v4: true, v6: false };
        assert_eq!(render(&[row]), "  location ipdb ipdb6 lgrp\n  ---\n  de       yes  no    1\n");
        assert_eq!(render(&[]), "  no location is known, see 'show ipdb'\n");
    }
}
