//! Feeds libFuzzer's bytes to `arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exgate_fuzz::arguments(bytes));
