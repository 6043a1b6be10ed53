//! One TCP stream from client to server, offloads as veth has them by default.

use crate::report::{self, median, quantile};
use crate::star::Star;

const ROUNDS: usize = 5;
/// Seconds of one stream.
const SPAN: u32 = 2;

/// Measures and prints the table.
pub(crate) fn measure(star: &Star) {
    let mut rates = Star::STREAMS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (rates, (_, address)) in rates.iter_mut().zip(Star::STREAMS) {
            rates.push(upload(star, address));
        }
    }
    let direct = median(&rates[0]);
    let rows: Vec<_> = Star::STREAMS
        .iter()
        .zip(&rates)
        .map(|((name, _), rates)| {
            let middle = median(rates);
            vec![
                (*name).into(),
                format!("{middle:.2}"),
                format!("{:.2}", quantile(rates, 0.0)),
                format!("{:.2}", quantile(rates, 1.0)),
                format!("{:.2}", middle / direct),
            ]
        })
        .collect();
    let title =
        format!("One TCP stream, client to server, {ROUNDS} rounds of {SPAN} s, default offloads, Gbit/s");
    report::table(&title, &["through", "median", "lowest", "highest", "of direct"], &rows);
}

/// Gbit/s that arrived.
fn upload(star: &Star, address: &str) -> f64 {
    let report = star.client.run(&format!("iperf3 -J -c {address} -t {SPAN} -O 0.5"));
    let received =
        report.split("\"sum_received\"").nth(1).and_then(|r| r.split("\"bits_per_second\":").nth(1));
    let rate = received.and_then(|r| r.split([',', '}']).next()?.trim().parse::<f64>().ok());
    rate.unwrap_or_else(|| panic!("no rate in:\n{report}")) / 1e9
}
