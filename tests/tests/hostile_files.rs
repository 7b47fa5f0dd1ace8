//! Files nobody should have to read, sent over HTTP: refused with a reason, at little cost, and harmless where kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test helpers"
)]

use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use vigil_tests::desk::ask::encoded;
use vigil_tests::visitor::{Answer, Visitor};
use vigil_tests::{Gateway, GatewayOptions, Place};

/// What the gateway may have needed at its worst, MiB: a file of 16 MiB is held more than once.
const MEMORY_MIB: u64 = 400;
/// Held, read, and taken: nothing in them is dangerous.
const HARMLESS: &[&str] = &["nested.xlsx", "entity-file.xlsx"];

fn start(place: &Place) -> (Gateway, Visitor) {
    let gateway = Gateway::start(place, GatewayOptions::default());
    let token = std::fs::read_to_string(gateway.token_file()).unwrap();
    let admin = Visitor::with_token(gateway.http(), token.trim());
    (gateway, admin)
}

/// Every hostile file, by name.
fn files(place: &Place) -> Vec<PathBuf> {
    let dir = place.dir("files");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/hostile_files.py");
    let made = Command::new("python3")
        .arg(script)
        .arg(&dir)
        .status()
        .expect("python3 runs");
    assert!(made.success());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 25);
    files
}

/// The most memory it has had, MiB.
fn peak_mib(gateway: &mut Gateway) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", gateway.process().id())).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Refused, with a reason a person can act on.
fn explained(name: &str, answer: &Answer) {
    assert!(
        (400..500).contains(&answer.status),
        "{name}: {} {}",
        answer.status,
        answer.text()
    );
    assert!(
        answer
            .header("content-type")
            .starts_with("application/problem+json"),
        "{name}"
    );
    let problem = answer.json();
    assert!(
        problem["detail"].as_str().unwrap_or_default().len() > 10,
        "{name}: {problem}"
    );
    assert!(!problem.to_string().contains("root:"), "{name}: {problem}");
}

fn multipart(path: &str, visitor: &Visitor, file_name: &str, bytes: &[u8]) -> Answer {
    let mut body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let kind = [("content-type", "multipart/form-data; boundary=edge")];
    visitor.send(ureq::http::Method::POST, path, &kind, &body)
}

#[test]
fn files_that_attack_their_reader_are_refused_with_the_reason_and_cost_little() {
    let place = Place::new("hostile-imports");
    let (mut gateway, admin) = start(&place);
    for file in files(&place) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).unwrap();
        let answer = admin.upload(&format!("/api/v1/imports?name={name}"), &bytes);
        if HARMLESS.contains(&&*name) && answer.status == 201 {
            assert!(!answer.text().contains("root:"), "{name}: {}", answer.text());
        } else {
            explained(&name, &answer);
        }
    }
    let peak = peak_mib(&mut gateway);
    eprintln!("peak memory {peak} MiB");
    assert!(peak < MEMORY_MIB, "{peak} MiB");
    // Nothing of it is in the register, and what could not be read is not kept.
    assert_eq!(admin.get("/api/v1/register").json()["total"], 0);
    assert_eq!(admin.get("/readyz").status, 200);
}

#[test]
fn the_page_for_imports_explains_what_it_cannot_read() {
    let place = Place::new("hostile-page");
    let (gateway, admin) = start(&place);
    let facts =
        json!({"login": "boss", "name": "b", "role": "administrator", "password": "the drum is warm"});
    assert_eq!(admin.post("/api/v1/users", &facts).status, 201);
    let boss = Visitor::sign_in(gateway.http(), "boss", "the drum is warm");
    let path = format!("/imports?csrf={}", boss.csrf());
    for file in files(&place) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if HARMLESS.contains(&&*name) {
            continue;
        }
        let answer = multipart(&path, &boss, &name, &std::fs::read(&file).unwrap());
        assert!((400..500).contains(&answer.status), "{name}: {}", answer.status);
        assert!(answer.header("content-type").starts_with("text/html"), "{name}");
        assert!(
            answer.text().contains("</html>"),
            "{name}: a page, with what to do"
        );
    }
}

#[test]
fn what_is_no_photo_and_no_document_is_not_kept_whatever_its_name_says() {
    let place = Place::new("hostile-attachments");
    let (gateway, admin) = start(&place);
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    for (name, bytes, status) in [
        ("photo.jpg", &svg[..], 415),
        ("photo.svg", svg, 415),
        ("photo.png", b"<html><script>alert(1)</script>", 415),
        ("photo.webp", b"RIFF\0\0\0\0WAVE", 415),
        ("gif.gif", b"GIF89a", 415),
        ("a.pdf", b" %PDF-1.7", 415),
        ("empty.jpg", b"", 422),
    ] {
        let answer = admin.upload(&format!("/api/v1/attachments?name={name}"), bytes);
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        explained(name, &answer);
    }
    let large = [b"%PDF-1.7".to_vec(), vec![b' '; 21 << 20]].concat();
    explained(
        "large.pdf",
        &admin.upload("/api/v1/attachments?name=large.pdf", &large),
    );
    let kept = place.path().join("gateway/data/attachments");
    assert!(
        !kept.exists() || std::fs::read_dir(kept).unwrap().next().is_none(),
        "nothing is kept"
    );
    drop(gateway);
}

/// All files below a directory.
fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_name_is_never_a_path_and_a_document_never_runs() {
    let place = Place::new("hostile-names");
    let (gateway, admin) = start(&place);
    let before = below(place.path()).len();
    let long = "长".repeat(255);
    let names = [
        "../../../../tmp/vigil-was-here.pdf",
        "/etc/vigil-was-here.pdf",
        "..\\..\\vigil-was-here.pdf",
        "a\0b.pdf",
        "a\r\nSet-Cookie: x=1.pdf",
        "\u{202e}fdp.exe",
        "\"; filename=evil.html; x=\"",
        "<script>alert(1)</script>.pdf",
        "CON",
        ".",
        "",
        long.as_str(),
    ];
    for (at, name) in names.into_iter().enumerate() {
        let bytes = format!(
            "%PDF-1.7 {at} /OpenAction << /S /JavaScript /JS (app.alert(1)) >> <script>alert(1)</script>"
        );
        let sent = admin.upload(
            &format!("/api/v1/attachments?name={}", encoded(name)),
            bytes.as_bytes(),
        );
        if sent.status != 201 {
            explained(name, &sent);
            continue;
        }
        let hash = sent.json()["sha256"].as_str().unwrap().to_owned();
        let answer = admin.get(&format!("/api/v1/attachments/{hash}"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, bytes.as_bytes());
        assert_eq!(answer.header("content-type"), "application/pdf");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer.header("content-security-policy").contains("sandbox"),
            "{name}"
        );
        assert!(answer.header("set-cookie").is_empty());
        let said = answer.header("content-disposition");
        assert!(
            said.starts_with("attachment; filename*=UTF-8''"),
            "{name}: {said}"
        );
        let coded = &said["attachment; filename*=UTF-8''".len()..];
        assert!(
            coded
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"%-._~".contains(&b)),
            "{said}"
        );
    }
    // The same names for a file that is imported.
    for name in names {
        let path = format!("/api/v1/imports?name={}", encoded(name));
        let sent = admin.upload(&path, "设备名称,类别代码,设备代码\n梯,3110,X1\n".as_bytes());
        assert!(
            sent.status == 201 || (400..500).contains(&sent.status),
            "{name}: {}",
            sent.status
        );
    }
    let kept = below(&place.path().join("gateway/data/attachments"));
    assert!(!kept.is_empty());
    for path in &kept {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    }
    let others = below(place.path())
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("was-here"));
    assert_eq!(others.count(), 0);
    assert!(!Path::new("/tmp/vigil-was-here.pdf").exists() && !Path::new("/etc/vigil-was-here.pdf").exists());
    assert!(below(place.path()).len() >= before);
    drop(gateway);
}

#[test]
fn bodies_larger_than_a_route_takes_are_refused_with_the_limit() {
    let place = Place::new("hostile-bodies");
    let (gateway, admin) = start(&place);
    let much = "x".repeat(1 << 20);
    for (path, body) in [
        ("/api/v1/units", json!({"name": much, "kind": "use_unit"})),
        (
            "/api/v1/hazards",
            json!({"unit": "u", "source": "patrol", "category": "other", "grade": "general", "description": much}),
        ),
        (
            "/api/v1/users",
            json!({"login": "a", "name": much, "role": "site", "password": much}),
        ),
    ] {
        let answer = admin.post(path, &body);
        assert_eq!(answer.status, 413, "{path}: {}", answer.text());
        explained(path, &answer);
    }
    // As deep as it goes, and not JSON at all.
    let kind = [("content-type", "application/json")];
    for body in [
        "[".repeat(60_000),
        "{\"a\":".repeat(12_000),
        "\u{feff}{}".to_owned(),
        "NaN".to_owned(),
    ] {
        let answer = admin.send(ureq::http::Method::POST, "/api/v1/units", &kind, body.as_bytes());
        explained("deep", &answer);
    }
    let answer = admin.send(
        ureq::http::Method::POST,
        "/api/v1/units",
        &kind,
        b"{\"name\": \"\xff\xfe\"}",
    );
    explained("not UTF-8", &answer);
    drop(gateway);
}
