//! What holds for every configuration and every line, tried on random ones made from the statement table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::argument::{Arg, COMMAND_MAX, SECONDS_MAX, Value};
use super::config::{At, Config};
use super::kind::Kind;
use super::lexer::Span;
use super::statement::{STATEMENTS, Statement, Verb};
use super::{Header, diff};
use crate::seed::Seed;

fn header() -> Header {
    Header { taken: "Sun Jan 19 21:28:59 2020".into(), version: "0.100".into(), created: "2020/01/03".into() }
}

const NOWHERE: At = At { unit: 0, span: Span { start: 0, end: 0 } };

/// Texts that could be taken for something else by a careless writer or reader.
const HOSTILE: &[&str] = &[
    "{",
    "}",
    "//",
    "a//b",
    "\"",
    "\\",
    "\\\"",
    "\\\\\"",
    "a\\",
    " ",
    "\t",
    " a ",
    "server 1 {",
    "} register server 1",
    "\u{feff}",
    "\u{feff}a",
    "\u{a0}",
    "\u{2028}",
    "\u{202e}gnp",
    "$(reboot)",
    "`reboot`; 'a' && \"b\" | c > /dev/null",
    "\\n\\0%s%n",
    "-n",
    "0",
    ",",
    "x,3,10",
    "configuration taken",
    "☃\u{301}",
];

/// Text without blanks and slashes where `bare`, of at most `max` characters.
fn text(seed: &mut Seed, max: usize, bare: bool) -> String {
    const LETTERS: &[char] = &[
        'a', 'Z', '9', '-', '.', '"', '\\', '{', '}', ',', '$', 'ü', '☃', ' ', '\t', '/', ';', '\'',
        '\u{feff}',
    ];
    let fits = |c: &char| !bare || !c.is_whitespace() && *c != '/';
    match seed.below(4) {
        0 => {
            let hostile = HOSTILE[seed.below(HOSTILE.len() as u64) as usize];
            let hostile: String = hostile.chars().filter(fits).take(max).collect();
            if hostile.is_empty() { "a".to_owned() } else { hostile }
        }
        // As long as it may be.
        1 if seed.below(8) == 0 => "ä".repeat(max),
        _ => {
            let letters: Vec<char> = LETTERS.iter().copied().filter(fits).collect();
            let length = 1 + seed.below(max.min(12) as u64);
            (0..length).map(|_| letters[seed.below(letters.len() as u64) as usize]).collect()
        }
    }
}

/// A number from `min` to `max`, often one of the two.
fn number(seed: &mut Seed, min: u32, max: u32) -> u32 {
    match seed.below(4) {
        0 => min,
        1 => max,
        _ => min + seed.below(u64::from(max - min) + 1) as u32,
    }
}

/// Some of `1..=max` in any order, each once; one at least, `most` at most.
fn numbers(seed: &mut Seed, max: u16, most: usize) -> Vec<u16> {
    let most = number(seed, 1, most.min(usize::from(max)).min(20) as u32);
    let mut list = Vec::new();
    for _ in 0..most {
        let n = number(seed, 1, u32::from(max)) as u16;
        if !list.contains(&n) {
            list.push(n);
        }
    }
    list
}

/// Up to four addresses that `host` makes, each once.
fn each_once(max: usize, mut host: impl FnMut() -> IpAddr) -> Vec<IpAddr> {
    let mut list = Vec::new();
    for _ in 0..max.min(4) {
        let addr = host();
        if !list.contains(&addr) {
            list.push(addr);
        }
    }
    list
}

/// Interval and timeout.
fn times(seed: &mut Seed) -> (u32, u32) {
    let interval = number(seed, 1, SECONDS_MAX);
    (interval, number(seed, interval, SECONDS_MAX))
}

fn ipv4(seed: &mut Seed) -> Ipv4Addr {
    // Neither this network, nor loopback, nor multicast.
    Ipv4Addr::from(number(seed, 0x0100_0000, 0x7eff_ffff))
}

fn ipv6(seed: &mut Seed) -> Ipv6Addr {
    Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(seed.next_u64()) << (seed.below(3) * 16))
}

fn value(seed: &mut Seed, statement: &Statement) -> Value {
    match statement.arg {
        Arg::Text(max) if statement.repeats => {
            Value::Texts((0..=seed.below(3)).map(|_| text(seed, max, false)).collect())
        }
        Arg::Word(max) => Value::Text(text(seed, max, true)),
        Arg::Text(max) => Value::Text(text(seed, max, false)),
        Arg::Ipv4Network => Value::Ipv4(Ipv4Addr::from(number(seed, 0, u32::MAX))),
        Arg::Ipv4 => Value::Ipv4(ipv4(seed)),
        Arg::Ipv6 => Value::Ipv6(ipv6(seed)),
        Arg::Host if seed.below(2) == 0 => Value::Host(IpAddr::V4(ipv4(seed))),
        Arg::Host => Value::Host(IpAddr::V6(ipv6(seed))),
        Arg::Mask => Value::Mask(number(seed, 0, 32) as u8),
        Arg::Number(min, max) => Value::Number(number(seed, min, max)),
        Arg::Decimal => Value::Decimal(i64::from(number(seed, 0, 2_000_000_000)) - 1_000_000_000),
        Arg::Ports if seed.below(4) == 0 => Value::Ports(vec![0]),
        Arg::Ports => Value::Ports(numbers(seed, u16::MAX, 20)),
        Arg::Codes => Value::Ports(numbers(seed, 500, 20).into_iter().map(|n| 99 + n).collect()),
        Arg::Ipv4s(max) => Value::Hosts(each_once(max, || IpAddr::V4(ipv4(seed)))),
        Arg::Ipv6s(max) => Value::Hosts(each_once(max, || IpAddr::V6(ipv6(seed)))),
        Arg::Names(max) => {
            let name = |seed: &mut Seed, n: u64| {
                let name = format!("{n}{}", ["-", "_", "a", "Zz9"][seed.below(4) as usize].repeat(max));
                name[..number(seed, 1, max as u32) as usize].to_owned()
            };
            Value::Names((0..=seed.below(5)).map(|n| name(seed, n)).collect())
        }
        Arg::Domains(max) => {
            let name = |seed: &mut Seed, n: usize| {
                let label = ["www", "x_y", "a-b", "n"][seed.below(4) as usize];
                format!("{label}{n}.{}", ["example.org", "test", "a.b.c.d"][seed.below(3) as usize])
            };
            let count = 1 + seed.below(max.min(5) as u64) as usize;
            Value::Names((0..count).map(|n| name(seed, n)).collect())
        }
        Arg::Flag => Value::Flag(seed.below(2) == 1),
        Arg::Switch => Value::Switch(seed.below(2) == 1),
        Arg::Choice(choices) => {
            let accepted: Vec<_> = choices.iter().filter(|choice| choice.is_accepted()).collect();
            Value::Choice(accepted[seed.below(accepted.len() as u64) as usize].word)
        }
        Arg::Choices(choices) => {
            let mut words: Vec<_> = choices.iter().filter(|c| c.is_accepted()).map(|c| c.word).collect();
            for at in (1..words.len()).rev() {
                words.swap(at, seed.below(at as u64 + 1) as usize);
            }
            words.truncate(number(seed, 1, words.len() as u32) as usize);
            Value::Choices(words)
        }
        Arg::Index(kind) => Value::Index(number(seed, 1, kind.limit().unwrap_or(1).into()) as u16),
        Arg::Indices(kind) => Value::Indices(numbers(seed, kind.limit().unwrap_or(1), 20)),
        Arg::Probe => {
            let (interval, timeout) = times(seed);
            Value::Probe(interval, timeout)
        }
        Arg::PortProbe => {
            let (interval, timeout) = times(seed);
            Value::PortProbe(number(seed, 1, 65535) as u16, interval, timeout)
        }
        Arg::Script => {
            let (interval, timeout) = times(seed);
            Value::Script(text(seed, COMMAND_MAX, false), interval, timeout)
        }
    }
}

/// A configuration with some of everything; its objects need not be complete, nor those that they refer to exist.
fn config(seed: &mut Seed) -> Config {
    let mut config = Config::default();
    for kind in Kind::ALL {
        let count = if kind.limit().is_some() { seed.below(4) } else { seed.below(2) };
        for _ in 0..count {
            let number = kind.limit().map_or(0, |limit| number(seed, 1, limit.into()) as u16);
            if !matches!(kind, Kind::Top | Kind::Set | Kind::Lgrp) {
                let object = config.object_mut((kind, number), NOWHERE);
                object.registered = Kind::NUMBERED.contains(&kind) && seed.below(2) == 1;
                object.enabled = object.registered && seed.below(2) == 1;
            }
            for (position, statement) in STATEMENTS.iter().enumerate() {
                if statement.kind == kind && seed.below(2) == 1 {
                    let value = value(seed, statement);
                    config.set((kind, number), position, value, NOWHERE);
                }
            }
        }
    }
    config
}

#[test]
fn every_configuration_reads_back_as_it_was_written() {
    for start in 0..2000 {
        let config = config(&mut Seed::new(start));
        let text = config.write(&header());
        let (again, diagnostics) = Config::parse("f", &text);
        assert_eq!(again, config, "seed {start}\n{text}\n{diagnostics}");
        assert_eq!(again.write(&header()), text, "seed {start}");
        assert_eq!(again.model().ok(), config.model().ok(), "seed {start}\n{text}");
        assert_eq!(diff(&config, &again), [""; 0], "seed {start}");
    }
}

#[test]
fn every_value_of_every_statement_reads_back_by_its_own_notation() {
    let mut seed = Seed::new(11);
    for statement in STATEMENTS.iter().filter(|statement| !statement.repeats) {
        for _ in 0..200 {
            let value = value(&mut seed, statement);
            // Quotes are the affair of the lexer.
            let word = match &value {
                Value::Text(text) => text.clone(),
                Value::Script(command, interval, timeout) => format!("{command},{interval},{timeout}"),
                value => value.to_string(),
            };
            assert_eq!(statement.arg.parse(&word), Ok(value), "{} {word}", statement.keyword);
        }
    }
}

/// A configuration without errors that has an object 1 of each kind which nothing depends on, and no state.
fn base() -> Config {
    let mut config = Config::default();
    for kind in [Kind::Interface, Kind::Network, Kind::Vip, Kind::Server, Kind::Target, Kind::Tnat] {
        config.apply_line(&format!("{} 1", kind.keyword())).expect("an empty object");
    }
    config
        .apply_line("network 2 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.1 interface 1 }")
        .expect("network");
    config.apply_line("vrrp { vrid 1 network 2 }").expect("vrrp");
    config.apply_line("gateway { ipaddr 10.0.0.2 ipaddr6 2001:db8::2 }").expect("gateway");
    config
}

/// The statement as it is typed, and the line that takes it back.
fn typed(statement: &Statement, value: &Value) -> (String, String) {
    let object = match (statement.kind, statement.kind.limit()) {
        (Kind::Top, _) => String::new(),
        (kind, Some(_)) => format!("{} 1 ", kind.keyword()),
        (kind, None) => format!("{} ", kind.keyword()),
    };
    if statement.kind.is_one_line() {
        return (format!("{object}{value}"), format!("no {object}"));
    }
    let keyword = statement.keyword_for(value);
    (format!("{object}{keyword} {value}"), format!("no {object}{}", statement.keyword))
}

#[test]
fn every_statement_is_undone_by_no() {
    let mut seed = Seed::new(7);
    for statement in STATEMENTS {
        // What is there before would be taken away.
        let mut before = base();
        let whole = statement.kind == Kind::Vrrp && matches!(statement.keyword, "vrid" | "network");
        let _ = before.apply_line(&typed(statement, &Value::Flag(false)).1);
        if whole {
            // Without one of them it is no virtual router: they come and go together.
            before.apply_line("no vrrp").expect("a virtual router");
        }
        for _ in 0..50 {
            let value = match value(&mut seed, statement) {
                Value::Texts(texts) => Value::Text(texts[0].clone()),
                value => value,
            };
            let (line, undo) = match statement.keyword {
                "vrid" => (format!("vrrp {{ vrid {value} network 2 }}"), "no vrrp".to_owned()),
                "network" => ("vrrp { vrid 1 network 2 }".to_owned(), "no vrrp".to_owned()),
                _ => typed(statement, &value),
            };
            let mut config = before.clone();
            config.apply_line(&line).unwrap_or_else(|errors| panic!("{line}\n{errors}"));
            if statement.default != Some(&value.to_string()) {
                assert_ne!(config, before, "{line}");
            }
            config.apply_line(&undo).unwrap_or_else(|errors| panic!("{undo} behind {line}\n{errors}"));
            assert_eq!(config, before, "{undo} behind {line}");
            assert_eq!(config.model().expect("a model"), before.model().expect("a model"), "{undo}");
        }
    }
}

#[test]
fn every_state_is_undone_by_its_opposite() {
    let complete = "interface 1 name eth0\n\
        network 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.1 interface 1 }\nvip 1 ipaddr 10.0.0.3\n\
        target 1 ipaddr 10.0.0.4\nserver 1 { ipaddr 10.0.0.5 targets 1 }\ntnat 1 { server 1 targets 1 }\n";
    let (before, diagnostics) = Config::parse("f", complete);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    for kind in Kind::NUMBERED {
        let word = kind.keyword();
        let mut config = before.clone();
        let mut apply = |line: String| config.apply_line(&line).map(|_| config.clone()).expect(&line);
        let registered = apply(format!("register {word} 1"));
        assert_ne!(registered, before, "{word}");
        let enabled = apply(format!("enable {word} 1"));
        assert_ne!(enabled, registered, "{word}");
        assert_eq!(apply(format!("disable {word} 1")), registered, "{word}");
        assert_eq!(apply(format!("unregister {word} 1")), before, "{word}");
        let without = apply(format!("no {word} 1 name"));
        apply(format!("{word} 2"));
        assert_eq!(apply(format!("no {word} 2")), without, "{word}");
    }
}

/// The text of a saved configuration in pieces that can be typed one after the other. What is referred to comes before
/// what refers to it, which at the prompt, unlike in a file, makes a difference.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut in_block = false;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("//")) {
        match pieces.last_mut().filter(|_| in_block) {
            Some(piece) => piece.push_str(&format!("\n{line}")),
            None => pieces.push(line.to_owned()),
        }
        in_block = if in_block { line.trim_end() != "}" } else { line.ends_with(" {") };
    }
    let order = ["interface", "network", "vrrp", "gateway", "vip", "lgrp", "target", "server", "tnat"];
    let rank = |piece: &String| {
        let mut words = piece.split_whitespace();
        let first = words.next().unwrap_or_default();
        let kind =
            if matches!(first, "register" | "enable") { words.next().unwrap_or_default() } else { first };
        order.iter().position(|word| *word == kind.trim_end_matches('s')).map_or(0, |at| at + 1)
    };
    pieces.sort_by_key(rank);
    pieces
}

#[test]
fn typing_line_by_line_equals_the_file() {
    let mut lines = 0;
    for start in 0..500 {
        let mut config = config(&mut Seed::new(start));
        // What has no state must be complete at any time, which a random one hardly ever is.
        config.objects.retain(|(kind, _), _| !matches!(kind, Kind::Vrrp | Kind::Gateway));
        for object in config.objects.values_mut() {
            (object.registered, object.enabled) = (false, false);
        }
        let mut typed = Config::default();
        for piece in pieces(&config.write(&header())) {
            typed.apply_line(&piece).unwrap_or_else(|errors| panic!("seed {start}: {piece}\n{errors}"));
            lines += 1;
        }
        assert_eq!(typed, config, "seed {start}");
    }
    assert!(lines > 5_000, "only {lines} lines were typed");
}

#[test]
fn typing_an_example_line_by_line_equals_the_file() {
    for (path, text) in super::tests::samples() {
        let (config, _) = Config::parse(&path, &text);
        let (mut blocks, mut statements) = (Config::default(), Config::default());
        for piece in pieces(&config.write(&header())) {
            let apply = |config: &mut Config, line: &str| {
                config.apply_line(line).unwrap_or_else(|errors| panic!("{path}: {line}\n{errors}"));
            };
            apply(&mut blocks, &piece);
            // One statement a line, but for objects that are only complete as a whole.
            let head = piece.lines().next().and_then(|line| line.strip_suffix('{'));
            match head.filter(|head| !head.starts_with("vrrp") && !head.starts_with("gateway")) {
                Some(head) => {
                    let body = piece.lines().skip(1).take_while(|line| line.trim() != "}");
                    body.for_each(|line| apply(&mut statements, &format!("{head} {line}")));
                }
                None => apply(&mut statements, &piece),
            }
        }
        assert_eq!(blocks, config, "{path}");
        assert_eq!(statements, config, "{path}");
        assert_eq!(statements.model().expect(&path), config.model().expect(&path));
    }
}

/// A line as somebody might type it who is often wrong.
fn line(seed: &mut Seed) -> String {
    let pick = |seed: &mut Seed| &STATEMENTS[seed.below(STATEMENTS.len() as u64) as usize];
    let kind = Kind::NUMBERED[seed.below(6) as usize].keyword();
    let said = |seed: &mut Seed, statement: &Statement| match value(seed, statement) {
        Value::Texts(texts) => format!("{} {}", statement.keyword, Value::Text(texts[0].clone())),
        value => format!("{} {value}", statement.keyword_for(&value)),
    };
    let object = |seed: &mut Seed, statement: &Statement| match (statement.kind, statement.kind.limit()) {
        (Kind::Top, _) => String::new(),
        // Few numbers, so that lines meet.
        (kind, Some(_)) => format!("{} {}", kind.keyword(), 1 + seed.below(3)),
        (kind, None) => kind.keyword().to_owned(),
    };
    let statement = pick(seed);
    match seed.below(8) {
        0 => format!("{} {kind} {}", Verb::ALL[seed.below(4) as usize].keyword(), 1 + seed.below(4)),
        1 => format!("no {} {}", object(seed, statement), statement.keyword),
        2 => format!("no {}", object(seed, statement)),
        // Several statements, one of them perhaps of another kind of object or without its argument.
        3 | 4 => {
            let mut body = String::new();
            for _ in 0..=seed.below(4) {
                let of_kind: Vec<_> = STATEMENTS.iter().filter(|s| s.kind == statement.kind).collect();
                let next = match seed.below(10) {
                    0 => pick(seed),
                    _ => of_kind[seed.below(of_kind.len() as u64) as usize],
                };
                let words = said(seed, next);
                let cut = if seed.below(12) == 0 { next.keyword } else { &words };
                body.push_str(&format!("{cut}\n"));
            }
            format!("{} {{\n{body}}}", object(seed, statement))
        }
        // A block among other lines, of which the last one may be wrong.
        5 => format!("server 1 port 80\nserver 2 {}\n{kind} {}", said(seed, statement), seed.below(3)),
        _ => format!("{} {}", object(seed, statement), said(seed, statement)),
    }
}

#[test]
fn a_refused_line_changes_nothing_and_an_accepted_one_leaves_a_good_configuration() {
    let (mut accepted, mut refused) = (0, 0);
    for start in 0..300 {
        let mut seed = Seed::new(start);
        let (mut config, _) = Config::parse("base", include_str!("../../conf/examples/dsr.conf"));
        for _ in 0..40 {
            let line = line(&mut seed);
            let (before, model) = (config.clone(), config.model().expect("a model"));
            match config.apply_line(&line) {
                Ok(_) => {
                    accepted += 1;
                    let written = config.write(&header());
                    let (again, diagnostics) = Config::parse("saved", &written);
                    assert!(!diagnostics.has_errors(), "seed {start}: {line}\n{diagnostics}\n{written}");
                    assert_eq!(again, config, "seed {start}: {line}");
                    assert_eq!(again.model().ok(), config.model().ok(), "seed {start}: {line}");
                    assert!(config.model().is_ok(), "seed {start}: {line}");
                }
                Err(_) => {
                    refused += 1;
                    assert_eq!(config, before, "seed {start}: {line}");
                    assert_eq!(config.model().expect("a model"), model, "seed {start}: {line}");
                }
            }
        }
    }
    assert!(accepted > 2_000 && refused > 2_000, "{accepted} accepted, {refused} refused");
}
