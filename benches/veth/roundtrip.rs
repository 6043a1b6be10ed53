//! Round trips of one client on an idle link.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::report::{self, median, quantile};
use crate::star::{CLIENT, ECHO, Star};

const ROUNDS: usize = 10;
/// Round trips of each way in each round, after the first few that nobody counts.
const TRIPS: usize = 250;
const WARM_UP: usize = 20;

/// Measures and prints the table.
pub(crate) fn measure(star: &Star) {
    let sockets = Star::ROUNDTRIPS.map(|(_, address)| {
        let socket = star.client.inside(|| UdpSocket::bind((CLIENT, 0)));
        let socket = socket.unwrap_or_else(|e| panic!("{CLIENT}: {e}"));
        socket.connect((address, ECHO)).unwrap_or_else(|e| panic!("{address}: {e}"));
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout above zero");
        socket
    });
    let mut samples = Star::ROUNDTRIPS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((socket, samples), way) in sockets.iter().zip(&mut samples).zip(Star::ROUNDTRIPS) {
            for n in 0..WARM_UP + TRIPS {
                let time = trip(socket, way.0);
                if n >= WARM_UP {
                    samples.push(time.as_secs_f64() * 1e6);
                }
            }
        }
    }
    let direct = median(&samples[0]);
    let rows: Vec<_> = Star::ROUNDTRIPS
        .iter()
        .zip(&samples)
        .map(|((name, _), samples)| {
            let middle = median(samples);
            vec![
                (*name).into(),
                format!("{middle:.1}"),
                format!("{:.1}", quantile(samples, 0.99)),
                format!("{:+.1}", middle - direct),
            ]
        })
        .collect();
    let title = format!("UDP round trip on an idle link, {} samples each, microseconds", ROUNDS * TRIPS);
    report::table(&title, &["through", "median", "p99", "added to direct"], &rows);
}

/// One datagram there and back.
fn trip(socket: &UdpSocket, way: &str) -> Duration {
    let mut buf = [0; 64];
    let start = Instant::now();
    let answer = socket.send(b"how long?").and_then(|_| socket.recv(&mut buf));
    let time = start.elapsed();
    answer.unwrap_or_else(|e| panic!("{way}: {e}"));
    time
}
