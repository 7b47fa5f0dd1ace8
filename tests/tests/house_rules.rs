//! The rules of the house, as code: who may import whom, what may not be written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// All `.rs` files below a folder, without build output.
fn sources(below: &str) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != "fuzz" {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The names in one dependency table of a manifest.
fn dependencies(package: &str, table: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == format!("[{table}]");
        } else if inside
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

fn only(package: &str, allowed: &[&str]) {
    let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
    let extra: Vec<String> = dependencies(package, "dependencies")
        .difference(&allowed)
        .cloned()
        .collect();
    assert!(extra.is_empty(), "{package} may not depend on {extra:?}");
}

#[test]
fn packages_depend_only_on_what_the_design_allows() {
    only("protocol", &["heapless", "serde"]);
    only(
        "firmware",
        &[
            "vigil-protocol",
            "heapless",
            "embedded-hal",
            "embedded-hal-async",
            "embedded-io-async",
            "embedded-storage",
            "embassy-futures",
            "postcard",
            "serde",
        ],
    );
    only(
        "gateway/core",
        &[
            "vigil-protocol",
            // Civil dates only: the next test keeps its clock out.
            "jiff",
            "serde",
            "serde_json",
            "serde_json_path",
            "sha2",
            "strsim",
            "thiserror",
            "toml",
        ],
    );
    assert!(
        !dependencies("simulator", "dependencies")
            .iter()
            .any(|d| d == "vigil-gateway" || d == "vigil-core"),
        "the simulator stands in for the field; it must not know the gateway"
    );
}

#[test]
fn no_std_crates_say_so_and_forbid_unsafe() {
    for package in ["protocol", "firmware"] {
        let text = fs::read_to_string(root().join(package).join("src/lib.rs")).unwrap();
        assert!(text.contains("no_std"), "{package} is no_std");
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{package} forbids unsafe code"
        );
        for (path, text) in sources(&format!("{package}/src")) {
            assert!(
                !text.contains("extern crate alloc"),
                "{}: no alloc",
                path.display()
            );
        }
    }
}

#[test]
fn unsafe_code_is_only_in_boards_and_each_says_why_it_is_sound() {
    for folder in [
        "protocol",
        "firmware/src",
        "firmware/tests",
        "gateway",
        "simulator",
    ] {
        for (path, text) in sources(folder) {
            let found = text
                .lines()
                .any(|line| line.trim_start().starts_with("unsafe ") || line.contains(" unsafe {"));
            assert!(!found, "{}: unsafe outside of firmware/boards", path.display());
        }
    }
    let boards = sources("firmware/boards");
    assert!(!boards.is_empty(), "the boards are gone: mend this test");
    for (path, text) in boards {
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate() {
            let uses = line.contains("unsafe {") || line.contains("unsafe(") || line.contains("unsafe fn ");
            let said = lines[n.saturating_sub(9)..=n]
                .iter()
                .any(|line| line.contains("SAFETY:"));
            assert!(
                !uses || line.trim_start().starts_with("//") || said,
                "{}:{}: unsafe without a SAFETY: line",
                path.display(),
                n + 1
            );
        }
    }
}

#[test]
fn the_core_has_no_clock_no_randomness_no_runtime_and_no_log() {
    for (path, text) in sources("gateway/core/src") {
        for banned in [
            "SystemTime",
            "Instant::now",
            "Timestamp::now",
            "Zoned::now",
            "tokio::",
            "tracing::",
            "rand::",
            "std::fs",
            "std::net",
            "std::thread",
        ] {
            assert!(
                !text.contains(banned),
                "{}: {banned} in the sans-IO core",
                path.display()
            );
        }
    }
}

#[test]
fn ingest_store_sinks_and_api_never_import_each_other() {
    let modules = ["mqtt", "modbus", "store", "sinks", "api", "web"];
    for module in modules {
        let folder = format!("gateway/src/{module}");
        if !root().join(&folder).exists() {
            panic!("{folder} is gone: mend this test");
        }
        for (path, text) in sources(&folder) {
            for other in modules.iter().filter(|&&other| other != module) {
                // The pages are served beside the interface and share its session and errors.
                if module == "web" && *other == "api" {
                    continue;
                }
                assert!(
                    !text.contains(&format!("crate::{other}::"))
                        && !text.contains(&format!("use crate::{other};")),
                    "{}: imports {other}; only engine, app, run and cli know them all",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn a_sink_knows_neither_the_outbox_nor_the_engine() {
    for (path, text) in sources("gateway/src/sinks") {
        for other in ["outbox", "engine", "config", "app", "run"] {
            assert!(
                !text.contains(&format!("crate::{other}")),
                "{}: imports {other}; a sink is given a thing and says how that ended",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_can_be_written_to_a_modbus_device() {
    let banned = [
        "Writer",
        "Request::Write",
        "Request::Mask",
        "Request::Custom",
        "Request::ReadWrite",
        "write_single",
        "write_multiple",
        "masked_write",
    ];
    let mut makes_requests = Vec::new();
    for (path, text) in sources("gateway/src") {
        let path = path.display().to_string();
        if text.contains("tokio_modbus::") {
            assert!(
                path.contains("src/modbus/"),
                "{path}: only the poller speaks Modbus"
            );
            for word in banned {
                assert!(!text.contains(word), "{path}: {word}");
            }
        }
        if text.contains("tokio_modbus::") && text.contains("Request::") {
            assert_eq!(
                text.matches("Request::").count(),
                4,
                "{path}: one request for each function that reads"
            );
            makes_requests.push(path);
        }
    }
    assert!(
        matches!(&makes_requests[..], [one] if one.ends_with("modbus/call.rs")),
        "{makes_requests:?}"
    );
    let functions = fs::read_to_string(root().join("gateway/core/src/modbus/block.rs")).unwrap();
    let variants = functions.split("pub enum Function {").nth(1).unwrap();
    let codes = variants.split('}').next().unwrap().matches(" = ").count();
    assert_eq!(codes, 4, "functions beside those that read");
}

#[test]
fn only_the_demo_knows_the_simulator() {
    for (path, text) in sources("gateway/src") {
        assert!(
            !text.contains("vigil_simulator") || path.to_string_lossy().contains("demo"),
            "{}: only `demo` may use the simulator",
            path.display()
        );
    }
}

#[test]
fn no_file_has_grown_beyond_what_one_can_read() {
    let mut sizes: Vec<(usize, String)> = Vec::new();
    for folder in ["protocol", "firmware", "gateway", "simulator"] {
        for (path, text) in sources(folder) {
            sizes.push((text.lines().count(), path.display().to_string()));
        }
    }
    sizes.sort();
    let median = sizes[sizes.len() / 2].0;
    assert!(median <= 200, "median file length is {median}");
    let long: Vec<_> = sizes
        .iter()
        .filter(|(lines, path)| *lines > 900 && !path.contains("/tests/"))
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

#[test]
fn no_committed_text_names_a_path_of_one_machine() {
    // Written in two parts so that this file does not find itself.
    let banned = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("../sha", "red"),
    ];
    for folder in ["protocol", "firmware", "gateway", "simulator", "tests"] {
        for (path, text) in sources(folder) {
            for word in banned {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}
