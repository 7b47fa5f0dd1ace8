//! A file of many lines takes no more memory than one of few. Alone in its process: what is looked at is the process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;
mod list_rows;

use api_site::Site;
use axum::http::StatusCode;
use list_rows::{Seed, seed};
use serde_json::json;
use std::time::Instant;
use vigil_gateway::desk::lists::next_job;

/// Kilobytes this process holds now (`VmRSS`) or held at most (`VmHWM`).
fn kib(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn export(site: &Site, format: &str, from: &str, to: &str) -> u64 {
    let body = json!({"format": format, "from": from, "to": to});
    let asked = site.post_json("/api/v1/lists/hazards/files", None, &body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{:#}", asked.body);
    next_job(&site.app).await.unwrap();
    let place = format!("/api/v1/list-files/{}", asked.body["id"]);
    let file = site.get_as_admin(&place).await.body;
    assert_eq!(file["state"], "done", "{file:#}");
    file["rows"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_many_lines_takes_no_more_memory_than_one_of_few() {
    const LINES: usize = 3_000;
    let site = Site::empty().await;
    // Twelve kilobytes each: together more than may be taken.
    let description = "锅".repeat(4_000);
    for part in 0..LINES / 200 {
        let seeds = (0..200).map(|n| Seed {
            // A few on the first day, the rest on the second.
            day: i64::from(part > 0),
            description: description.clone(),
            ..Seed::new(part * 200 + n)
        });
        seed(&site, seeds).await;
    }
    // Whatever is held for good is held after this.
    for format in ["xlsx", "csv"] {
        assert_eq!(export(&site, format, "2026-06-01", "2026-06-01").await, 200);
    }
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kib("VmRSS");
    for format in ["xlsx", "csv"] {
        let rows = export(&site, format, "2026-06-01", "2026-06-30").await;
        assert_eq!(rows, LINES as u64);
    }
    let more = kib("VmHWM").saturating_sub(before);
    let all = (LINES * description.len() / 1_024) as u64;
    println!("{more} KiB more for {all} KiB of lines");
    assert!(more < all / 2, "{more} KiB more for {all} KiB of lines");
}

/// Run by hand: `cargo test --release -p vigil-gateway --test lists_memory -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn a_month_of_fifty_thousand_lines() {
    const LINES: usize = 50_000;
    let site = Site::empty().await;
    for part in 0..LINES / 500 {
        seed(&site, (0..500).map(|n| Seed::new(part * 500 + n))).await;
    }
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kib("VmRSS");
    for format in ["xlsx", "csv", "json"] {
        let begun = Instant::now();
        let rows = export(&site, format, "2026-06-01", "2026-06-30").await;
        println!(
            "{format}: {rows} lines in {:.1} s, at most {} MiB above {} MiB",
            begun.elapsed().as_secs_f64(),
            kib("VmHWM").saturating_sub(before) / 1_024,
            before / 1_024
        );
        assert_eq!(rows, LINES as u64);
    }
    let begun = Instant::now();
    let body = json!({"from": "2026-06-01", "to": "2026-06-30"});
    let asked = site
        .post_json("/api/v1/lists/hazards/snapshots", None, &body)
        .await;
    next_job(&site.app).await.unwrap();
    let place = format!("/api/v1/list-files/{}", asked.body["id"]);
    assert_eq!(site.get_as_admin(&place).await.body["state"], "done");
    println!("frozen, all three files: {:.1} s", begun.elapsed().as_secs_f64());
}
