//! Any bytes: decoding them, and encoding what was decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod checks;

fuzz_target!(|data: &[u8]| checks::check(data));
