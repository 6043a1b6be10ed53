//! Any bytes as a DNS query.
#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
#[allow(dead_code, reason = "the other targets are binaries of their own")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::query(data));
