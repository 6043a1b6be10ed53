//! The language as a whole: samples, error texts, round trips, nonsense.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::config::Config;
use super::kind::Kind;
use super::model::{Access, Method, Model, Module, Protocol, SessionId, State, Subnet4};
use super::statement::STATEMENTS;
use super::{Header, check, complete, diff};
use crate::seed::Seed;

fn header() -> Header {
    Header {
        taken: "Sun Jan 19 21:28:59 2020".to_owned(),
        version: "0.100".to_owned(),
        created: "2020/01/03".to_owned(),
    }
}

/// Every file below `conf/`, by path.
#[expect(clippy::disallowed_methods, reason = "the samples are files")]
pub(super) fn samples() -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/conf");
    let mut found = Vec::new();
    for folder in [root.to_owned(), format!("{root}/examples")] {
        for entry in std::fs::read_dir(&folder).expect("folder of samples") {
            let path = entry.expect("sample").path();
            if path.extension().is_some_and(|extension| extension == "conf") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 15, "samples are missing: {found:?}");
    found
}

fn sample(name: &str) -> String {
    let wanted = format!("/{name}");
    samples().into_iter().find(|(path, _)| path.ends_with(&wanted)).expect(name).1
}

fn good(text: &str) -> Config {
    let (config, diagnostics) = Config::parse("test.conf", text);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    config
}

fn model(text: &str) -> Model {
    good(text).model().expect("a configuration without errors")
}

fn said(text: &str) -> String {
    Config::parse("bng.conf", text).1.to_string()
}

fn refused(config: &mut Config, line: &str) -> String {
    let before = config.clone();
    let diagnostics = config.apply_line(line).expect_err(line);
    assert_eq!(*config, before, "a refused line changed something");
    diagnostics.to_string()
}

fn applied(config: &mut Config, line: &str) -> String {
    config.apply_line(line).unwrap_or_else(|errors| panic!("{line}:\n{errors}")).to_string()
}

const NETWORK: &str = "interface 1 { name eth0 } register interface 1\nenable interface 1\n\
    network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.1 interface 1 } register network 1\nenable network 1\n";

// Samples.

#[test]
fn the_saved_form_of_the_original_comes_back_byte_for_byte() {
    let text = sample("poc-tap-dsr.conf");
    let (config, diagnostics) = Config::parse("poc-tap-dsr.conf", &text);
    assert_eq!(diagnostics.to_string(), "");
    let body = |text: &str| -> String {
        text.split_inclusive('\n').skip_while(|line| line.starts_with("//")).collect()
    };
    let written = config.write(&header());
    assert_eq!(body(&written), body(&text));
    assert!(body(&written).starts_with("modules   vrrp,"));
    assert!(
        written.starts_with(
            "//        configuration taken Sun Jan 19 21:28:59 2020\n//        bng 0.100 (created 2020/01/03)\nmodules"
        ),
        "{written}"
    );
}

#[test]
fn every_shipped_file_is_read_written_and_read_again() {
    for (path, text) in samples() {
        let (config, diagnostics) = Config::parse(&path, &text);
        assert!(!diagnostics.has_errors(), "{diagnostics}");
        config.model().expect(&path);
        let written = config.write(&header());
        let (again, diagnostics) = Config::parse(&path, &written);
        assert!(!diagnostics.has_errors(), "{diagnostics}");
        assert_eq!(again, config, "{path}");
        assert_eq!(again.write(&header()), written, "{path}");
    }
}

#[test]
fn the_shipped_configuration_does_nothing_until_its_comments_are_opened() {
    let text = sample("bng.conf");
    assert_eq!(good(&text), Config::default());
    // Prose has one blank behind the slashes, statements have none or an indentation.
    let prose = |rest: &str| rest.starts_with(' ') && !rest.starts_with("  ");
    let statements = text.lines().filter_map(|line| line.strip_prefix("//")).filter(|rest| !prose(rest));
    let opened: String = statements.map(|line| format!("{line}\n")).collect();
    let (config, diagnostics) = Config::parse("bng.conf", &opened);
    assert_eq!(diagnostics.to_string(), "", "{opened}");
    assert!(config.model().expect("model").servers[&1].active);
}

#[test]
fn the_proof_of_concept_means_what_it_says() {
    let model = model(&sample("poc-tap-dsr.conf"));
    assert_eq!(model.hostname, None);
    assert_eq!(model.modules.len(), 9);
    assert_eq!((model.modules[0], model.modules[8]), (Module::Vrrp, Module::Rt));
    assert!(model.localdsr && !model.ipforwarding);
    let tap = &model.interfaces[&2];
    assert_eq!((tap.name.as_str(), tap.access, tap.threads, tap.active), ("bng0", Access::Tap, 1, true));
    assert_eq!(tap.init.as_deref(), Some("ip addr add 10.20.20.20/24 dev bng0; ip link set bng0 up"));
    let network = &model.networks[&1];
    assert_eq!(network.subnet4, Some(Subnet4 { addr: Ipv4Addr::new(172, 17, 2, 0), prefix: 24 }));
    assert_eq!(network.virt, Some(Ipv4Addr::new(172, 17, 2, 56)));
    assert!(network.active);
    let vrrp = model.vrrp.expect("vrrp");
    assert_eq!((vrrp.vrid, vrrp.priority, vrrp.network), (79, 200, 1));
    let server = &model.servers[&1];
    assert_eq!(
        (server.ports.single(), server.protocol, &server.targets[..]),
        (Some(22), Some(Protocol::Tcp), &[1][..])
    );
    assert_eq!((server.sessionid, server.stimeout), (SessionId::Src, Duration::from_secs(600)));
    let target = &model.targets[&1];
    let ping = target.ping.expect("ping");
    assert_eq!((ping.interval, ping.timeout), (Duration::from_secs(2), Duration::from_secs(10)));
    assert!(target.dsr && target.active && target.registered);
}

#[test]
fn routing_and_ipv6_samples_mean_what_they_say() {
    let routing = model(&sample("routing.conf"));
    assert!(routing.ipforwarding && routing.vrrp.is_none());
    assert_eq!(routing.gateway.expect("gateway").ipaddr, Some(Ipv4Addr::new(172, 16, 1, 254)));
    assert_eq!(
        routing.targets[&2].tcpopen.map(|(port, probe)| (port, probe.interval.as_secs())),
        Some((80, 2))
    );
    assert_eq!(routing.servers[&1].targets, [1, 2]);

    let ipv6 = model(&sample("ipv6-dsr-node2.conf"));
    let network = &ipv6.networks[&1];
    assert_eq!((network.mask6, network.virt), (Some(32), None));
    assert_eq!(network.real6, "2001:db8::2:2".parse::<Ipv6Addr>().ok());
    assert_eq!(ipv6.servers[&1].sessionid, SessionId::SrcPort);
    assert_eq!(ipv6.interfaces[&1].access, Access::Auto);
    assert_eq!(ipv6.modules.len(), 6);
}

#[test]
fn the_samples_lead_to_no_warning_but_of_what_has_no_effect_yet() {
    for (path, text) in samples() {
        let (config, diagnostics) = Config::parse(&path, &text);
        let messages: Vec<_> = diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert!(messages.iter().all(|m| m.ends_with(" has no effect in this version")), "{diagnostics}");
        assert_eq!(messages.is_empty(), config.kept().is_empty(), "{path}");
        assert_eq!(
            messages.len(),
            messages.iter().collect::<std::collections::BTreeSet<_>>().len(),
            "{path}"
        );
        assert_eq!(messages.is_empty(), !text.contains("// What this version does not do yet"), "{path}");
    }
}

#[test]
fn the_examples_do_what_they_say_as_far_as_the_check_can_tell() {
    for (path, text) in samples().iter().filter(|(path, _)| path.contains("/examples/")) {
        let report = check::check_text(path, text);
        let kept = ["not yet effective", "has no effect in this version"];
        let doubts = report.findings().iter().filter(|finding| finding.level < check::Level::Note);
        let doubts: Vec<_> =
            doubts.filter(|finding| !kept.iter().any(|end| finding.message.ends_with(end))).collect();
        assert!(doubts.is_empty(), "{path}: {doubts:#?}");
    }
}

#[test]
fn every_example_tells_what_to_expect() {
    for (path, text) in samples().iter().filter(|(path, _)| path.contains("/examples/")) {
        let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//")).collect();
        assert!(header.iter().any(|line| line.starts_with("// What to expect: ")), "{path}");
        assert!(header.iter().any(|line| line.contains("----")), "{path} shows no topology");
        assert!(header.iter().all(|line| line.chars().count() <= 132), "{path}");
    }
}

#[test]
fn the_two_nodes_of_an_example_differ_in_what_is_their_own() {
    let mut pairs = 0;
    for (path, text) in samples() {
        if !path.ends_with("-node1.conf") {
            continue;
        }
        let own = ["hostname", "network 1: real", "network 2: real", "network 1: syncpeer"];
        let other = good(&sample(path.rsplit('/').next().expect("name").replace("node1", "node2").as_str()));
        let lines = diff(&good(&text), &other);
        assert!(!lines.is_empty(), "{path}");
        for line in lines {
            assert!(
                own.iter().any(|what| line.trim_start_matches("the configuration: ").starts_with(what)),
                "{path}: {line}"
            );
        }
        pairs += 1;
    }
    assert_eq!(pairs, 5);
}

#[test]
fn a_file_of_a_later_original_is_kept_with_one_warning_per_keyword() {
    let text = "set {\n multithreading 1\n sessionautoresync 1\n sessionsyncack 1\n natsync 1\n}\n\
        interface 1 { name eth0 access raw threads 8 }\n\
        network 1 { name \"local network\" addr 172.17.2.0 mask 255.255.255.0 real 172.17.2.101 syncpeer 172.17.2.102 interface 1 }\n\
        server 1 { ipaddr 172.17.2.9 ports 80,443 method rndagent proxy enable targets 1 backups 2 }\n\
        server 2 { ipaddr 172.17.2.9 ports 81,444 method rndagent targets 1 plugin x }\n\
        target 1 { ipaddr 172.17.2.8 agent 439,3,10 script \"/bin/x y\",3,10 lgrp 1 }\n\
        target 2 { ipaddr 172.17.2.7 agent 439,3,10 }\n\
        vip 1 {\n ipaddr 172.17.2.6\n}\nregister vips 1\nlicense a b c\nlgrp 1 de,at\nipdb /etc/ip.csv\n\
        tnat 1 { server 1 targets 1,2 }\n";
    let (mut config, diagnostics) = Config::parse("f", text);
    let messages: Vec<_> = diagnostics
        .iter()
        .map(|d| format!("{d}{}", d.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"))))
        .collect();
    let kept = |what: &str, instead: &str| {
        format!("warning: {what} has no effect in this version (it is kept and saved; {instead})")
    };
    assert_eq!(
        messages,
        [
            kept("'sessionautoresync' of set", "no session comes from the peer"),
            kept("'sessionsyncack' of set", "no session comes from the peer"),
            kept("'syncpeer' of network", "sessions are not told to it"),
            "warning: 'plugin' of server is not implemented in this version (it is skipped and will not be saved)"
                .to_owned(),
        ]
    );
    let written = config.write(&header());
    for line in [
        "ipdb      /etc/ip.csv\n",
        "          ports 80,443\n",
        "          method rndagent\n",
        "          backup 2\n",
        "          script \"/bin/x y\",3,10\n",
        "register  vip 1\n",
        "lgrp      1 de,at\n",
        "tnat      1 {\n          server 1\n          targets 1,2\n",
    ] {
        assert!(written.contains(line), "{line}\n{written}");
    }
    assert!(!written.contains("natsync"), "a default is not saved");
    assert_eq!(good(&written), config);
    // The engine knows nothing of what is only kept.
    let model = config.model().expect("model");
    assert_eq!(
        (model.servers[&1].ports.to_string().as_str(), model.servers[&1].targets.as_slice()),
        ("80,443", &[1][..])
    );
    // Typed by hand, what is kept is taken with the same warning; what only has a name is refused.
    assert!(
        applied(&mut config, "target 1 maxgrpsessions 2")
            .contains("'maxgrpsessions' of target has no effect")
    );
    assert!(refused(&mut config, "server 1 plugin x").contains("'plugin' of server is not implemented"));
    assert!(refused(&mut config, "module llb").contains("not implemented in this version"));
}

#[test]
fn servers_that_answer_dns_and_locations_reach_the_model() {
    let text = "ipdb /etc/v4.csv\nlgrp 1 DE,at\n\
        server 1 { ipaddr 10.0.0.9 port 53 protocol udp gslb enable gslbname WWW.g.example.org.,g.example.org \
        gslbzone g.example.org gslbns ns1.example.org targets 1 }\nserver 2 { ipaddr 10.0.0.8 gslbname a.b }\n\
        target 1 { ipaddr 192.0.2.1 port 80 protocol tcp lgrp 1 }\nregister servers 1\n";
    let config = good(text);
    let model = config.model().expect("model");
    let gslb = model.servers[&1].gslb.as_ref().expect("it is enabled");
    let names: Vec<String> =
        gslb.names.iter().chain(&gslb.zone).chain(&gslb.ns).map(ToString::to_string).collect();
    assert_eq!(names, ["www.g.example.org", "g.example.org", "g.example.org", "ns1.example.org"]);
    assert_eq!((gslb.ttl, model.servers[&2].gslb.is_none()), (10, true));
    assert_eq!((model.ipdb.as_deref(), model.ipdb6), (Some("/etc/v4.csv"), None));
    assert_eq!(
        (&model.lgrps[&1][..], &model.targets[&1].lgrps[..]),
        (&["de".to_owned(), "at".to_owned()][..], &[1][..])
    );
    assert_eq!(good(&config.write(&header())), config);
    assert!(config.kept().is_empty());
}

#[test]
fn what_no_resolver_could_use_is_refused() {
    let errors = |statements: &str| {
        let text = format!(
            "server 1 {{ ipaddr 10.0.0.9 port 53 gslb enable targets 1 {statements} }}\ntarget 1 ipaddr 192.0.2.1\n\
             register servers 1\ntarget 2 {{ ipaddr 192.0.2.2 tunnel gue }}\n"
        );
        let (_, diagnostics) = Config::parse("f", &text);
        diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let long = format!("{0}.{0}.{0}", "a".repeat(60));
    for (statements, expected) in [
        ("gslbname a.b", ""),
        (
            "gslbname a.b backups 2",
            "error: server 1 hands out addresses of its targets, but target 2 is behind a tunnel",
        ),
        ("", "warning: server 1 has no gslbname and will refuse every DNS query"),
        (
            "gslbname a.b protocol tcp",
            "error: server 1 answers DNS over UDP only ('gslb'), but its protocol is tcp",
        ),
        ("gslbname a.b gslbzone c", "error: a.b of server 1 does not lie in its zone c"),
        (
            "gslbname a.b gslbns ns.a.b",
            "error: name server ns.a.b of server 1 lies in the zone a.b, where it has no address",
        ),
        ("gslbname a.b,ns.a.b gslbzone a.b", "error: ns.a.b of server 1 is the name of its name server"),
        (
            &format!("gslbname a.b gslbns {long}"),
            "error: the name servers of server 1 have 184 bytes of names, 150 are the most",
        ),
    ] {
        assert_eq!(errors(statements), expected, "{statements}");
    }
    let mut config = Config::default();
    assert!(
        applied(&mut config, "ipdb ip.csv")
            .contains("ipdb 'ip.csv' is no absolute path and will not be read")
    );
    assert_eq!(config.model().expect("a model").ipdb, None);
}

#[test]
fn limits_of_dumps_and_benchmarks_reach_the_model() {
    let model = |text: &str| good(text).model().expect("model");
    let default = model("");
    assert_eq!((default.dump.files, default.dump.megabytes), (4, 10));
    let plan = default.benchmark;
    assert_eq!((plan.duration.as_secs(), plan.packet_size, plan.window), (300, 1514, 16));
    let set = model("set { dumprotation 7 dumprotsiz 2 bmduration 5 bmpsize 9014 bmwsize 65535 }");
    assert_eq!((set.dump.files, set.dump.megabytes), (7, 2));
    let plan = set.benchmark;
    assert_eq!((plan.duration.as_secs(), plan.packet_size, plan.window), (5, 9014, 65535));
}

#[test]
fn methods_weights_states_and_backups_reach_the_model() {
    for (word, method) in Method::ALL {
        let text = format!("server 1 {{ ipaddr 10.0.0.2 method {word} }}");
        assert_eq!(model(&text).servers[&1].method, method, "{word}");
        let choices = good(&text).write(&header());
        assert!(word == "rr" || choices.contains(&format!("method {word}\n")), "{choices}");
    }
    let all = model(
        "set { maglevsize 5003 hashbits 16 }\nserver 1 { ipaddr 10.0.0.2 target 1 backups 2,3 }\n\
         target 1 { ipaddr 10.0.0.3 weight 7 maxsessions 100 autodisable 3 slowstart 30 state drain }\n\
         target 2 { ipaddr 10.0.0.4 state maintenance }\ntarget 3 ipaddr 10.0.0.5\n",
    );
    assert_eq!((all.tuning.maglevsize, all.tuning.hashbits), (5_003, 16));
    assert_eq!((&all.servers[&1].targets[..], &all.servers[&1].backups[..]), (&[1][..], &[2, 3][..]));
    let one = &all.targets[&1];
    assert_eq!((one.weight, one.maxsessions, one.autodisable, one.slowstart.as_secs()), (7, 100, 3, 30));
    assert_eq!(
        (one.state, all.targets[&2].state, all.targets[&3].state),
        (State::Drain, State::Maintenance, State::Active)
    );
    assert_eq!((all.targets[&3].weight, all.targets[&3].slowstart.as_secs()), (1, 0));
    assert!(refused(&mut Config::default(), "target 1 weight 0").contains("weight"));
}

#[test]
fn what_is_kept_is_listed_object_by_object() {
    let config = good(
        "modules arp,benchmark,slb\nset { natsync 0 bmpsize 60 dumprotation 2 }\ninterface 1 name eth0\ninterface 2 name eth1\n\
         network 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.1 interfaces 2,1 }\nlgrp 3 de\n\
         server 1 { ipaddr 10.0.0.2 sessionid at }\nserver 2 { ipaddr 10.0.0.3 sessionid at }\n",
    );
    let kept = config.kept();
    let lines: Vec<_> = kept.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "set: natsync 0: no effect, nothing is sent to a peer",
            "network 1: interfaces 2,1: '1' has no effect, interface 2 is used",
            "server 1: sessionid at: 'at' has no effect, src is used",
            "server 2: sessionid at: 'at' has no effect, src is used",
        ]
    );
    assert_eq!((kept[3].kind, kept[3].number, kept[3].keyword), (Kind::Server, 2, "sessionid"));
    assert_eq!(config.model().expect("model").networks[&1].interface, 2);
    assert!(good(&sample("dsr.conf")).kept().is_empty());
}

#[test]
fn statements_without_effect_are_checked_all_the_same() {
    let text = "\
interface 1 name eth0
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.1 syncpeer 10.0.0.1 interfaces 1,2 }
gateway { ipaddr6 2001:db8::1 arp 2,10 }
vip 1 ipaddr 10.0.0.9
server 1 { ipaddr 10.0.0.9 ports 80,443 protocol tcp targets 1 backups 1,2,3 }
server 2 { ipaddr 10.0.0.9 port 443 protocol tcp targets 1 }
target 1 { ipaddr 10.0.0.7 agent6 439,3,10 lgrp 4 }
target 2 { ipaddr 10.0.0.8 protocol udp weight 0 }
tnat 1 { server 9 targets 1,8 }
register networks 1
register vips 1
register servers 1,2
register targets 1
register tnats 1
";
    let (_, diagnostics) = Config::parse("f", text);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|d| d.severity == super::Severity::Error)
        .map(|d| d.message.as_str())
        .collect();
    assert_eq!(
        errors,
        [
            "syncpeer of network 1 is an address of this node",
            "interface 2 of network 1 does not exist",
            "gateway has a check by arp, but no ipaddr",
            "vip 1 has the address of server 1",
            "target 1 of server 1 is a backup too",
            "target 3 of server 1 does not exist",
            "server 2 has the address, port and protocol of server 1",
            "target 1 has a check by agent6, but no ipaddr6",
            "lgrp 4 of target 1 does not exist",
            "'0' is out of range, 1 to 65535 are allowed",
            "server 9 of tnat 1 does not exist",
            "target 8 of tnat 1 does not exist",
        ]
    );
}

#[test]
fn a_check_is_what_its_statements_say() {
    let text = "target 1 { ipaddr 10.0.0.7 ipaddr6 2001:db8::7 tunnel ipip check own rise 3 fall 2\n\
        tcpopen 22,1,3 tcpopen6 22,1,3 agent 439,1,3 ascale 2.5 aoffset -1\n\
        http 8080,1,3 httppath \"/a?b=c\" httphost www.test httpstatus 200-202,301\n\
        udp 7,1,3 udpsend \"a\\x00\\r\\n\" udpexpect \"\\x5c\"\n\
        dns 53,1,3 dnsname www.test dnstype aaaa dnsanswer any }\n\
        target 2 { ipaddr 10.0.0.8 http 80,1,3 dns 53,1,3 dnsname . }\n";
    let config = good(text);
    let model = config.model().expect("valid");
    let target = &model.targets[&1];
    assert_eq!((target.check_vip, target.rise, target.fall), (Some(false), 3, 2));
    assert_eq!((target.ascale, target.aoffset), (2_500, -1_000));
    let http = target.http.as_ref().expect("a check");
    assert_eq!((http.port, &*http.path, http.host.as_deref()), (8080, "/a?b=c", Some("www.test")));
    assert!(http.status.contains(202) && http.status.contains(301) && !http.status.contains(203));
    let udp = target.udp.as_ref().expect("a check");
    assert_eq!((&udp.send[..], &udp.expect[..]), (&b"a\0\r\n"[..], &b"\\"[..]));
    let dns = target.dns.as_ref().expect("a check");
    assert_eq!((&*dns.name, dns.kind, dns.rcode), ("www.test", 28, None));
    let words: Vec<&str> = target.probes().into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["tcpopen", "tcpopen6", "agent", "http", "udp", "dns"]);
    let usual = &model.targets[&2];
    assert_eq!((usual.rise, usual.fall, usual.ascale, usual.check_vip), (1, 1, 1_000, None));
    let http = usual.http.as_ref().expect("a check");
    assert!(http.status.contains(200) && http.status.contains(399) && !http.status.contains(404));
    assert_eq!((&*http.path, usual.dns.as_ref().and_then(|dns| dns.rcode)), ("/", Some(0)));
    let written = config.write(&header());
    assert_eq!(self::model(&written).targets, model.targets, "{written}");
    assert!(!written.contains("dnsanswer noerror") && !written.contains("httpstatus 200-399"), "{written}");
}

#[test]
fn a_check_that_cannot_be_says_why() {
    for (statements, complaint) in [
        (
            "check vip",
            "target 1 cannot be checked through the addresses of its servers: they are replaced by its own",
        ),
        (
            "http 80,1,3 httppath x",
            "the httppath of target 1 must begin with a slash and have no blanks in it",
        ),
        (
            "http 80,1,3 httppath \"/a b\"",
            "the httppath of target 1 must begin with a slash and have no blanks in it",
        ),
        ("http 80,1,3 httphost \"a b\"", "the httphost of target 1 cannot be a host name"),
        ("udp 7,1,3 udpsend \"\\q\"", "the udpsend of target 1 has '\\q' in it, which means nothing"),
        ("dns 53,1,3", "target 1 has a check by dns, but no dnsname to ask for"),
        ("dns 53,1,3 dnsname a..b", "the dnsname of target 1 is no name of the DNS"),
        ("udpexpect x", "target 1 has udpexpect, but no check by udp"),
    ] {
        let text = format!("target 1 {{ ipaddr 10.0.0.7 {statements} }}\nregister targets 1\n");
        let (_, diagnostics) = Config::parse("f", &text);
        let messages: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert!(messages.iter().any(|message| message.contains(complaint)), "{statements}: {messages:?}");
    }
}

#[test]
fn the_key_of_an_agent_is_long_and_has_an_agent() {
    let text = |target: &str| format!("target 1 {{ ipaddr 10.0.0.7 {target} }}\nregister targets 1\n");
    let said = |target: &str| {
        let (_, diagnostics) = Config::parse("f", text(target));
        diagnostics.iter().map(|d| (d.severity, d.message.clone())).collect::<Vec<_>>()
    };
    use super::Severity::{Error, Warning};
    let short = "target 1 has an agentkey of 15 bytes, which is guessed too easily; at least 16 are needed";
    assert!(said("agent 439,3,10 agentkey 123456789012345").contains(&(Error, short.to_owned())));
    let idle = "target 1 has an agentkey, but no agent is asked";
    assert!(said("agentkey 1234567890123456").contains(&(Warning, idle.to_owned())));
    let config = good(&text("agent 439,3,10 agentkey \"a key with blanks\""));
    let model = config.model().expect("valid");
    assert_eq!(model.targets[&1].agentkey.as_deref(), Some("a key with blanks"));
}

#[test]
fn what_does_not_exist_cannot_be_removed() {
    for kind in Kind::NUMBERED {
        let word = kind.keyword();
        let mut config = Config::default();
        applied(&mut config, &format!("{word} 1"));
        assert!(refused(&mut config, &format!("no {word} 2")).contains("does not exist"));
        applied(&mut config, &format!("no {word} 1"));
        assert_eq!(config, Config::default());
    }
}

// Grammar.

#[test]
fn one_object_can_be_said_in_many_ways() {
    let block = good("server 1 {\n  port 80\n  protocol tcp\n  targets 1,2\n}\n");
    for text in [
        "server 1 { port 80 protocol tcp targets 1-2 }",
        "server 1 { targets 1,2 protocol tcp port 80 }",
        "server 1 port 80 protocol tcp targets 1,2",
        "server 1 port 80\r\nserver 1 protocol tcp\r\nserver 1 targets 1,2\r\n",
        "server 1\n{\nport 80 // a comment\nprotocol tcp\n\ntarget 1,2}",
        "serv 1 { po 80 prot t tar 1,2 }",
        "\u{feff}server 1 { port \"80\" protocol tcp targets 1,2 }",
        "server 2 port 80\nno server 2\nserver 1 { port 80 protocol tcp targets 1,2 } server 3\nno server 3",
    ] {
        assert_eq!(good(text), block, "{text}");
    }
}

#[test]
fn states_may_stand_before_their_objects() {
    let config =
        good("enable servers 1,2\nregister servers 1-2\nserver 1 ipaddr 10.0.0.1\nserver 2 ipaddr 10.0.0.2");
    assert!(config.write(&header()).contains("register  servers 1,2\nenable    servers 1,2\n"));
}

#[test]
fn defaults_are_not_kept() {
    let config = good(
        "set localdsr 0\nserver 1 { port 0 stimeout 600 method rr sessionid src }\ntarget 1 dsr disable",
    );
    assert_eq!(config, good("server 1\ntarget 1"));
}

#[test]
fn an_interface_may_be_called_by_its_name() {
    let mut config = good("interface eth0 access raw\ninterface eth0 { threads 2 }\ninterface eth1");
    assert_eq!(config, good("interface 1 { name eth0 access raw threads 2 }\ninterface 2 name eth1"));
    assert_eq!(applied(&mut config, "no interface eth0"), "");
    assert_eq!(config, good("interface 2 name eth1"));
    assert!(refused(&mut config, "no interface eth0").contains("there is no interface called 'eth0'"));
}

#[test]
fn modules_are_set_or_added() {
    assert_eq!(model("modules arp,slb\nmodule rt").modules, [Module::Arp, Module::Slb, Module::Rt]);
    assert_eq!(model("module arp").modules.len(), 9);
    let mut config = Config::default();
    applied(&mut config, "no modules tnat,nat,rt");
    assert_eq!(config.value(Kind::Top, 0, "module").as_deref(), Some("vrrp,arp,ping,hc,master,slb"));
    applied(&mut config, "modules slb");
    assert!(config.write(&header()).contains("\nmodules   slb\n"));
    assert!(refused(&mut config, "no module slb").contains("at least one module must remain"));
    applied(&mut config, "no modules");
    assert_eq!(config, Config::default());
    assert!(refused(&mut config, "modules arp,arp").contains("'arp' appears twice"));
}

#[test]
fn words_that_are_not_implemented_are_kept_or_left_out_with_one_warning() {
    let (config, diagnostics) = Config::parse(
        "f",
        "modules arp,llb,benchmark,slb\ntarget 1 ipaddr 10.0.0.7\nserver 1 { ipaddr 10.0.0.8 sessionid sip }\nserver 2 { ipaddr 10.0.0.9 sessionid sip }\n",
    );
    assert_eq!(
        diagnostics.to_string(),
        "f:1:13: warning: 'llb' (link load balancing) is not implemented in this version\n  | modules arp,llb,benchmark,slb\n  |             ^^^\n  = it is skipped and will not be saved\n\
         f:3:38: warning: 'sip' (SIP call) has no effect in this version\n  | server 1 { ipaddr 10.0.0.8 sessionid sip }\n  |                                      ^^^\n  = it is kept and saved; src is used\n"
    );
    assert_eq!(config.model().expect("model").modules, [Module::Arp, Module::Benchmark, Module::Slb]);
    assert_eq!(config.value(Kind::Top, 0, "module").as_deref(), Some("arp,benchmark,slb"));
    assert_eq!(config.value(Kind::Server, 2, "sessionid").as_deref(), Some("sip"));
    assert!(refused(&mut Config::default(), "modules arp,llb").contains("not implemented"));
}

#[test]
fn one_word_of_a_list_is_pointed_at_alone() {
    let marked = |text: &str| {
        let (_, diagnostics) = Config::parse("f", text);
        let shown = diagnostics.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let column = lines[2].find('^').expect("a mark");
        lines[1][column..lines[2].len()].to_owned()
    };
    assert_eq!(marked("interface 1 name eth0\nregister interfaces 1,7-9\n"), "7-9");
    assert_eq!(
        marked(
            "network 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.1 interfaces 2,1 }\ninterface 1 name a\ninterface 2 name b\n"
        ),
        "1"
    );
    assert_eq!(marked("modules arp,llb,slb\n"), "llb");
    assert_eq!(marked("interface eth0\nregister interfaces eth0,eth1\n"), "eth0,eth1");
}

#[test]
fn interfaces_are_registered_by_the_names_of_their_devices() {
    let config =
        good("interface eth0\ninterface 7 name eth-1\nregister interfaces eth0,eth-1\nenable interface eth0");
    let model = config.model().expect("a model");
    assert!(model.interfaces[&1].active && !model.interfaces[&7].active);
    assert!(config.write(&header()).contains("register  interfaces 1,7\n"), "{}", config.write(&header()));
    let mut config = config;
    assert!(
        refused(&mut config, "register interfaces 1,eth9").contains("there is no interface called 'eth9'")
    );
    assert!(refused(&mut config, "enable interfaces 1,eth0").contains("interface 1 appears twice"));
    assert!(refused(&mut config, "register servers web").contains("not a number"));
}

#[test]
fn remarks_are_kept_in_their_order() {
    let config = good("remark \"first thing\"\nremark second");
    assert!(config.write(&header()).contains("\nremark    \"first thing\"\nremark    second\n"));
    assert_eq!(good(&config.write(&header())), config);
}

// Errors in a file.

#[test]
fn several_errors_are_reported_in_one_go_without_consequences() {
    let text = "\
interface 1 {
          name eth0
          acess raw
}
register  interface 1
sevrer    1 {
          ipaddr 10.0.0.9
          bogus
}
enable    server 1
network   1 {
          addr 10.0.0.0
          mask 255.0.255.0
          real 10.0.0.300
          interface 1
}
register  network 1
set localdsr yes
target    1 {
          ipaddr 10.0.0.7
          p 2,10
          ping 10,2
          port 80 81
}
";
    assert_eq!(
        said(text),
        "\
bng.conf:3:11: error: unknown statement 'acess' in interface 1
  |           acess raw
  |           ^^^^^
  = did you mean 'access'?
bng.conf:6:1: error: unknown statement 'sevrer'
  | sevrer    1 {
  | ^^^^^^
  = did you mean 'server'?
bng.conf:13:16: error: 255.0.255.0 is not a mask: its one bits are not contiguous
  |           mask 255.0.255.0
  |                ^^^^^^^^^^^
bng.conf:14:16: error: '10.0.0.300' is not an IPv4 address
  |           real 10.0.0.300
  |                ^^^^^^^^^^
bng.conf:18:14: error: 'yes' is neither 0 nor 1
  | set localdsr yes
  |              ^^^
bng.conf:21:11: error: 'p' is ambiguous
  |           p 2,10
  |           ^
  = it could be 'port', 'protocol', 'ping' or 'ping6'
bng.conf:22:19: error: the timeout of 2 s is shorter than the interval of 10 s
  |           ping 10,2
  |                   ^
  = the interval comes first, then the timeout
bng.conf:23:19: error: unknown statement '81' in target 1
  |           port 80 81
  |                   ^^
"
    );
}

#[test]
fn references_and_contradictions_are_found() {
    let text = "\
interface 1 name eth0
interface 2 name eth0
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.1.1 virt 10.0.0.255 interface 3 }
network 2 { addr 10.2.0.0 real6 2001:db8::1 interface 1 }
vrrp { vrid 1 network 2 }
gateway ping 3,10
server 1 { port 80 targets 1,2,3 }
target 1 { ipaddr 10.0.0.7 port 8080 dsr enable ping6 3,10 }
target 2 { ipaddr6 2001:db8::7 protocol udp }
register interfaces 1,2
register networks 1,2
register server 1
register targets 1,2
register server 9
";
    assert_eq!(
        said(text),
        "\
bng.conf:2:13: error: interface 2 is the device eth0, and so is interface 1
  | interface 2 name eth0
  |             ^^^^^^^^^
  = several networks can share one interface
bng.conf:3:46: error: real 10.0.1.1 lies outside of network 1, which is 10.0.0.0 to 10.0.0.255
  | network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.1.1 virt 10.0.0.255 interface 3 }
  |                                              ^^^^^^^^^^^^^
bng.conf:3:60: error: virt 10.0.0.255 is the first or the last address of network 1
  | network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.1.1 virt 10.0.0.255 interface 3 }
  |                                                            ^^^^^^^^^^^^^^^
  = these two belong to the network itself
bng.conf:3:86: error: interface 3 of network 1 does not exist
  | network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.1.1 virt 10.0.0.255 interface 3 }
  |                                                                                      ^
bng.conf:4:13: error: network 2 has an addr, but no mask
  | network 2 { addr 10.2.0.0 real6 2001:db8::1 interface 1 }
  |             ^^^^^^^^^^^^^
bng.conf:4:27: error: network 2 has real6, but no mask6
  | network 2 { addr 10.2.0.0 real6 2001:db8::1 interface 1 }
  |                           ^^^^^^^^^^^^^^^^^
  = for example: network 2 mask6 64
bng.conf:5:15: error: network 2 of vrrp has no real address
  | vrrp { vrid 1 network 2 }
  |               ^^^^^^^^^
  = advertisements are sent in IPv4, from the real address
bng.conf:6:9: error: gateway has neither ipaddr nor ipaddr6
  | gateway ping 3,10
  |         ^^^^^^^^^
  = give all of it at once: gateway { ipaddr 192.0.2.1 ping 3,10 }
bng.conf:7:1: error: server 1 has neither ipaddr nor ipaddr6
  | server 1 { port 80 targets 1,2,3 }
  | ^^^^^^
bng.conf:7:28: error: server 1 has port 80, its target 1 port 8080, but direct server return cannot change ports
  | server 1 { port 80 targets 1,2,3 }
  |                            ^
  = give both the same port, or leave out the target's
bng.conf:7:30: error: server 1 is for any protocol, its target 2 for udp
  | server 1 { port 80 targets 1,2,3 }
  |                              ^
bng.conf:7:32: error: target 3 of server 1 does not exist
  | server 1 { port 80 targets 1,2,3 }
  |                                ^
bng.conf:8:49: error: target 1 has a check by ping6, but no ipaddr6
  | target 1 { ipaddr 10.0.0.7 port 8080 dsr enable ping6 3,10 }
  |                                                 ^^^^^^^^^^
bng.conf:14:17: error: cannot register server 9: it does not exist
  | register server 9
  |                 ^
"
    );
}

#[test]
fn what_is_not_registered_may_be_incomplete() {
    let text = "interface 1\nnetwork 1 real 10.0.0.1\nserver 1 targets 1,2\ntarget 1\n";
    let (config, diagnostics) = Config::parse("f", text);
    assert_eq!((diagnostics.errors(), diagnostics.warnings()), (0, 5), "{diagnostics}");
    let model = config.model().expect("model");
    assert!(model.interfaces.is_empty() && model.networks.is_empty());
    assert!(!model.servers[&1].registered && !model.targets[&1].active);
}

#[test]
fn a_network_is_active_only_on_an_active_interface() {
    let text = NETWORK.replace("enable interface 1", "");
    let (config, diagnostics) = Config::parse("f", &text);
    assert_eq!(diagnostics.warnings(), 1, "{diagnostics}");
    assert!(!config.model().expect("model").networks[&1].active);
    assert!(model(NETWORK).networks[&1].active);
}

#[test]
fn a_local_target_without_localdsr_is_announced_as_down() {
    let text = sample("poc-tap-dsr.conf").replace("set       localdsr 1\n", "");
    assert_eq!(
        said(&text),
        "bng.conf:68:11: warning: target 1 is on this host behind a tap interface and will stay down\n\
         \x20 |           dsr enable\n  |           ^^^^^^^^^^\n  = 'set localdsr 1' allows it\n"
    );
}

#[test]
fn the_vrrp_network_needs_an_ipv4_address() {
    let text = "interface 1 name eth0\nnetwork 1 { mask6 64 real6 2001:db8::1 interface 1 }\nvrrp { vrid 1 network 1 }\n";
    assert!(said(text).contains("error: network 1 of vrrp has no real address"), "{}", said(text));
    assert!(said("vrrp { vrid 0 network 1 }").contains("'0' is out of range, 1 to 255 are allowed"));
    assert!(
        said("vrrp { vrid 1 priority 256 network 1 }")
            .contains("'256' is out of range, 1 to 255 are allowed")
    );
    assert!(said("vrrp vrid 1").contains("vrrp has no network"));
    assert_eq!(model(&format!("{NETWORK}vrrp {{ vrid 7 network 1 }}")).vrrp.expect("vrrp").priority, 100);
}

#[test]
fn braces_that_do_not_match_are_reported_once() {
    assert_eq!(
        said("server 1 {\n  port 80\ntarget 1 {\n  ipaddr 10.0.0.7\n}\n"),
        "bng.conf:3:1: error: the block of server 1 is not closed before this line\n  | target 1 {\n  | ^^^^^^\n  = add a line with '}' above\n"
    );
    assert_eq!(
        said("server 1 {\n  port 80\n"),
        "bng.conf:1:10: error: the block of server 1 is not closed\n  | server 1 {\n  |          ^\n"
    );
    assert_eq!(said("target 1\n}\ntarget 2\n").matches("error").count(), 1);
    assert_eq!(said("server 1 { { { port 80 } } }").matches("error").count(), 1);
    assert_eq!(said("srever 1 {\n x {\n}\n y\n}\ntarget 1\n").matches("error").count(), 1);
    // Lines that are not indented are not taken for the next object as long as they belong here.
    assert_eq!(said(&format!("{NETWORK}vrrp {{\nvrid 50\nnetwork 1\n}}\n")), "");
}

#[test]
fn an_error_at_the_end_of_a_line_does_not_hide_the_next_line() {
    for line in
        ["register", "enable servers", "no", "no server", "server", "set", "hostname", "vrrp vrid", "\""]
    {
        let (_, diagnostics) = Config::parse("f", format!("{line}\nbogus\n"));
        let lines: Vec<_> =
            diagnostics.iter().filter_map(|d| d.place.as_ref()).map(|place| place.line).collect();
        assert_eq!(lines, [1, 2], "{line}\n{diagnostics}");
    }
}

#[test]
fn slips_of_the_pen() {
    assert_eq!(
        said("server 1 targets 1, 2\n"),
        "bng.conf:1:18: error: an element of the list is empty\n  | server 1 targets 1, 2\n  |                  ^^\n  = elements are separated by one comma, without blanks\n"
    );
    assert_eq!(
        said("hostname my host\n"),
        "bng.conf:1:13: error: 'host' is too much here\n  | hostname my host\n  |             ^^^^\n  = lists have commas and no blanks, texts with blanks stand in double quotes\n"
    );
    assert_eq!(
        said("interface 1 init \"ip link\n"),
        "bng.conf:1:18: error: string without its closing quote on the same line\n  | interface 1 init \"ip link\n  |                  ^^^^^^^^\n"
    );
    assert_eq!(
        said("server 600 port 1\n"),
        "bng.conf:1:8: error: server number '600' is out of range, 1 to 512 are allowed\n  | server 600 port 1\n  |        ^^^\n"
    );
    assert_eq!(
        said("server {\n}\n"),
        "bng.conf:1:1: error: 'server' needs a number\n  | server {\n  | ^^^^^^\n  = for example: server 1\n"
    );
    assert_eq!(
        said("server 1 port\n"),
        "bng.conf:1:10: error: 'port' needs an argument\n  | server 1 port\n  |          ^^^^\n  = write: ports <port>[,<port>...]\n"
    );
    assert_eq!(
        said("target 1 {\n ipaddr 10.0.0.7\n port 80\n port 81\n}\n"),
        "bng.conf:4:2: warning: 'port' of target 1 is given again\n  |  port 81\n  |  ^^^^^^^\n  = '81' counts, '80' in line 3 does not\n"
    );
    assert_eq!(
        said("set localdrs 1\n"),
        "bng.conf:1:5: error: unknown parameter 'localdrs' of 'set'\n  | set localdrs 1\n  |     ^^^^^^^^\n  = did you mean 'localdsr'?\n"
    );
    assert_eq!(
        said("server 1 protocol icmp\n"),
        "bng.conf:1:19: error: 'icmp' is not known here\n  | server 1 protocol icmp\n  |                   ^^^^\n  = allowed are 'tcp' and 'udp'\n"
    );
    assert!(said("interface 1 name eth0/1").contains("a name cannot contain '/'"));
    assert!(said("interface 1 name \"eth0\"x").contains("a blank is missing"));
    assert!(said("interface 1 name \"\"").contains("the text is empty"));
}

#[test]
fn what_is_not_text_is_refused() {
    let says = |bytes: &[u8]| Config::parse("bng.conf", bytes).1.to_string();
    assert_eq!(
        says(b"hostname a\nhostname \xff\n"),
        "bng.conf:2:10: error: byte 0xff is not UTF-8\n  | hostname\n  |          ^\n  = a configuration is a text file in UTF-8\n"
    );
    assert!(says(b"hostname a\0b").starts_with("bng.conf:1:11: error: there is a NUL byte in the text\n"));
    assert!(says(b"hostname a\x1b[31m").contains("control character U+001B in the text"));
    assert!(!says(b"hostname \"a\x1b[31m\x07\"\nfoo\x1b").contains(['\x1b', '\x07']));
    let huge = vec![b' '; super::TEXT_MAX + 1];
    assert_eq!(
        says(&huge),
        "bng.conf: error: the text has 8388609 bytes, at most 8388608 are read\n  = a configuration is a text file in UTF-8\n"
    );
}

// Typed lines.

#[test]
fn a_farm_is_built_line_by_line() {
    let mut config = Config::default();
    for line in [
        "interface 1 access raw",
        "interface 1 name eth0",
        "register interface 1",
        "en int 1",
        "network 1 interface 1",
        "network 1 addr 10.0.0.0",
        "network 1 mask 255.255.255.0",
        "network 1 real 10.0.0.1",
        "register network 1",
        "enable network 1",
        "server 1 { ipaddr 10.0.0.10 port 80 protocol tcp targets 1,2 }",
        "target 1 ipaddr 10.0.0.11 dsr enable",
        "target 2 ipaddr 10.0.0.12 dsr enable",
        "register targets 1-2",
        "enable targets 1-2",
        "register server 1",
        "enable server 1",
    ] {
        assert_eq!(applied(&mut config, line), "", "{line}");
    }
    assert!(config.model().expect("model").servers[&1].active);
    assert_eq!(config, good(&config.write(&header())));
    assert_eq!(applied(&mut config, ""), "");
    assert_eq!(applied(&mut config, "license 1234 5678"), "");
}

#[test]
fn a_typed_line_is_applied_as_a_whole_or_not_at_all() {
    let mut config = good(NETWORK);
    assert_eq!(
        refused(&mut config, "server 1 port 80 prtocol tcp"),
        "error: unknown statement 'prtocol' in server 1\n  | server 1 port 80 prtocol tcp\n  |                  ^^^^^^^\n  = did you mean 'protocol'?\n"
    );
    assert_eq!(
        refused(&mut config, "s localdsr 1"),
        "error: 's' is ambiguous\n  | s localdsr 1\n  | ^\n  = it could be 'set' or 'server'\n"
    );
    // The fault lies in what was said before, so there is nothing to point at.
    assert_eq!(
        refused(&mut config, "no interface 1"),
        "error: interface 1 of network 1 does not exist\n  = this line would lead to that, so nothing has been changed\n"
    );
    assert_eq!(
        refused(&mut config, "vrrp { vrid 1 network 2 }"),
        "error: network 2 of vrrp does not exist\n  | vrrp { vrid 1 network 2 }\n  |                       ^\n  = configure network 2 first\n"
    );
    assert_eq!(
        refused(&mut config, "enable target 5"),
        "error: cannot enable target 5: it does not exist\n  | enable target 5\n  |               ^\n"
    );
}

#[test]
fn states_follow_each_other() {
    let mut config = good(NETWORK);
    applied(&mut config, "target 1 ipaddr 10.0.0.11");
    assert_eq!(
        applied(&mut config, "enable target 1"),
        "warning: target 1 was not registered and is now, because it is enabled\n"
    );
    assert!(config.model().expect("model").targets[&1].active);
    assert_eq!(
        applied(&mut config, "unregister target 1"),
        "warning: target 1 was enabled and is now disabled too\n  | unregister target 1\n  |                   ^\n"
    );
    let model = config.model().expect("model");
    assert!(!model.targets[&1].registered && !model.targets[&1].active);
    applied(&mut config, "register target 1");
    assert!(applied(&mut config, "no target 1").contains("target 1 was registered and is removed"));
    assert!(config.model().expect("model").targets.is_empty());
}

#[test]
fn statements_and_elements_of_lists_are_removed() {
    let mut config = good("server 1 { name web port 80 targets 1,2,3 }\nset localdsr 1\nhostname a\n");
    for (line, keyword, left) in [
        ("no server 1 name", "name", None),
        ("no server 1 target 2", "target", Some("1,3")),
        ("no server 1 targets 1,3", "target", None),
    ] {
        applied(&mut config, line);
        assert_eq!(config.value(Kind::Server, 1, keyword).as_deref(), left, "{line}");
    }
    applied(&mut config, "server 1 ports 80,443,8080");
    applied(&mut config, "no server 1 ports 443,8080");
    applied(&mut config, "lgrp 1 de,at,ch");
    applied(&mut config, "no lgrp 1 at");
    assert_eq!(config.value(Kind::Lgrp, 1, "lgrp").as_deref(), Some("de,ch"));
    applied(&mut config, "no lgrp 1 de,ch");
    applied(&mut config, "no set localdsr");
    applied(&mut config, "no hostname");
    assert_eq!(config, good("server 1 port 80"));
    assert!(refused(&mut config, "no server 1 target 9").contains("'9' is not in the list"));
    assert!(refused(&mut config, "no server 7").contains("server 7 does not exist"));
    assert!(refused(&mut config, "no register server 1").contains("its opposite is 'unregister'"));
    assert!(refused(&mut config, "no").contains("for example: no server 1"));
    applied(&mut config, "no server 1");
    applied(&mut config, "no set");
    assert_eq!(config, Config::default());
}

#[test]
fn differences_are_told_in_words() {
    let old = good("hostname a\nserver 1 { port 80 targets 1 }\ntarget 1\ninterface 2 name eth1\n");
    let new = good(
        "server 1 { port 443 name web }\nserver 2\ntarget 1\nset localdsr 1\ninterface 2 name eth1\nregister interface 2\n",
    );
    assert_eq!(
        diff(&old, &new),
        [
            "no hostname, was a",
            "set: localdsr 1",
            "interface 2: registered",
            "server 1: name web",
            "server 1: port 80 -> 443",
            "server 1: no target, was 1",
            "server 2: added",
        ]
    );
    assert_eq!(diff(&good("lgrp 1 de"), &good("lgrp 1 de,at")), ["lgrp 1: de -> de,at"]);
    assert!(diff(&old, &old).is_empty());
    assert!(diff(&new, &old).contains(&"server 2: removed".to_owned()));
}

// Completion.

#[test]
fn words_are_completed_where_the_line_ends() {
    let config = good("server 1 name web\nserver 12\ntarget 1 ipaddr 10.0.0.7\ntarget 2\ntarget 3\n");
    let words = |line: &str| -> Vec<String> { complete(line, &config).into_iter().map(|c| c.word).collect() };
    assert_eq!(words("reg"), ["register"]);
    assert_eq!(words("s"), ["set", "server"]);
    assert_eq!(words("register s"), ["server", "servers"]);
    assert_eq!(words("register servers "), ["1", "12", "<server>[,<server>...]"]);
    assert_eq!(words("server 1"), ["1", "12"]);
    assert_eq!(complete("server ", &config)[0].help, "web");
    assert_eq!(complete("server ", &config)[1].help, "server 12");
    assert_eq!(words("server "), ["1", "12", "<1-512>"]);
    assert_eq!(complete("server 1 targets ", &config)[0].help, "10.0.0.7");
    assert_eq!(words("server 1 targets 1,"), ["1,2", "1,3"]);
    assert_eq!(words("server 1 targets 1,2,3"), ["1,2,3"]);
    assert_eq!(words("server 1 po"), ["port", "ports"]);
    assert_eq!(words("server 1 port "), ["<port>[,<port>...]"]);
    assert_eq!(words("target 1 port "), ["<0-65535>"]);
    assert_eq!(words("target 1 script \"a b\",3,10 dsr e"), ["enable"]);
    assert_eq!(words("lgrp 1 "), ["<name>[,<name>...]"]);
    assert_eq!(words("server 1 method rnd"), ["rndagent", "rndsession", "rndbw"]);
    assert_eq!(words("server 1 protocol "), ["tcp", "udp"]);
    assert_eq!(words("serv 1 prot u"), ["udp"]);
    assert_eq!(words("server 1 { port 80 prot"), ["protocol"]);
    assert!(words("server 1 { port 80 ").contains(&"}".to_owned()));
    assert_eq!(words("set localdsr "), ["0", "1"]);
    assert_eq!(words("modules arp,s"), ["arp,slb"]);
    assert_eq!(words("no server 1 prot"), ["protocol"]);
    assert_eq!(words("target 1 dsr e"), ["enable"]);
    assert_eq!(words("interface 1 name \"et"), [""; 0]);
    assert_eq!(words("nonsense "), [""; 0]);
    assert!(words("").len() > 10 && !words("").contains(&"<".to_owned()));
}

#[test]
fn a_block_of_several_lines_is_completed_like_a_line() {
    let config = good("server 1 name web\ntarget 1\n");
    let words = |line: &str| -> Vec<String> { complete(line, &config).into_iter().map(|c| c.word).collect() };
    assert_eq!(words("target 1 {\n  ipaddr 10.0.0.7\n  po"), ["port"]);
    assert_eq!(words("target 1\n{\n  dsr "), ["enable", "disable"]);
    assert!(!words("target 1 {\n ipaddr 10.0.0.7\n").contains(&"ipaddr".to_owned()));
    assert!(words("target 1 {\n").contains(&"}".to_owned()));
    assert!(words("target 1 {\n // which one?\n dsr enable }\n").contains(&"server".to_owned()));
    assert_eq!(words("hostname a\nregister s"), ["server", "servers"]);
}

#[test]
fn the_end_of_a_line_is_offered_where_it_may_end() {
    let config = good("server 1 name web\nlgrp 1 de\n");
    let ends = |line: &str| complete(line, &config).iter().any(|candidate| candidate.word == "<Enter>");
    for line in [
        "hostname a ",
        "server 1 { port 80 } ",
        "server 1 {\nport 80\n} ",
        "server 1 port 80 ",
        "set localdsr 1 ",
        "vrrp vrid 1 ",
        "lgrp 1 de ",
        "register server 1 ",
        "no server 1 ",
        "no server 1 name ",
        "no server 1 targets ",
    ] {
        assert!(ends(line), "{line}");
    }
    for line in
        ["", "hostname ", "server ", "server 1 {", "server 1 port ", "register ", "register server ", "no "]
    {
        assert!(!ends(line), "{line}");
    }
}

#[test]
fn everything_that_may_be_typed_is_offered_with_a_line_that_explains_it() {
    let config = Config::default();
    let explained = |line: &str, word: &str| {
        let offered = complete(line, &config);
        assert!(offered.iter().all(|candidate| !candidate.help.is_empty()), "{line}: {offered:?}");
        assert!(word.is_empty() || offered.iter().any(|candidate| candidate.word == word), "{line}{word}");
        assert!(!offered.is_empty(), "{line}");
    };
    for statement in STATEMENTS {
        let number = statement.kind.limit().map_or("", |_| "1 ");
        let object = match statement.kind {
            Kind::Top => String::new(),
            kind => format!("{} {number}", kind.keyword()),
        };
        explained("", object.split(' ').next().unwrap_or_default());
        for name in statement.names().filter(|_| !statement.kind.is_one_line()) {
            explained(&object, name);
            explained(&format!("{object}{name} "), "");
        }
    }
    for verb in ["register", "unregister", "enable", "disable", "no"] {
        for kind in Kind::NUMBERED {
            explained(&format!("{verb} "), kind.keyword());
            // What does not exist cannot be removed.
            if verb != "no" {
                explained(&format!("{verb} {} ", kind.keyword()), "");
            }
        }
    }
}

// Nonsense.

#[test]
fn every_truncation_of_every_sample_is_read_without_panic() {
    for (_, text) in samples() {
        for end in 0..text.len() {
            let (config, diagnostics) = Config::parse("f", &text.as_bytes()[..end]);
            let again = Config::parse("f", config.write(&header())).0;
            assert_eq!(again, config, "{}\n{diagnostics}", &text[..end]);
            let _ = complete(&text[..end], &config);
        }
    }
}

#[test]
fn random_words_are_read_without_panic_and_keep_their_meaning() {
    const WORDS: &[&str] = &[
        "server",
        "target",
        "targets",
        "network",
        "interface",
        "vrrp",
        "gateway",
        "set",
        "no",
        "register",
        "enable",
        "unregister",
        "disable",
        "modules",
        "module",
        "remark",
        "hostname",
        "license",
        "vip",
        "1",
        "2",
        "1-3",
        "1,2",
        "0",
        "513",
        "{",
        "}",
        "{",
        "}",
        "\n",
        "\n",
        "\n",
        "\"a b\"",
        "\"",
        "//",
        "port",
        "ipaddr",
        "ipaddr6",
        "10.0.0.1",
        "2001:db8::1",
        "255.255.255.0",
        "mask",
        "mask6",
        "addr",
        "real",
        "virt",
        "ping",
        "2,10",
        "80,2,10",
        "dsr",
        "tcp",
        "protocol",
        "name",
        "eth0",
        "script",
        "\u{1b}",
        "ü",
        "\t",
        "vrid",
        "localdsr",
        "priority",
        "-",
        ",",
    ];
    for start in 0..3000 {
        let mut seed = Seed::new(start);
        let mut text = String::new();
        for _ in 0..seed.below(60) {
            text.push_str(WORDS[seed.below(WORDS.len() as u64) as usize]);
            if seed.below(8) > 0 {
                text.push(' ');
            }
        }
        let (config, diagnostics) = Config::parse("f", &text);
        let written = config.write(&header());
        assert_eq!(Config::parse("f", &written).0, config, "seed {start}\n{text}\n{diagnostics}\n{written}");
        assert!(diagnostics.has_errors() || config.model().is_ok(), "seed {start}\n{text}");
        for line in text.lines() {
            let mut typed = Config::default();
            let _ = typed.apply_line(line);
            typed.model().expect("a typed line leaves a good configuration");
            let _ = complete(line, &typed);
        }
    }
}

#[test]
fn random_bytes_are_read_without_panic() {
    for start in 0..500 {
        let mut seed = Seed::new(start);
        let bytes: Vec<u8> = (0..seed.below(300)).map(|_| seed.next_u64() as u8).collect();
        let _ = Config::parse("f", &bytes).1.to_string();
        let ascii: Vec<u8> = bytes.iter().map(|b| b & 0x7f).filter(|b| *b != 0).collect();
        let _ = Config::parse("f", &ascii).1.to_string();
    }
}

#[test]
fn large_and_deep_texts_are_read_quickly() {
    let once = |text: String, errors: usize| {
        // Only a square of the length would miss this by far, whatever the machine.
        let (_, diagnostics) = Config::parse("f", &text);
        assert_eq!(diagnostics.errors(), errors);
        assert!(diagnostics.to_string().len() < 50_000);
    };
    once("{".repeat(500_000), 1);
    once("}".repeat(500_000), 500_000);
    once("\"\" ".repeat(200_000), 1);
    once("x\n".repeat(300_000), 300_000);
    once(format!("hostname {}", "x".repeat(1_000_000)), 1);
    once("server 1\n\n\n\n".repeat(50_000), 0);
    once(format!("server 1 {{{}}}", " port 1".repeat(100_000)), 0);
    once("register servers 1-512\n".repeat(20_000), 512);
}

#[test]
fn the_largest_configuration_is_read_and_written() {
    let mut text = NETWORK.to_owned();
    text.push_str("modules vrrp,arp,ping,hc,master,slb\n");
    for n in 0..1024 {
        let (high, low) = (n / 256, n % 256);
        text += &format!("target {} {{ ipaddr 10.1.{high}.{low} port 80 protocol tcp ping 3,10 }}\n", n + 1);
    }
    for n in 0..512 {
        let (high, low) = (n / 256, n % 256);
        text +=
            &format!("server {} {{ ipaddr 10.2.{high}.{low} port 80 protocol tcp targets 1-1024 }}\n", n + 1);
    }
    text += "register targets 1-1024\nregister servers 1-512\nenable targets 1-1024\nenable servers 1-512\n";
    let config = good(&text);
    let written = config.write(&header());
    assert_eq!(good(&written), config);
    let model = config.model().expect("model");
    assert_eq!((model.servers.len(), model.targets.len()), (512, 1024));
    assert!(said("server 513").contains("1 to 512") && said("target 1025").contains("1 to 1024"));
}

#[test]
fn ports_of_services_are_no_natports() {
    let read = |line: &str| {
        let (config, diagnostics) = Config::parse("f", line);
        (config.model().expect("a model").tuning.natports.to_string(), diagnostics.to_string())
    };
    for good in ["20000-29999", "1024-65535", "5000,6000-6002"] {
        assert_eq!(read(&format!("set natports {good}\n")), (good.into(), String::new()));
    }
    assert_eq!(read("set natports 0\n"), ("0".into(), String::new()));
    let (_, said) = read("set natports 1000-2000\n");
    assert!(
        said.contains("natports has port 1000, but ports below 1024 belong to services and are left out\n"),
        "{said}"
    );
    let (_, said) = read("set natports 80,443\n");
    assert!(said.contains("left out, so that no connection has a port to come from"), "{said}");
}
