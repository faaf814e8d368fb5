//! Feeds libFuzzer's bytes to `clixml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exgate_fuzz::clixml(bytes));
