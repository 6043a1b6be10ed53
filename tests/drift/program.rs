//! What bng(8) and bng-control(8) say by hand about the program.

use std::collections::BTreeSet;

use bng::cli::args::{ACTIONS, OPTIONS};
use bng::cli::commands::articles;
use bng::cli::show;
use bng::conf::Config;
use bng::daemon::exit::Exit;

use crate::page::{Page, keywords};

fn section(title: &str) -> Page {
    Page::open("man/bng.8").below("Sh", title)
}

#[test]
fn every_action_and_every_option_is_described_and_nothing_else_is() {
    let entries = section("DESCRIPTION").entries();
    let of = |mark: &str| -> Vec<String> {
        let marked = entries.iter().filter_map(|entry| entry.head.strip_prefix(mark));
        marked.map(|head| head.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    let actions: BTreeSet<_> = ACTIONS.iter().map(|(word, ..)| (*word).to_owned()).collect();
    assert_eq!(of("Cm ").into_iter().collect::<BTreeSet<_>>(), actions);
    let options: Vec<_> = OPTIONS.iter().map(|(letter, ..)| letter.to_string()).collect();
    assert_eq!(of("Fl "), options);
}

#[test]
fn every_table_is_described_with_all_its_columns_and_nothing_else_is() {
    // Some tables have no heading as long as they are empty.
    let change =
        show::commandlog::CommandRow { time: String::new(), who: String::new(), command: String::new() };
    let group = show::lgrp::LgrpRow { number: 1, locations: String::new() };
    let file = show::ipdb::IpdbRow {
        statement: "",
        file: String::new(),
        state: show::ipdb::Loading::Loaded,
        loaded: None,
        ranges: 0,
        others: 0,
        locations: 0,
        bytes: 0,
    };
    let location =
        show::locations::LocationRow { code: String::new(), lgrps: Vec::new(), v4: true, v6: true };
    let snapshot = show::snapshots::SnapshotRow { path: String::new(), bytes: 0 };
    let address = show::vips::VipRow {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        owner: "",
        interface: None,
        mac: [0; 6],
        answered: false,
    };
    let headings = [
        ("arp", show::arp::render(&[])),
        ("commandlog", show::commandlog::render(&[change])),
        ("counters", show::counters::render(&[])),
        ("drops", show::drops::render(&[show::drops::DropRow { reason: "", frames: 1, meaning: "" }])),
        ("interfaces", show::interfaces::render(&[])),
        ("ipdb", show::ipdb::render(&[file])),
        ("lgrp", show::lgrp::render(&[group])),
        ("locations", show::locations::render(&[location])),
        ("modules", show::modules::render(&[])),
        ("networks", show::networks::render(&[])),
        ("parameters", show::parameters::render(&Config::default())),
        ("servers", show::servers::render(&[])),
        ("snapshots", show::snapshots::render(&[snapshot])),
        ("targets", show::targets::render(&[])),
        ("threads", show::threads::render(&[])),
        ("vips", show::vips::render(&[address])),
    ];
    let tables = Page::open("man/bng-control.8").below("Sh", "TABLES");
    let show = articles().find(|article| article.keyword == "show").expect("show");
    let words = show.words.iter().map(|(word, _)| format!("show {word}"));
    let described: Vec<_> = tables.headings("Ss").into_iter().filter(|title| title != "JSON").collect();
    assert_eq!(described, words.collect::<Vec<_>>());
    for (word, heading) in headings {
        let entries = tables.below("Ss", &format!("show {word}")).entries();
        let described: Vec<_> = entries.iter().flat_map(|entry| keywords(&entry.head)).collect();
        let columns: Vec<_> = heading.lines().next().expect("a heading").split_whitespace().collect();
        assert_eq!(described, columns, "show {word}");
    }
}

#[test]
fn every_exit_status_is_described_and_nothing_else_is() {
    let described: Vec<_> = section("EXIT STATUS").entries().iter().map(|e| e.head.clone()).collect();
    assert_eq!(described, Exit::ALL.map(|exit| exit.code().to_string()));
}
