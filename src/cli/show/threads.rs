//! `show threads`

use super::json::Json;
use super::table::{Column, count, or_dash, render as table};

/// What a worker has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Interface that it reads.
    pub interface: u16,
    /// Processor that it stays on; `None` where the system chooses.
    pub cpu: Option<usize>,
    /// Batches of frames received.
    pub batches: u64,
    /// Frames received.
    pub frames: u64,
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Its name, as the system shows it.
    pub name: String,
    /// Processor time in milliseconds since the thread started, when the system says it.
    pub cpu_ms: Option<u64>,
    /// For a worker.
    pub work: Option<Work>,
}

/// One row per thread, the control thread first.
pub fn render(rows: &[ThreadRow]) -> String {
    let columns = [
        Column::Left("thread"),
        Column::Right("if"),
        Column::Right("cpu"),
        Column::Right("cpu-time"),
        Column::Right("batches"),
        Column::Right("frames"),
        Column::Right("frames/batch"),
    ];
    let cells = |row: &ThreadRow| {
        let work = row.work;
        let mean = work.filter(|work| work.batches > 0).map(|w| w.frames as f64 / w.batches as f64);
        vec![
            row.name.clone(),
            or_dash(work.map(|work| work.interface)),
            or_dash(work.and_then(|work| work.cpu)),
            or_dash(row.cpu_ms.map(|ms| format!("{}.{:01} s", ms / 1000, ms % 1000 / 100))),
            or_dash(work.map(|work| count(work.batches))),
            or_dash(work.map(|work| count(work.frames))),
            or_dash(mean.map(|mean| format!("{mean:.1}"))),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per thread.
pub fn json(rows: &[ThreadRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("thread", Json::text(&row.name)),
            ("interface", Json::maybe(row.work, |work| work.interface.into())),
            ("cpu", Json::maybe(row.work.and_then(|work| work.cpu), |cpu| Json::Number(cpu as u64))),
            ("cpu_ms", Json::maybe(row.cpu_ms, Json::from)),
            ("batches", Json::maybe(row.work, |work| work.batches.into())),
            ("frames", Json::maybe(row.work, |work| work.frames.into())),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_thread_has_no_frames() {
        let control = ThreadRow { name: "bng".into(), cpu_ms: Some(1_290), work: None };
        let work = Work { interface: 1, cpu: Some(3), batches: 100, frames: 1_234_500 };
        let worker = ThreadRow { name: "bng-if1".into(), cpu_ms: None, work: Some(work) };
        assert_eq!(
            render(&[control, worker]),
            "  thread  if cpu cpu-time batches frames frames/batch
  ---
  bng      -   -    1.2 s       -      - -
  bng-if1  1   3        -     100  1.23M 12345.0
"
        );
    }
}
