//! Feeds libFuzzer's bytes to `messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exgate_fuzz::messages(bytes));
