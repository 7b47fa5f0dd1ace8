//! The image is not larger than its board has room for. How much of the stack is used is measured in `firmware_inputs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::collections::BTreeMap;
use std::path::Path;
use vigil_tests::board::image;

/// Bytes: 160 KB of the 256 KB flash, 36 KB of the 64 KB RAM.
const FLASH_MAX: u64 = 163_840;
const RAM_MAX: u64 = 36_864;

#[test]
fn the_image_leaves_its_board_the_room_that_was_promised() {
    if let Err(missing) = image() {
        eprintln!("SKIPPED: {missing}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let size = std::fs::read_to_string(root.join("target/firmware/lm3s6965evb.size"));
    let size = size.expect("firmware/build.sh writes it");
    let fields: Vec<&str> = size.trim().split(',').collect();
    let [kind, text, data, bss] = fields[..] else {
        panic!("{size}")
    };
    let bytes = |field: &str| field.parse::<u64>().expect("a number of bytes");
    let (flash, ram) = (bytes(text) + bytes(data), bytes(data) + bytes(bss));
    let limits = std::fs::read_to_string(root.join("firmware/boards/lm3s6965evb/limits")).unwrap();
    let limits: BTreeMap<&str, u64> = limits
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, limit)| (name, bytes(limit)))
        .collect();
    assert!(limits["FLASH_MAX"] <= FLASH_MAX && limits["RAM_MAX"] <= RAM_MAX);
    // rustup's core is built for speed.
    let flash_max = if kind == "build-std" {
        FLASH_MAX
    } else {
        limits["FLASH_MAX_RUSTUP"]
    };
    eprintln!("MEASURED image ({kind}): {flash} bytes of flash, {ram} of RAM before it runs");
    assert!(flash > 100_000 && flash <= flash_max, "{flash}");
    assert!(ram > 10_000 && ram <= RAM_MAX, "{ram}");
}
