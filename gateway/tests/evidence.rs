//! An evidence bundle holds as it was made, and whatever is done to it afterwards is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::Site;
use serde_json::{Value, json};
use std::io::{Cursor, Read as _, Write as _};
use vigil_core::hash::ContentHash;
use vigil_gateway::evidence::{Holds, PublicKey, SigningKey, Verdict, export, seal, verify};
use zip::write::SimpleFileOptions;

const DAY_MS: i64 = 86_400_000;

type Parts = Vec<(String, Vec<u8>)>;

fn unpack(file: &[u8]) -> Parts {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn pack(parts: &Parts) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn part<'a>(parts: &'a mut Parts, name: &str) -> &'a mut Vec<u8> {
    &mut parts.iter_mut().find(|(known, _)| known == name).unwrap().1
}

fn edit(parts: &mut Parts, name: &str, edit: impl FnOnce(String) -> String) {
    let content = part(parts, name);
    let before = String::from_utf8(content.clone()).unwrap();
    let after = edit(before.clone());
    assert_ne!(before, after, "the edit of {name} changes something");
    *content = after.into_bytes();
}

/// What a forger who has a key of his own does at the end: a manifest that fits, signed by him.
fn seal_again(parts: &mut Parts, key: &SigningKey) {
    let hashes: serde_json::Map<String, Value> = parts
        .iter()
        .filter(|(name, _)| !name.starts_with("manifest."))
        .map(|(name, content)| (name.clone(), json!(ContentHash::of(content).to_string())))
        .collect();
    let manifest = part(parts, "manifest.json");
    let mut document: Value = serde_json::from_slice(manifest).unwrap();
    document["parts"] = hashes.into();
    document["key"] = json!(key.public().to_string());
    // In the order of the fields, as the gateway writes them.
    let order = [
        "version",
        "hazard",
        "events",
        "head",
        "made_at",
        "key",
        "messages_left_out",
        "parts",
    ];
    let fields: Vec<String> = order
        .iter()
        .map(|field| format!("{:?}:{}", field, document[field]))
        .collect();
    *manifest = format!("{{{}}}\n", fields.join(",")).into_bytes();
    let signature = key.sign(manifest);
    *part(parts, "manifest.sig") = signature.into_bytes();
}

fn refused<'a>(verdict: &'a Verdict, check: &str) -> Vec<&'a str> {
    assert!(!verdict.holds, "{verdict}");
    let found: Vec<&str> = verdict
        .findings
        .iter()
        .filter(|finding| finding.check == check && finding.holds == Holds::No)
        .map(|finding| finding.en.as_str())
        .collect();
    assert!(!found.is_empty(), "{check}: {verdict}");
    found
}

/// A hazard with three more events and a photo, its day over and signed; its bundle and the gateway's key.
async fn bundle() -> (Site, Vec<u8>, PublicKey) {
    let (mut site, id) = Site::with_hazard().await;
    site.act(&id, None, r#"{"action":"comment","reason":"seen"}"#)
        .await;
    site.act(&id, None, r#"{"action":"confirm","reason":"measured"}"#)
        .await;
    let photo = site.upload("a.jpg", &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]).await;
    let files = json!([{"sha256": photo.body["sha256"]}]);
    let attach = json!({"action": "attach", "reason": "the gauge", "attachments": files}).to_string();
    let attached = site.act(&id, None, &attach).await;
    assert!(attached.status.is_success(), "{:#}", attached.body);
    vigil_gateway::evidence::remember_packs(&site.app.desk, &site.app.catalog)
        .await
        .unwrap();
    site.at(2 * DAY_MS);
    let days = seal(&site.app.desk, &site.app.evidence, site.app.clock.now())
        .await
        .unwrap();
    assert!(days >= 1);
    let file = export(&site.app.evidence_sources(), &id, site.app.clock.now())
        .await
        .unwrap();
    let key = site.app.evidence.public();
    (site, file, key)
}

#[tokio::test]
async fn a_bundle_as_it_was_made_holds_in_every_point() {
    let (_site, file, key) = bundle().await;
    let verdict = verify(&file, Some(&key)).unwrap();
    assert!(verdict.holds, "{verdict}");
    for check in [
        "signature",
        "parts",
        "chain",
        "times",
        "rule",
        "readings",
        "attachments",
        "heads",
    ] {
        let found = verdict
            .findings
            .iter()
            .any(|finding| finding.check == check && finding.holds == Holds::Yes);
        assert!(found, "{check}: {verdict}");
    }
    assert!(verdict.in_words(true).contains("结论"));
    // Without the key it says which fingerprint to compare.
    let verdict = verify(&file, None).unwrap();
    assert!(
        verdict.holds && verdict.to_string().contains(&key.fingerprint()),
        "{verdict}"
    );
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_found() {
    let (_site, file, key) = bundle().await;
    let parts = unpack(&file);
    for (index, (name, content)) in parts.iter().enumerate() {
        // The first, the last, and some in between.
        for at in [0, content.len() / 3, content.len() / 2, content.len() - 1] {
            let mut changed = parts.clone();
            changed[index].1[at] ^= 1;
            let found = match verify(&pack(&changed), Some(&key)) {
                Ok(verdict) => !verdict.holds,
                Err(_) => true,
            };
            assert!(found, "byte {at} of {name}");
        }
        let mut without = parts.clone();
        without.remove(index);
        assert!(
            verify(&pack(&without), Some(&key)).map_or(true, |verdict| !verdict.holds),
            "without {name}"
        );
    }
    let mut with = parts;
    with.push(("attachments/more".to_owned(), b"x".to_vec()));
    refused(&verify(&pack(&with), Some(&key)).unwrap(), "parts");
}

#[tokio::test]
async fn what_a_forger_with_a_key_of_his_own_changes_is_named() {
    let (_site, file, key) = bundle().await;
    let dir = tempfile::tempdir().unwrap();
    let forger = SigningKey::load_or_create(&dir.path().join("forger.key")).unwrap();
    let forge = |change: &dyn Fn(&mut Parts)| {
        let mut parts = unpack(&file);
        change(&mut parts);
        seal_again(&mut parts, &forger);
        // Whoever has not kept the gateway's key only sees what does not fit together.
        verify(&pack(&parts), None).unwrap()
    };
    let edited_event = forge(&|parts| edit(parts, "events.jsonl", |text| text.replace("seen", "unseen")));
    assert!(refused(&edited_event, "chain")[0].contains("event 1"));
    let dropped = forge(&|parts| {
        edit(parts, "events.jsonl", |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.remove(1);
            lines.join("\n")
        });
    });
    assert!(refused(&dropped, "chain")[0].contains("event 1"));
    let cut = forge(&|parts| {
        edit(parts, "events.jsonl", |text| {
            text.lines().take(2).collect::<Vec<_>>().join("\n")
        });
    });
    assert!(refused(&cut, "chain")[0].contains("cut off"));
    let reading = forge(&|parts| {
        // In the last message that speaks for the hazard: one digit of a pressure.
        edit(parts, "messages.jsonl", |text| text.replace("3f", "40"));
    });
    assert!(refused(&reading, "readings")[0].contains("does not say so"));
    let swapped = forge(&|parts| {
        let photo = parts
            .iter_mut()
            .find(|(name, _)| name.starts_with("attachments/"));
        photo.unwrap().1 = vec![0xFF, 0xD8, 0xFF, 0xE0, 9, 9, 9];
    });
    assert!(refused(&swapped, "attachments")[0].contains("missing or was swapped"));
    let pack_changed = forge(&|parts| {
        edit(parts, "rule-pack.json", |text| {
            text.replacen("\"on_delay_ms\":", "\"on_delay_ms\": ", 1)
        })
    });
    refused(&pack_changed, "rule");
    let head = forge(&|parts| {
        edit(parts, "heads.jsonl", |text| {
            text.replacen("\"count\":1", "\"count\":2", 1)
        })
    });
    refused(&head, "heads");
    // And with the key it is plain in any case.
    let mut parts = unpack(&file);
    seal_again(&mut parts, &forger);
    let verdict = verify(&pack(&parts), Some(&key)).unwrap();
    assert!(refused(&verdict, "signature")[0].contains("another key"));
}

#[tokio::test]
async fn a_chain_that_was_written_anew_is_not_under_the_head_of_its_day() {
    let (_site, file, _) = bundle().await;
    let dir = tempfile::tempdir().unwrap();
    let forger = SigningKey::load_or_create(&dir.path().join("forger.key")).unwrap();
    let mut parts = unpack(&file);
    // The last event is gone, and everything that counts events agrees with that.
    edit(&mut parts, "events.jsonl", |text| {
        let lines: Vec<&str> = text.lines().collect();
        lines[..lines.len() - 1].join("\n") + "\n"
    });
    let events = String::from_utf8(part(&mut parts, "events.jsonl").clone()).unwrap();
    let events: Vec<vigil_core::hazard::HazardEvent> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let end = vigil_core::hazard::verify_chain(&events).unwrap();
    *part(&mut parts, "hazard.json") = serde_json::to_vec(&end).unwrap();
    let manifest = part(&mut parts, "manifest.json");
    let mut document: Value = serde_json::from_slice(manifest).unwrap();
    document["events"] = json!(end.events);
    document["head"] = json!(end.head.to_string());
    *manifest = document.to_string().into_bytes();
    seal_again(&mut parts, &forger);
    let verdict = verify(&pack(&parts), None).unwrap();
    let found = refused(&verdict, "heads");
    assert!(found.iter().any(|found| found.contains("cut off")), "{found:?}");
}

#[tokio::test]
async fn a_step_that_was_dated_before_the_one_it_follows_is_found() {
    let (_site, file, _) = bundle().await;
    let mut parts = unpack(&file);
    edit(&mut parts, "events.jsonl", |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut event: vigil_core::hazard::HazardEvent = serde_json::from_str(&lines[2]).unwrap();
        event.at.0 -= DAY_MS;
        lines[2] = serde_json::to_string(&event).unwrap();
        lines.join("\n")
    });
    let verdict = verify(&pack(&parts), None).unwrap();
    assert!(refused(&verdict, "times")[0].contains("re-dated"));
    refused(&verdict, "chain");
}

#[tokio::test]
async fn heads_follow_each_other_day_by_day_even_when_nothing_happens() {
    let (mut site, id) = Site::with_hazard().await;
    let app = site.app.clone();
    site.at(5 * DAY_MS + 600_000);
    assert_eq!(seal(&app.desk, &app.evidence, app.clock.now()).await.unwrap(), 5);
    assert_eq!(seal(&app.desk, &app.evidence, app.clock.now()).await.unwrap(), 0);
    site.act(&id, None, r#"{"action":"comment","reason":"later"}"#)
        .await;
    let heads = site.get("/api/v1/evidence/heads").await.body;
    let heads = heads["heads"].as_array().unwrap();
    let counts: Vec<&Value> = heads.iter().map(|head| &head["count"]).collect();
    assert!(counts.len() == 5 && counts[0] == 1, "{counts:?}");
    let key = site.get("/api/v1/evidence/key").await.body;
    let key = PublicKey::parse(key["public_key"].as_str().unwrap()).unwrap();
    let mut prev = ContentHash::default().to_string();
    for head in heads {
        let canonical = head["canonical"].as_str().unwrap();
        assert!(key.verifies(canonical.as_bytes(), head["signature"].as_str().unwrap()));
        assert_eq!(head["prev"], prev.as_str());
        prev = ContentHash::of(canonical.as_bytes()).to_string();
    }
    // What happened today is not under a head yet, and that is said.
    let answer = site.get(&format!("/api/v1/hazards/{id}/evidence")).await;
    assert_eq!(answer.header("content-type"), "application/zip");
    let file = export(&app.evidence_sources(), &id, app.clock.now())
        .await
        .unwrap();
    let verdict = verify(&file, Some(&key)).unwrap();
    assert!(
        verdict.holds && verdict.to_string().contains("no head for"),
        "{verdict}"
    );
}

#[test]
fn a_file_that_is_no_bundle_is_said_to_be_none() {
    assert!(
        verify(b"nothing", None)
            .unwrap_err()
            .to_string()
            .contains("unpacked")
    );
    let empty = pack(&Vec::new());
    assert!(
        verify(&empty, None)
            .unwrap_err()
            .to_string()
            .contains("`manifest.json` is missing")
    );
}
