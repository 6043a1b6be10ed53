//! What `ping` prints.

use crate::director::ping::{Report, WAIT};

/// One line for each request, and what they come to.
pub fn render(report: &Report) -> String {
    let Report { to, from, interface, device, answers, .. } = report;
    let through = report.through.map_or(String::new(), |gateway| format!(", through the gateway {gateway}"));
    let mut text = format!("  ping {to} from {from}, interface {interface} ({device}){through}\n");
    let mut times = Vec::new();
    for (number, answer) in (1..).zip(answers) {
        text.push_str(&match answer {
            Some(time) => format!("  {number}: answer in {:.3} ms\n", time.as_secs_f64() * 1e3),
            None => format!("  {number}: no answer within {} s\n", WAIT.as_secs()),
        });
        times.extend(answer.map(|time| time.as_secs_f64() * 1e3));
    }
    if let Some(why) = &report.ended {
        text.push_str(&format!("  {why}\n"));
    }
    if !answers.is_empty() {
        let (sent, answered) = (answers.len(), times.len());
        text.push_str(&format!("  {sent} sent, {answered} answered, {} lost", sent - answered));
        if answered > 0 {
            let least = times.iter().copied().fold(f64::INFINITY, f64::min);
            let most = times.iter().copied().fold(0.0, f64::max);
            let mean = times.iter().sum::<f64>() / answered as f64;
            text.push_str(&format!("; min {least:.3}, mean {mean:.3}, max {most:.3} ms"));
        }
        text.push('\n');
    }
    text
}

/// Whether there was an answer at all.
pub fn answered(report: &Report) -> bool {
    report.answers.iter().any(Option::is_some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn report(answers: &[Option<u64>]) -> Report {
        Report {
            number: 1,
            to: "10.1.0.11".parse().unwrap(),
            from: "10.1.0.1".parse().unwrap(),
            interface: 1,
            device: "eth0".into(),
            through: None,
            answers: answers.iter().map(|micros| micros.map(Duration::from_micros)).collect(),
            ended: None,
        }
    }

    #[test]
    fn answers_and_losses_are_told_and_summed_up() {
        let some = report(&[Some(200), None, Some(400)]);
        assert_eq!(
            render(&some),
            "  ping 10.1.0.11 from 10.1.0.1, interface 1 (eth0)
  1: answer in 0.200 ms
  2: no answer within 1 s
  3: answer in 0.400 ms
  3 sent, 2 answered, 1 lost; min 0.200, mean 0.300, max 0.400 ms
"
        );
        assert!(answered(&some));
    }

    #[test]
    fn nothing_sent_is_told_with_the_reason() {
        let ended = Some("10.1.0.11 does not answer ARP".into());
        let through = Some("10.1.0.254".parse().unwrap());
        let silent = Report { ended, through, ..report(&[]) };
        assert_eq!(
            render(&silent),
            "  ping 10.1.0.11 from 10.1.0.1, interface 1 (eth0), through the gateway 10.1.0.254
  10.1.0.11 does not answer ARP
"
        );
        assert!(!answered(&silent));
        assert!(render(&report(&[None])).ends_with("  1 sent, 0 answered, 1 lost\n"));
    }
}
