//! Medians, and tables that can be pasted into BENCHMARKS.md.

use std::fs;

/// Prints command, kernel, processor, and how busy the machine is with other things: a share of a processor that
/// others take is missing in every figure.
pub(crate) fn heading() {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<_> =
        cpus.lines().filter_map(|l| l.strip_prefix("model name")?.split(": ").nth(1)).collect();
    println!(
        "`make bench`, Linux {}, {} x {}",
        kernel.trim(),
        models.len(),
        models.first().unwrap_or(&"unknown")
    );
}

/// Prints a table in Markdown: a heading of its own, then rows of cells.
pub(crate) fn table(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n");
    println!("| {} |", columns.join(" | "));
    println!("| --- |{}", " ---: |".repeat(columns.len() - 1));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// The value that `share` (0 to 1) of the values do not exceed; 0.5 is the median.
///
/// # Panics
/// Without values.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The middle value.
///
/// # Panics
/// Without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}
