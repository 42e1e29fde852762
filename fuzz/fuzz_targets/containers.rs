#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crmgate_fuzz::containers::containers(data));
