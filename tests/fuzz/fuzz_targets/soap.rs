//! Feeds libFuzzer's bytes to `soap`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exgate_fuzz::soap(bytes));
