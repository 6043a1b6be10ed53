//! The checks as a whole: what is sent, what is made of what comes, and when.

use std::net::Ipv4Addr;

use super::*;
use crate::conf::model::{
    Dns, Gateway, Http, Ports as PortList, Probe, Protocol, Server, Target, Tunnel, Udp,
};
use crate::wire::protocol;
use crate::wire::tcp::flags::{ACK, FIN, PSH, RST, SYN};

fn checks(interval: u64, timeout: u64) -> Checks {
    let target = Target {
        ipaddr: Some([10, 0, 0, 1].into()),
        ping: Some(Probe { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout) }),
        registered: true,
        active: true,
        ..Target::default()
    };
    let model = Model { targets: BTreeMap::from([(1, target)]), ..Model::default() };
    let mut checks = Checks::new(Seed::new(1));
    checks.set(Instant::ZERO, &model);
    checks
}

fn verdict(c: &Checks) -> Verdict {
    c.of(Whose::Target(1)).next().unwrap().1.verdict()
}

fn answer(c: &mut Checks, now: Instant, request: &Request) -> Vec<Checked> {
    let Effect::Echo { ident, sequence } = request.effect else { panic!("{request:?}") };
    c.answered(now, request.checked.addr, ident, sequence).changed
}

/// Takes every probe from `c` until `end`, with the time at which it is sent.
fn probes(c: &mut Checks, end: Instant) -> Vec<(Instant, Request)> {
    let mut sent = Vec::new();
    while let Some(at) = c.deadline().filter(|at| *at <= end) {
        sent.extend(c.due(at).requests.into_iter().map(|request| (at, request)));
    }
    sent
}

#[test]
fn a_target_is_up_at_the_first_answer_and_not_before() {
    let mut c = checks(2, 10);
    let pings = c.due(Instant::ZERO).requests;
    assert_eq!((pings.len(), verdict(&c)), (1, Verdict::Waiting));
    assert_eq!(answer(&mut c, Instant::from_millis(3), &pings[0]), [pings[0].checked]);
    assert_eq!(verdict(&c), Verdict::Passed);
}

#[test]
fn a_silent_target_fails_at_the_timeout_and_not_a_microsecond_before() {
    let mut c = checks(2, 10);
    let pings = c.due(Instant::ZERO).requests;
    answer(&mut c, Instant::from_secs(1), &pings[0]);
    assert!(c.due(Instant::from_micros(10_999_999)).changed.is_empty());
    assert_eq!(c.deadline(), Some(Instant::from_secs(11)));
    assert_eq!(c.due(Instant::from_secs(11)).changed, [pings[0].checked]);
    assert_eq!(verdict(&c), Verdict::Failed);
}

#[test]
fn the_first_probe_leaves_at_once_and_those_behind_the_second_at_the_interval() {
    let mut c = checks(2, 10);
    let sent: Vec<Instant> = probes(&mut c, Instant::from_secs(60)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(sent[0], Instant::ZERO);
    assert!(sent[1] > sent[0] && sent[1] <= Instant::from_secs(2), "{sent:?}");
    assert!(sent[1..].windows(2).all(|w| w[1].since(w[0]) == Duration::from_secs(2)), "{sent:?}");
    assert!((29..=31).contains(&sent.len()));
}

#[test]
fn hundreds_of_checks_begin_within_the_first_moments_and_are_spread_over_the_interval() {
    let probe = Probe { interval: Duration::from_secs(2), timeout: Duration::from_secs(10) };
    let target = |n: u16| Target {
        ipaddr: Some([10, 0, (n >> 8) as u8, n as u8].into()),
        ping: Some(probe),
        registered: true,
        ..Target::default()
    };
    let targets = (1..=500).map(|n| (n, target(n))).collect();
    let mut c = Checks::new(Seed::new(7));
    c.set(Instant::ZERO, &Model { targets, ..Model::default() });
    let sent = probes(&mut c, Instant::from_secs(6));
    let between = |from, to| {
        let (from, to) = (Instant::from_millis(from), Instant::from_millis(to));
        sent.iter().filter(|(at, _)| (from..to).contains(at)).count()
    };
    assert!((500..520).contains(&between(0, 32)), "{}", between(0, 32));
    // Every tenth of a later interval has about a tenth of them, again and again.
    for tenth in 0..10 {
        let count = between(3_000 + 200 * tenth, 3_200 + 200 * tenth);
        assert!((25..=75).contains(&count), "{count} in tenth {tenth}");
    }
    let most = (0..2_000).map(|ms| between(3_000 + ms, 3_001 + ms)).max();
    assert!(most < Some(6), "{most:?} in one millisecond");
}

#[test]
fn answers_to_somebody_elses_ping_do_not_count() {
    let mut c = checks(2, 10);
    let ping = c.due(Instant::ZERO).requests.remove(0);
    let Effect::Echo { ident, sequence } = ping.effect else { panic!("{ping:?}") };
    let addr = ping.checked.addr;
    assert_eq!(c.answered(Instant::ZERO, addr, ident ^ 1, sequence), News::default());
    assert_eq!(c.answered(Instant::ZERO, addr, ident, 9), News::default());
    assert_eq!(verdict(&c), Verdict::Waiting);
}

#[test]
fn an_answer_counts_until_the_timeout_even_when_later_probes_have_left() {
    let mut c = checks(2, 10);
    let first = c.due(Instant::ZERO).requests.remove(0);
    assert!(probes(&mut c, Instant::from_secs(9)).len() >= 4);
    assert_eq!(answer(&mut c, Instant::from_micros(9_999_999), &first), [first.checked]);
    let late = c.of(Whose::Target(1)).next().unwrap().1.round_trip();
    assert_eq!(late, Some(Duration::from_micros(9_999_999)));
    let mut c = checks(2, 10);
    let first = c.due(Instant::ZERO).requests.remove(0);
    probes(&mut c, Instant::from_secs(10));
    assert!(answer(&mut c, Instant::from_secs(10), &first).is_empty());
}

#[test]
fn a_failed_target_comes_back_with_the_next_answer() {
    let mut c = checks(2, 10);
    let sent = probes(&mut c, Instant::from_secs(20));
    assert_eq!(verdict(&c), Verdict::Failed);
    let (at, ping) = sent.last().unwrap();
    assert_eq!(answer(&mut c, *at, ping), [ping.checked]);
    assert_eq!(verdict(&c), Verdict::Passed);
}

#[test]
fn an_arp_check_of_the_gateway_passes_by_what_its_station_says_and_fails_without() {
    let probe = |interval, timeout| {
        Some(Probe { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout) })
    };
    let ipaddr = Some([10, 0, 0, 1].into());
    let gateway = Gateway { ipaddr, ping: probe(2, 5), arp: probe(1, 3), ..Gateway::default() };
    let mut c = Checks::new(Seed::new(1));
    c.set(Instant::ZERO, &Model { gateway: Some(gateway), ..Model::default() });
    let requests = c.due(Instant::ZERO).requests;
    assert_eq!(requests.iter().map(|r| r.checked.how).collect::<Vec<_>>(), [How::Echo, How::Arp]);
    let addr = requests[0].checked.addr;
    assert_eq!(c.heard(Instant::from_secs(1), addr).changed, [requests[1].checked]);
    assert!(c.heard(Instant::from_secs(1), addr).changed.is_empty());
    let verdicts = |c: &Checks| c.of(Whose::Gateway).map(|(_, c)| c.verdict()).collect::<Vec<_>>();
    assert_eq!(verdicts(&c), [Verdict::Waiting, Verdict::Passed]);
    assert_eq!(c.due(Instant::from_secs(4)).changed, [requests[1].checked]);
    assert_eq!(c.due(Instant::from_secs(5)).changed, [requests[0].checked]);
    assert_eq!(verdicts(&c), [Verdict::Failed, Verdict::Failed]);
}

const PROBE: Probe = Probe { interval: Duration::from_secs(1), timeout: Duration::from_secs(3) };
const ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// The checks of one target, which `change` completes.
fn of_target(change: impl FnOnce(&mut Target)) -> Checks {
    let mut target = Target { ipaddr: Some(ADDR), registered: true, active: true, ..Target::default() };
    change(&mut target);
    let mut checks = Checks::new(Seed::new(1));
    checks.set(Instant::ZERO, &Model { targets: BTreeMap::from([(1, target)]), ..Model::default() });
    checks
}

fn http(status: &[u16]) -> Checks {
    let status = PortList::new(status);
    let http = Http { port: 8080, probe: PROBE, path: "/health".to_owned(), host: None, status };
    of_target(|target| target.http = Some(http))
}

fn check(c: &Checks) -> &Check {
    c.of(Whose::Target(1)).next().expect("a check").1
}

fn trouble(c: &Checks) -> String {
    let (checked, check) = c.of(Whose::Target(1)).next().expect("a check");
    check.trouble(checked, None)
}

fn segments(news: News) -> Vec<Segment> {
    let of = |request: Request| match request.effect {
        Effect::Segment(segment) => segment,
        other => panic!("{other:?}"),
    };
    news.requests.into_iter().map(of).collect()
}

/// The first segment that leaves from `at` on, with the time.
fn syn(c: &mut Checks, mut at: Instant) -> (Instant, Segment) {
    loop {
        at = at.max(c.deadline().expect("a deadline"));
        if let Some(segment) = segments(c.due(at)).pop() {
            return (at, segment);
        }
    }
}

/// The segment that answers `to`, with these control bits and data.
fn reply(to: &Segment, seq: u32, flags: u8, data: &[u8]) -> Segment {
    let length = to.data.len() as u32 + u32::from(to.flags & SYN != 0);
    let ack = to.seq.wrapping_add(length);
    Segment { from: to.to, to: to.from, seq, ack, flags, window: 1_000, mss: None, data: data.to_vec() }
}

fn give_from(c: &mut Checks, now: Instant, from: Addr, segment: Segment) -> News {
    let flow = Flow { proto: protocol::TCP, local: segment.to, remote: segment.from };
    c.received(now, from, flow, &Input::Segment(segment))
}

fn give(c: &mut Checks, now: Instant, segment: Segment) -> Vec<Segment> {
    segments(give_from(c, now, ADDR.into(), segment))
}

#[test]
fn a_connection_that_opens_passes_and_is_reset_and_leaves_no_port_behind() {
    let mut c = of_target(|target| target.tcpopen = Some((80, PROBE)));
    let (at, first) = syn(&mut c, Instant::ZERO);
    assert_eq!((first.to, first.flags, first.ack, first.mss), (80, SYN, 0, Some(536)));
    assert!(c.asking().of(protocol::TCP).unwrap().is_claimed(first.from));
    let answer = give(&mut c, at + Duration::from_micros(700), reply(&first, 1_000, SYN | ACK, b""));
    let told: Vec<_> = answer.iter().map(|s| (s.flags, s.seq.wrapping_sub(first.seq), s.ack)).collect();
    assert_eq!(told, [(ACK, 1, 1_001), (RST | ACK, 1, 1_001)]);
    assert_eq!(check(&c).round_trip(), Some(Duration::from_micros(700)));
    assert_eq!((verdict(&c), c.asking().used()), (Verdict::Passed, [0, 0, 0]));
    // The next one has another port and another number.
    let (_, second) = syn(&mut c, at);
    assert!(second.from != first.from && second.seq != first.seq);
}

#[test]
fn a_refused_connection_is_told_at_once_and_decides_at_the_timeout() {
    let mut c = of_target(|target| target.tcpopen = Some((80, PROBE)));
    let (at, first) = syn(&mut c, Instant::ZERO);
    give(&mut c, at, reply(&first, 0, SYN | ACK, b""));
    let down = at + PROBE.timeout;
    while let Some(next) = c.deadline().filter(|next| *next < down) {
        for segment in segments(c.due(next)) {
            assert_eq!(give(&mut c, next, reply(&segment, 0, RST | ACK, b"")), []);
            assert_eq!(check(&c).failure(), Some(&Failure::Refused));
        }
    }
    assert!(c.due(Instant::from_micros(down.micros() - 1)).changed.is_empty());
    assert_eq!(c.due(down).changed.len(), 1);
    assert_eq!(trouble(&c), "tcpopen of 10.0.0.1:80 is refused");
    let (at, again) = syn(&mut c, down);
    give(&mut c, at, reply(&again, 0, SYN | ACK, b""));
    assert_eq!(verdict(&c), Verdict::Passed);
}

#[test]
fn a_wrong_acknowledgment_is_reset_and_the_right_one_still_counts() {
    let mut c = of_target(|target| target.tcpopen = Some((80, PROBE)));
    let (at, first) = syn(&mut c, Instant::ZERO);
    for flags in [SYN | ACK, ACK] {
        let wrong = Segment { ack: 77, ..reply(&first, 5, flags, b"") };
        let resets = give(&mut c, at, wrong);
        assert_eq!((resets.len(), resets[0].flags, resets[0].seq), (1, RST, 77));
    }
    // A reset that nobody who saw the SYN has sent.
    assert_eq!(give(&mut c, at, Segment { ack: 77, ..reply(&first, 5, RST | ACK, b"") }), []);
    assert_eq!(give(&mut c, at, reply(&first, 5, RST, b"")), []);
    assert_eq!(verdict(&c), Verdict::Waiting);
    let copy = c.due(at + PROBE.timeout);
    assert_eq!(copy.changed.len(), 1);
    assert_eq!(
        trouble(&c),
        "no answer to tcpopen of 10.0.0.1:80 for 3 s: it acknowledges what was never sent"
    );
    let (at, second) = syn(&mut c, at + PROBE.timeout);
    assert_eq!(give(&mut c, at, reply(&second, 5, SYN | ACK, b"")).len(), 2);
}

#[test]
fn a_syn_is_repeated_and_a_connection_that_does_not_open_ends_at_the_timeout() {
    let probe = Probe { interval: Duration::from_secs(5), timeout: Duration::from_secs(12) };
    let mut c = of_target(|target| target.tcpopen = Some((80, probe)));
    let (_, first) = syn(&mut c, Instant::ZERO);
    let sent: Vec<(Instant, Segment)> = probes(&mut c, Instant::from_secs(40))
        .into_iter()
        .map(|(at, request)| match request.effect {
            Effect::Segment(segment) => (at, segment),
            other => panic!("{other:?}"),
        })
        .collect();
    let same = sent.iter().take_while(|(_, s)| s.from == first.from).count();
    assert!((3..=9).contains(&same), "{sent:?}");
    assert!(sent[..same].iter().all(|(at, s)| s.seq == first.seq && *at < Instant::from_secs(17)));
    let same_port = sent.windows(2).filter(|w| w[0].1.from == w[1].1.from);
    let gaps: Vec<Duration> = same_port.map(|w| w[1].0.since(w[0].0)).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(500)), "{gaps:?}");
    assert_eq!(c.asking().used(), [1, 0, 0], "one port at a time");
}

#[test]
fn an_answer_by_http_passes_with_an_expected_status_and_fails_with_another() {
    for (status, expected) in [("200 OK", Ok(())), ("503 Service Unavailable", Err("status 503"))] {
        let mut c = http(&[200, 204]);
        let (at, first) = syn(&mut c, Instant::ZERO);
        let request = give(&mut c, at, reply(&first, 100, SYN | ACK, b""));
        assert_eq!(request.len(), 1);
        let text = String::from_utf8(request[0].data.clone()).unwrap();
        assert!(text.starts_with("GET /health HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n"), "{text}");
        assert!(text.ends_with("Connection: close\r\n\r\n"), "{text}");
        assert_eq!(request[0].flags, PSH | ACK);
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let end = give(&mut c, at, reply(&request[0], 101, ACK | PSH, answer.as_bytes()));
        assert_eq!(end.last().map(|s| s.flags), Some(RST | ACK));
        assert_eq!(c.asking().used(), [0, 0, 0]);
        match expected {
            Ok(()) => assert_eq!(verdict(&c), Verdict::Passed),
            Err(text) => {
                assert_eq!(check(&c).failure(), Some(&Failure::Wrong(text.to_owned())));
                c.due(at + PROBE.timeout);
                assert_eq!(trouble(&c), format!("http of 10.0.0.1:8080: {text}"));
            }
        }
    }
}

#[test]
fn an_answer_in_pieces_is_put_together_in_order() {
    let mut c = http(&[200]);
    let (at, first) = syn(&mut c, Instant::ZERO);
    let request = give(&mut c, at, reply(&first, 100, SYN | ACK, b"")).remove(0);
    // The second piece first: it is asked for what is missing.
    let asked = give(&mut c, at, reply(&request, 105, ACK, b"1.1 20"));
    assert_eq!(asked.iter().map(|s| (s.flags, s.ack)).collect::<Vec<_>>(), [(ACK, 101)]);
    assert_eq!(give(&mut c, at, reply(&request, 101, ACK, b"HTTP")).last().map(|s| s.ack), Some(105));
    // What has come before is skipped.
    assert_eq!(give(&mut c, at, reply(&request, 103, ACK, b"TP/1.1 ")).last().map(|s| s.ack), Some(110));
    assert_eq!(verdict(&c), Verdict::Waiting);
    give(&mut c, at, reply(&request, 110, ACK, b"200 "));
    assert_eq!(verdict(&c), Verdict::Passed);
}

#[test]
fn what_is_no_answer_by_http_fails_with_its_reason_and_takes_bounded_memory() {
    let wrong = |flags: u8, data: &[u8]| {
        let mut c = http(&[200]);
        let (at, first) = syn(&mut c, Instant::ZERO);
        let request = give(&mut c, at, reply(&first, 100, SYN | ACK, b"")).remove(0);
        give(&mut c, at, reply(&request, 101, flags, data));
        check(&c).failure().map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(wrong(ACK, b"SSH-2.0-OpenSSH"), "the answer is not HTTP");
    assert_eq!(wrong(ACK | FIN, b""), "the connection was closed without an answer");
    assert_eq!(wrong(ACK | FIN, b"HTTP/1.1"), "the connection was closed within the answer");
    assert_eq!(wrong(RST | ACK, b""), "the connection was reset before an answer");
    // A header of an interim answer that never ends.
    let mut c = http(&[200]);
    let (at, first) = syn(&mut c, Instant::ZERO);
    let request = give(&mut c, at, reply(&first, 100, SYN | ACK, b"")).remove(0);
    let mut seq = 101;
    for piece in [b"HTTP/1.1 100 Continue\r\nX: ".to_vec()].into_iter().chain(vec![vec![b'x'; 500]; 9]) {
        give(&mut c, at, reply(&request, seq, ACK, &piece));
        seq += piece.len() as u32;
    }
    assert_eq!(
        check(&c).failure().map(ToString::to_string),
        Some("no status in the first 4096 bytes".into())
    );
    assert_eq!(c.asking().used(), [0, 0, 0]);
}

#[test]
fn a_closed_window_is_waited_on_and_probed() {
    let mut c = http(&[200]);
    let (at, first) = syn(&mut c, Instant::ZERO);
    let shut = Segment { window: 0, ..reply(&first, 100, SYN | ACK, b"") };
    assert_eq!(give(&mut c, at, shut).iter().map(|s| s.data.len()).sum::<usize>(), 0);
    let (later, probe) = syn(&mut c, at);
    assert!(later > at && probe.data.len() == 1, "{probe:?}");
    let news = c.due(at + PROBE.timeout);
    assert_eq!(news.changed.len(), 1);
    assert!(trouble(&c).ends_with("the connection opens, but its window stays closed"), "{}", trouble(&c));
    // It opens: all of the request follows.
    let mut c = http(&[200]);
    let (at, first) = syn(&mut c, Instant::ZERO);
    give(&mut c, at, Segment { window: 0, ..reply(&first, 100, SYN | ACK, b"") });
    let open = give(&mut c, at, Segment { seq: 101, ..reply(&first, 101, ACK, b"") });
    assert!(open[0].data.starts_with(b"GET /health"));
}

fn udp(send: &[u8], expect: &[u8]) -> Checks {
    let udp = Udp { port: 7, probe: PROBE, send: send.to_vec(), expect: expect.to_vec() };
    of_target(|target| target.udp = Some(udp))
}

fn datagram(c: &mut Checks, at: Instant) -> (u16, Vec<u8>) {
    match c.due(at).requests.remove(0).effect {
        Effect::Datagram { from, to: 7, data } => (from, data),
        other => panic!("{other:?}"),
    }
}

fn answer_from(c: &mut Checks, now: Instant, from: Addr, port: u16, data: &[u8]) {
    let flow = Flow { proto: protocol::UDP, local: port, remote: 7 };
    c.received(now, from, flow, &Input::Datagram { from: 7, to: port, data: data.to_vec() });
}

#[test]
fn a_datagram_is_answered_by_what_contains_the_expected_bytes() {
    for (expect, answer, expected) in [
        (&b""[..], &b"anything"[..], Verdict::Passed),
        (b"PONG", b"+PONG\r\n", Verdict::Passed),
        (b"PONG", b"-ERR", Verdict::Failed),
    ] {
        let mut c = udp(b"PING\0", expect);
        let (port, data) = datagram(&mut c, Instant::ZERO);
        assert_eq!(data, b"PING\0");
        answer_from(&mut c, ms(1), ADDR.into(), port, answer);
        c.due(Instant::from_secs(3));
        assert_eq!(verdict(&c), if expected == Verdict::Passed { Verdict::Passed } else { Verdict::Failed });
        if expected == Verdict::Failed {
            c.due(Instant::from_secs(3));
            assert!(trouble(&c).contains("udp of 10.0.0.1:7"), "{}", trouble(&c));
        }
    }
}

#[test]
fn messages_of_others_explain_silence_and_decide_nothing() {
    let other: Addr = Ipv4Addr::new(10, 0, 0, 9).into();
    let mut c = udp(b"", b"");
    let (port, _) = datagram(&mut c, Instant::ZERO);
    answer_from(&mut c, ms(1), other, port, b"x");
    assert_eq!((verdict(&c), check(&c).counts().strays), (Verdict::Waiting, 1));
    // An error that quotes a packet that was never sent counts for nothing.
    for flow in [
        Flow { proto: protocol::UDP, local: port, remote: 8 },
        Flow { proto: protocol::UDP, local: port ^ 1, remote: 7 },
        Flow { proto: protocol::TCP, local: port, remote: 7 },
    ] {
        c.refused(ADDR.into(), flow, other, "ICMP port unreachable");
    }
    assert_eq!(check(&c).counts().strays, 1);
    let flow = Flow { proto: protocol::UDP, local: port, remote: 7 };
    c.refused(ADDR.into(), flow, ADDR.into(), "ICMP port unreachable");
    assert_eq!(check(&c).counts().strays, 2);
    // The answer comes all the same.
    answer_from(&mut c, ms(2), ADDR.into(), port, b"x");
    assert_eq!((verdict(&c), check(&c).failure()), (Verdict::Passed, None));
    // Without one, the error is the reason.
    let mut c = udp(b"", b"");
    let (port, _) = datagram(&mut c, Instant::ZERO);
    let flow = Flow { proto: protocol::UDP, local: port, remote: 7 };
    c.refused(ADDR.into(), flow, other, "ICMP host unreachable");
    c.due(Instant::from_secs(3));
    assert_eq!(trouble(&c), "udp of 10.0.0.1:7: 10.0.0.9 says ICMP host unreachable");
}

#[test]
fn what_answers_no_question_explains_silence_and_decides_nothing() {
    let agent = || of_target(|target| target.agent = Some((7, PROBE)));
    let dns = || {
        let dns = Dns { port: 7, probe: PROBE, name: "example.org".into(), kind: 1, rcode: None };
        of_target(|target| target.dns = Some(dns))
    };
    // Nothing, too short, much too long, and the question itself with another number.
    let lies = |asked: &[u8]| -> [Vec<u8>; 4] {
        [vec![], vec![0; 3], vec![0xc0; 1_472], asked.iter().map(|byte| !byte).collect()]
    };
    for (word, make) in [("agent", &agent as &dyn Fn() -> Checks), ("dns", &dns)] {
        let mut c = make();
        let (port, asked) = datagram(&mut c, Instant::ZERO);
        for n in 0..1_000 {
            answer_from(&mut c, ms(1), ADDR.into(), port, &lies(&asked)[n % 4]);
        }
        assert_eq!((verdict(&c), check(&c).counts().strays), (Verdict::Waiting, 1_000), "{word}");
        assert_eq!(c.asking().used().iter().sum::<u32>(), 1, "{word}: the question stays open");
        c.due(Instant::from_secs(3));
        assert_eq!(verdict(&c), Verdict::Failed);
        assert_eq!(trouble(&c), format!("{word} of 10.0.0.1:7: what it sends is no answer to the question"));
    }
    // The right answer counts, whatever came before it.
    let mut c = dns();
    let (port, mut asked) = datagram(&mut c, Instant::ZERO);
    answer_from(&mut c, ms(1), ADDR.into(), port, b"nonsense");
    asked[2] |= 0x80;
    answer_from(&mut c, ms(2), ADDR.into(), port, &asked);
    assert_eq!((verdict(&c), check(&c).failure()), (Verdict::Passed, None));
}

#[test]
fn a_target_that_was_down_comes_up_with_so_many_good_answers_in_a_row() {
    let mut c = of_target(|target| {
        target.udp = Some(Udp { port: 7, probe: PROBE, send: vec![], expect: vec![] });
        (target.rise, target.fall) = (3, 1);
    });
    let mut at = Instant::ZERO;
    let mut step = |c: &mut Checks, good: bool| {
        // One probe, answered or not.
        loop {
            at = c.deadline().expect("a deadline");
            let requests = c.due(at).requests;
            let Some(Request { effect: Effect::Datagram { from, .. }, .. }) = requests.first() else {
                continue;
            };
            if good {
                answer_from(c, at, ADDR.into(), *from, b"x");
            }
            return verdict(c);
        }
    };
    assert_eq!(step(&mut c, true), Verdict::Passed, "the first answer of all is enough");
    while step(&mut c, false) == Verdict::Passed {}
    assert_eq!([step(&mut c, true), step(&mut c, true), step(&mut c, false)], [Verdict::Failed; 3]);
    assert_eq!([step(&mut c, true), step(&mut c, true)], [Verdict::Failed; 2]);
    assert_eq!(check(&c).rising(), Some((2, 3)));
    assert_eq!(step(&mut c, true), Verdict::Passed);
}

#[test]
fn a_target_goes_down_only_after_so_many_failed_probes_beside_its_timeout() {
    let down_with = |fall: u32| {
        let mut c = of_target(|target| {
            target.tcpopen = Some((80, PROBE));
            target.fall = fall;
        });
        let (at, first) = syn(&mut c, Instant::ZERO);
        give(&mut c, at, reply(&first, 0, SYN | ACK, b""));
        let mut probes = 0;
        loop {
            let at = c.deadline().expect("a deadline");
            let news = c.due(at);
            if !news.changed.is_empty() {
                return (at, probes);
            }
            for segment in segments(news) {
                probes += 1;
                if !give_from(&mut c, at, ADDR.into(), reply(&segment, 0, RST | ACK, b"")).changed.is_empty()
                {
                    return (at, probes);
                }
            }
        }
    };
    assert_eq!(down_with(1).0, Instant::from_secs(3));
    let (at, probes) = down_with(6);
    assert!(at > Instant::from_secs(4) && at <= Instant::from_secs(6) && probes == 6, "{at:?} {probes}");
}

fn through(target: Target, servers: &[Server]) -> Vec<String> {
    let servers = servers.iter().enumerate().map(|(n, server)| (n as u16 + 1, server.clone())).collect();
    let targets = BTreeMap::from([(1, target)]);
    let mut c = Checks::new(Seed::new(1));
    c.set(Instant::ZERO, &Model { targets, servers, ..Model::default() });
    c.of(Whose::Target(1)).filter(|(checked, _)| checked.through.is_some()).map(|(c, _)| c.label()).collect()
}

#[test]
fn a_target_with_direct_server_return_is_checked_through_every_address_that_it_serves() {
    let target = Target {
        ipaddr: Some(ADDR),
        ipaddr6: Some("2001:db8::1".parse().unwrap()),
        tcpopen: Some((22, PROBE)),
        tcpopen6: Some((22, PROBE)),
        dns: Some(Dns { port: 53, probe: PROBE, name: ".".into(), kind: 2, rcode: None }),
        dsr: true,
        registered: true,
        ..Target::default()
    };
    let server = |last: u8, ports: &[u16], protocol| Server {
        ipaddr: Some([10, 1, 0, last].into()),
        ports: PortList::new(ports),
        protocol,
        targets: vec![1],
        registered: true,
        ..Server::default()
    };
    let web = Server {
        ipaddr6: Some("2001:db8::100".parse().unwrap()),
        ..server(100, &[80, 443], Some(Protocol::Tcp))
    };
    let names = server(53, &[53], Some(Protocol::Udp));
    let any = server(100, &[0], None);
    let other = Server { targets: vec![2], ..server(9, &[80], None) };
    let idle = Server { registered: false, ..server(8, &[80], None) };
    let servers = [web, names, any, other, idle];
    let expected = [
        "tcpopen 10.1.0.100:22",
        "tcpopen 10.1.0.100:80",
        "tcpopen 10.1.0.100:443",
        "dns 10.1.0.53:53",
        "dns 10.1.0.100:53",
        "tcpopen6 [2001:db8::100]:80",
        "tcpopen6 [2001:db8::100]:443",
    ];
    assert_eq!(through(target.clone(), &servers), expected);
    let own = Target { check_vip: Some(false), ..target.clone() };
    assert_eq!(through(own, &servers), [""; 0]);
    let translated = Target { dsr: false, ..target.clone() };
    assert_eq!(through(translated, &servers), [""; 0]);
    // A tunnel to the IPv4 address carries IPv6 too.
    let tunnel =
        Target { dsr: false, tunnel: Some(Tunnel::Ipip), ipaddr6: None, dns: None, ..target.clone() };
    assert_eq!(through(tunnel, &servers[..1]).len(), 4);
    // Many ports are bounded.
    let all: Vec<u16> = (1..=200).collect();
    assert_eq!(through(Target { dns: None, ..target }, &[server(100, &all, None)]).len(), 16);
}

#[test]
fn a_check_through_a_virtual_address_says_which_of_the_two_has_failed() {
    let target = Target {
        ipaddr: Some(ADDR),
        tcpopen: Some((80, PROBE)),
        dsr: true,
        registered: true,
        ..Target::default()
    };
    let server = Server {
        ipaddr: Some([10, 1, 0, 100].into()),
        ports: PortList::new(&[80]),
        targets: vec![1],
        registered: true,
        ..Server::default()
    };
    let mut c = Checks::new(Seed::new(1));
    let (targets, servers) = (BTreeMap::from([(1, target)]), BTreeMap::from([(1, server)]));
    c.set(Instant::ZERO, &Model { targets, servers, ..Model::default() });
    c.due(Instant::ZERO);
    c.due(Instant::from_secs(3));
    let (checked, check) = c.of(Whose::Target(1)).last().expect("the one through the virtual address");
    assert_eq!(checked.to_string(), "tcpopen of 10.1.0.100:80 at 10.0.0.1");
    assert_eq!(
        check.trouble(checked, Some(true)),
        "no answer to tcpopen of 10.1.0.100:80 at 10.0.0.1 for 3 s (it answers at its own address, but not for \
         10.1.0.100:80: is 10.1.0.100 on its loopback interface, and no firewall in front of it?)"
    );
    assert_eq!(
        check.trouble(checked, Some(false)),
        "no answer to tcpopen of 10.1.0.100:80 at 10.0.0.1 for 3 s"
    );
}
