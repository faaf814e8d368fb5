//! Feeds libFuzzer's bytes to `fragments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exgate_fuzz::fragments(bytes));
