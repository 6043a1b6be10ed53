//! Somebody who has never seen the language configures a farm at the prompt, told by `?` alone.
//!
//! The farm is the example of the manual. Every word is typed only after `?` has listed it, or has said what belongs
//! in its place; what is saved in the end is the example, and a farm that is made of it serves.

use std::time::Duration;

use bng::conf::Config;
use bng_world::{Bng, World, wait, web};

use crate::farm::{is_master, is_up};
use crate::suite::{BNG, Case};
use crate::terminal::Terminal;

const MANUAL: &str = include_str!("../../man/bng.conf.5");

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("a newcomer configures a farm with '?' alone", &["tmux", "nginx", "curl"], configures)]
}

/// The example called `name` of bng.conf(5): what stands in its literal display.
fn man_example(name: &str) -> String {
    let (_, rest) = MANUAL.split_once(&format!(".\\\" EXAMPLE {name}\n")).expect("the mark of the example");
    let (example, _) = rest.split_once(".\\\" END EXAMPLE\n").expect("the end of the example");
    let text = example.lines().filter(|line| !line.starts_with('.'));
    text.map(|line| line.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\") + "\n").collect()
}

/// A configuration without its comments, which tell the time.
fn body(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The statements of a saved configuration in an order that can be typed: what is referred to comes first.
fn in_typing_order(text: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut in_block = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match statements.last_mut().filter(|_| in_block) {
            Some(block) => block.push_str(&format!("\n{line}")),
            None => statements.push(line.to_owned()),
        }
        in_block = if in_block { line.trim() != "}" } else { line.trim_end().ends_with('{') };
    }
    const ORDER: [&str; 5] = ["interface", "network", "vrrp", "target", "server"];
    // Verbs stand behind the objects that they are about.
    let rank = |statement: &String| {
        let of = statement
            .split_whitespace()
            .find_map(|word| ORDER.iter().position(|kind| *kind == word.trim_end_matches('s')));
        of.map_or(0, |at| at + 1)
    };
    statements.sort_by_key(rank);
    statements
}

/// Someone at a terminal who types only what `?` has offered.
struct Newcomer<'a> {
    terminal: Terminal<'a>,
    questions: usize,
}

impl Newcomer<'_> {
    /// Types a statement, one line or a block.
    fn say(&mut self, statement: &str) {
        let mut lines = statement.lines().peekable();
        while let Some(line) = lines.next() {
            let prompt = self.prompt();
            let mut typed = String::new();
            for word in words(line) {
                let rows = self.ask(&typed);
                assert!(
                    offers(&rows, word),
                    "behind `{typed}`, `{word}` is not offered:\n{}",
                    rows.join("\n")
                );
                self.terminal.keys(&format!("-l '{word} '"));
                typed.push_str(&format!("{word} "));
                self.until_line(&format!("{prompt} {typed}"));
            }
            self.terminal.keys("Enter");
            // Nothing is said about it, in a block or behind it.
            let ends = if lines.peek().is_some() { ">" } else { "#" };
            let screen = self.terminal.until(&format!("the prompt behind `{line}`"), |screen| {
                screen.trim_end().ends_with(&format!("{}\n{}", typed.trim_end(), last_line(screen)))
                    && last_line(screen).ends_with(ends)
                    && last_line(screen) != format!("{prompt} {}", typed.trim_end())
            });
            assert!(!screen.contains("error") && !screen.contains("warning"), "{screen}");
        }
    }

    /// Asks what may follow what has been typed in this line, and returns the rows of the answer.
    fn ask(&mut self, typed: &str) -> Vec<String> {
        self.questions += 1;
        self.terminal.keys("C-l");
        let line = self.terminal.until("a clear screen", |s| s.trim_end().lines().count() == 1);
        let line = line.trim_end().to_owned();
        assert!(line.ends_with(typed.trim_end()), "`{line}` should end with `{typed}`");
        self.terminal.keys("-l '?'");
        self.terminal.keys("Enter");
        let screen = self.terminal.until("an answer, and the line again", |screen| {
            screen.trim_end().lines().count() > 2 && last_line(screen) == line
        });
        let mut rows: Vec<String> = Vec::new();
        for line in screen.trim_end().lines().skip(1) {
            match rows.last_mut() {
                // A long explanation goes on under itself.
                Some(row) if line.starts_with(&" ".repeat(23)) => row.push_str(&line[22..]),
                _ => rows.push(line.to_owned()),
            }
        }
        for row in &rows[..rows.len() - 1] {
            let (word, help) = row.trim().split_once(' ').unwrap_or((row, ""));
            assert!(!help.trim().is_empty(), "`{word}` is not explained behind `{typed}`");
        }
        rows[..rows.len() - 1].to_vec()
    }

    /// The prompt of the line that is empty yet.
    fn prompt(&self) -> String {
        last_line(&self.terminal.until("a prompt", |s| last_line(s).ends_with(['#', '>'])))
    }

    fn until_line(&self, line: &str) {
        self.terminal.until(line, |screen| last_line(screen) == line.trim_end());
    }
}

fn last_line(screen: &str) -> String {
    screen.trim_end().lines().next_back().unwrap_or_default().trim_end().to_owned()
}

/// The words of a line; a string is one.
fn words(line: &str) -> Vec<&str> {
    match line.split_once('"') {
        Some((before, _)) => {
            let mut words: Vec<_> = before.split_whitespace().collect();
            words.push(line[before.len()..].trim_end());
            words
        }
        None => line.split_whitespace().collect(),
    }
}

/// Whether `word` is among the rows, or one of them says that such a word belongs here.
fn offers(rows: &[String], word: &str) -> bool {
    rows.iter().filter_map(|row| row.split_whitespace().next()).any(|offered| match offered {
        "<Enter>" => false,
        "<ipv4>" | "<mask>" => word.parse::<std::net::Ipv4Addr>().is_ok(),
        "<ipv6>" => word.parse::<std::net::Ipv6Addr>().is_ok(),
        "<word>" => word.chars().all(|c| !c.is_whitespace()),
        "<text>" => true,
        "<interval>,<timeout>" => numbers(word).is_some_and(|list| list.len() == 2),
        "<word>[,<word>...]" => word
            .split(',')
            .all(|element| rows.iter().any(|row| row.split_whitespace().next() == Some(element))),
        list if list.contains("[,") => numbers(word).is_some(),
        one if one.starts_with('<') => {
            let range = one.trim_matches(['<', '>']).split_once('-');
            let range = range.and_then(|(min, max)| Some(min.parse::<u32>().ok()?..=max.parse().ok()?));
            match (range, word.parse()) {
                (Some(range), Ok(number)) => range.contains(&number),
                // The number of an object.
                (None, number) => number.is_ok(),
                _ => false,
            }
        }
        offered => offered == word,
    })
}

fn numbers(word: &str) -> Option<Vec<u32>> {
    word.split(',').map(|number| number.parse().ok()).collect()
}

fn configures() {
    let example = body(&man_example("farm"));
    let (config, diagnostics) = Config::parse("example", &example);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    let model = config.model().expect("a configuration without errors");
    let subnet = model.networks[&1].subnet4.expect("an IPv4 network");
    let server = &model.servers[&1];
    let vip = server.ipaddr.expect("an IPv4 server").to_string();

    // The farm that the example describes, around it a client and a balancer with the last but one address each.
    let mut world = World::new();
    let host = |n: u32| {
        let last = u32::from(subnet.addr) | (u32::MAX >> subnet.prefix);
        format!("{}/{}", std::net::Ipv4Addr::from(last - n), subnet.prefix)
    };
    let client = world.plugged("client", &[&host(1)]);
    let balancer = world.plugged("balancer", &[]);
    let mut webs = Vec::new();
    for number in &server.targets {
        let address = model.targets[number].ipaddr.expect("an IPv4 target");
        let name = format!("web{number}");
        let web = world.plugged(&name, &[&format!("{address}/{}", subnet.prefix)]);
        web.hide(&vip);
        webs.push(web::start(&world, &web, &name, &[&format!("0.0.0.0:{}", server.ports)]));
    }

    let mut bng = Bng::new(BNG, &world, &balancer, "");
    bng.start();
    let mut newcomer = Newcomer { terminal: Terminal::open(&world, &bng), questions: 0 };
    let statements = in_typing_order(&example);
    assert!(statements.iter().any(|statement| statement.contains('\n')), "no block is typed");
    for statement in &statements {
        newcomer.say(statement);
    }
    newcomer.say("save");
    let words: usize = statements.iter().flat_map(|s| s.lines()).map(|line| words(line).len()).sum();
    assert_eq!(newcomer.questions, words + 1, "one question for each word");
    newcomer.terminal.keys("'quit' Enter");
    drop(newcomer);
    assert_eq!(body(&std::fs::read_to_string(bng.config()).expect("a saved file")), example);

    bng.stop();
    bng.start();
    let limit = Duration::from_secs(15);
    wait::for_true("mastership", limit, || model.vrrp.is_none() || is_master(&bng));
    for number in &server.targets {
        wait::for_true(&format!("target {number} up"), limit, || is_up(&bng, *number));
    }
    let answer = client.run(&format!("curl -sf --max-time 5 http://{vip}:{}/", server.ports));
    assert!(answer.starts_with("web"), "{answer}");
}
