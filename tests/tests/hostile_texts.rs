//! What people type is text and nothing else: scripts in every field of every form, and formulas in every table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use ureq::http::Method;
use vigil_tests::desk::ask::encoded;
use vigil_tests::forms::{Form, forms, links};
use vigil_tests::visitor::Visitor;
use vigil_tests::{Gateway, GatewayOptions, Place};

/// Closes whatever it stands in, and runs. Its tag has no other use on our pages.
const SCRIPT: &str = "\"'></textarea></title><xss onload=alert(1)>";
/// The beginning of its tag, as it must never stand on a page.
const RAW: &str = "<xss";
const PASSWORD: &str = "the drum is warm";

fn made(who: &Visitor, path: &str, body: Value) -> Value {
    let answer = who.post(path, &body);
    assert!(
        matches!(answer.status, 200 | 201),
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// Does something with what has just been looked at.
fn based_on(who: &Visitor, path: &str, what: &str, body: &Value) {
    let seen = who.get(path);
    let headers = [
        ("content-type", "application/json"),
        ("if-match", seen.header("etag")),
    ];
    let (to, body) = (format!("{path}/{what}"), body.to_string());
    let done = who.send(Method::POST, &to, &headers, body.as_bytes());
    assert_eq!(done.status, 200, "{to} {body}: {}", done.text());
}

/// Something of every kind, each with a script wherever a text may stand.
fn furnish(admin: &Visitor) {
    let unit = made(
        admin,
        "/api/v1/units",
        json!({"name": SCRIPT, "kind": "use_unit", "area": "210381",
        "address": SCRIPT, "contact": SCRIPT, "phone": "12345"}),
    );
    let fields = admin.get("/api/v1/register/fields").json();
    let mut facts = json!({"id": "lift-1", "category": "3110", "area": "210381", "use_unit": SCRIPT});
    for field in fields["fields"].as_array().unwrap() {
        let key = field["key"].as_str().unwrap();
        let mut tried = facts.clone();
        tried[key] = json!(SCRIPT);
        // Those that take any text, each tried alone: the others say what they take.
        let probe = json!({"facts": {"category": "3110", "equipment_code": format!("X{key}"), key: SCRIPT}});
        if facts[key].is_null() && admin.post("/api/v1/register", &probe).status == 201 {
            facts = tried;
        }
    }
    assert!(
        facts.as_object().unwrap().len() > 20,
        "many facts are free text: {facts}"
    );
    made(admin, "/api/v1/register", json!({"facts": facts}));
    made(
        admin,
        "/api/v1/register/lift-1/accessories",
        json!({"kind": "other", "number": SCRIPT, "model": SCRIPT, "place": SCRIPT}),
    );
    made(
        admin,
        "/api/v1/certificates",
        json!({"unit": unit["code"], "person": SCRIPT, "kind": "T", "number": SCRIPT,
        "expires": "2027-01-01"}),
    );
    let file = admin
        .upload(
            &format!("/api/v1/attachments?name={}", encoded(SCRIPT)),
            b"%PDF-1.7",
        )
        .json();
    let files = json!([{"sha256": file["sha256"], "name": SCRIPT}]);
    let hazard = made(
        admin,
        "/api/v1/hazards",
        json!({"equipment": "lift-1", "source": "patrol", "category": "lift-safety",
        "grade": "general", "title_zh": SCRIPT, "title_en": SCRIPT, "description": SCRIPT, "clause": SCRIPT,
        "reporter": SCRIPT, "attachments": files}),
    );
    let path = format!("/api/v1/hazards/{}", hazard["hazard"]["id"].as_str().unwrap());
    for step in [
        json!({"action": "comment", "reason": SCRIPT}),
        json!({"action": "interim", "reason": SCRIPT}),
        json!({"action": "confirm", "reason": SCRIPT}),
        json!({"action": "assign", "reason": SCRIPT, "assignment": {"person": SCRIPT, "leader": SCRIPT, "measures": SCRIPT,
            "funds": SCRIPT, "emergency_plan": SCRIPT}}),
        json!({"action": "start", "reason": SCRIPT}),
        json!({"action": "progress", "percent": 50, "reason": SCRIPT}),
        json!({"action": "self_check", "reason": SCRIPT, "attachments": files}),
    ] {
        based_on(admin, &path, "actions", &step);
    }
    let table = format!(
        "设备名称,类别代码,设备代码,使用地点\n{0},3110,X1,{0}\n",
        format!("\"{}\"", SCRIPT.replace('"', "\"\""))
    );
    let sent = admin.upload(
        &format!("/api/v1/imports?name={}", encoded(SCRIPT)),
        table.as_bytes(),
    );
    assert_eq!(sent.status, 201, "{}", sent.text());
    made(
        admin,
        "/api/v1/users",
        json!({"login": "boss", "name": SCRIPT, "role": "administrator", "password": PASSWORD}),
    );
}

/// Every page that can be reached by links, with its text.
fn crawl(who: &Visitor, most: usize) -> BTreeMap<String, String> {
    let mut waiting: VecDeque<String> = ["/", "/?lang=en"].map(str::to_owned).into();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    // Of one kind of page a few are enough.
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    while let Some(path) = waiting.pop_front() {
        let answer = who.get(&path);
        assert!(answer.status < 500, "{path}: {}", answer.status);
        let elsewhere = answer.header("location").to_owned();
        if elsewhere.starts_with('/') && seen.insert(elsewhere.clone()) {
            waiting.push_back(elsewhere);
        }
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        let text = answer.text();
        for link in links(&text) {
            let kind: String = link.split('?').next().unwrap_or_default().to_owned();
            let of_kind = kinds.entry(kind).or_default();
            if !link.starts_with("/sign-") && *of_kind < 12 && seen.len() < most && seen.insert(link.clone())
            {
                *of_kind += 1;
                waiting.push_back(link);
            }
        }
        pages.insert(path, text);
    }
    pages
}

fn assert_text(path: &str, html: &str) {
    if let Some(at) = html.find(RAW) {
        let from = html.floor_char_boundary(at.saturating_sub(200));
        panic!(
            "{path}: a script is not escaped: {}",
            &html[from..(at + 40).min(html.len())]
        );
    }
}

/// Sends a form with scripts in all that is typed; what comes back.
fn send(who: &Visitor, form: &Form) -> String {
    let fields: Vec<(&str, &str)> = form
        .fields
        .iter()
        .filter(|field| field.name != "csrf")
        .map(|field| (&*field.name, if field.is_free() { SCRIPT } else { &*field.value }))
        .collect();
    let answer = who.form(&form.action, &fields);
    assert!(
        answer.status < 500,
        "{}: {} {}",
        form.action,
        answer.status,
        answer.text()
    );
    answer.text()
}

#[test]
fn scripts_in_every_field_of_every_form_are_shown_and_never_run() {
    let place = Place::new("hostile-texts");
    let gateway = Gateway::start(&place, GatewayOptions::default());
    let token = std::fs::read_to_string(gateway.token_file()).unwrap();
    furnish(&Visitor::with_token(gateway.http(), token.trim()));
    let boss = Visitor::sign_in(gateway.http(), "boss", PASSWORD);
    let pages = crawl(&boss, 400);
    assert!(pages.len() > 30, "{:?}", pages.keys());
    let mut showing = 0;
    for (path, text) in &pages {
        assert_text(path, text);
        showing += usize::from(text.contains("xss onload=alert(1)"));
    }
    assert!(showing > 10, "the texts are shown, escaped: on {showing} pages");

    // What is typed into a search stands in the page again.
    for path in pages
        .keys()
        .map(|path| path.split('?').next().unwrap_or_default())
        .collect::<BTreeSet<_>>()
    {
        for name in [
            "q",
            "text",
            "area",
            "unit",
            "equipment",
            "from",
            "after",
            "cursor",
            "category",
            "login",
            "next",
        ] {
            let answer = boss.get(&format!("{path}?{name}={}", encoded(SCRIPT)));
            assert!(answer.status < 500, "{path}?{name}: {}", answer.status);
            assert_text(path, &answer.text());
        }
    }
    // Every form, in the language it was found in; not those that end the visit.
    let mut sent = BTreeSet::new();
    for form in pages.values().flat_map(|text| forms(text)) {
        let ends = ["/sign-", "/account/", "/users/boss"]
            .iter()
            .any(|begin| form.action.starts_with(begin));
        let free = form.fields.iter().any(vigil_tests::forms::Field::is_free);
        if ends || form.multipart || !free || !sent.insert(form.action.clone()) {
            continue;
        }
        assert_text(&form.action, &send(&boss, &form));
    }
    assert!(sent.len() >= 5, "{sent:?}");
    for (path, text) in crawl(&boss, 200) {
        assert_text(&path, &text);
    }
}

/// Cells of a CSV of ours.
fn cells(text: &str) -> Vec<String> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => all.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    all.push(cell);
    all
}

#[test]
fn formulas_come_out_of_every_table_as_text() {
    let place = Place::new("hostile-formulas");
    let gateway = Gateway::start(&place, GatewayOptions::default());
    let token = std::fs::read_to_string(gateway.token_file()).unwrap();
    let admin = Visitor::with_token(gateway.http(), token.trim());
    let formulas = [
        "=cmd|' /C calc'!A0",
        "+1+cmd",
        "-2+3",
        "@SUM(A1)",
        "＝1+1",
        "\t=1+1",
    ];
    let mut table = "设备名称,类别代码,设备代码,使用地点,使用单位,备注\n".to_owned();
    for (at, formula) in formulas.iter().enumerate() {
        table.push_str(&format!(
            "\"{formula}\",3110,F{at},\"{formula}\",\"{formula}\",\"{formula}\"\n"
        ));
    }
    let sent = admin.upload("/api/v1/imports?name==1.csv", table.as_bytes());
    assert_eq!(sent.status, 201, "{}", sent.text());
    let id = sent.json()["import"]["id"].clone();
    based_on(
        &admin,
        &format!("/api/v1/imports/{id}"),
        "apply",
        &json!({"without_refused": true}),
    );
    let unit = admin.get("/api/v1/units").json()["units"][0]["code"].clone();
    made(
        &admin,
        "/api/v1/certificates",
        json!({"unit": unit, "person": "=1+1", "kind": "T", "number": "@x", "expires": "2027-01-01"}),
    );
    made(
        &admin,
        "/api/v1/users",
        json!({"login": "boss", "name": "=1+1", "role": "administrator", "password": PASSWORD}),
    );

    // All tables the gateway describes as CSV.
    let description = admin.get("/api/v1/openapi.json").json();
    let mut tables = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        let kinds = item["get"]["responses"]["200"]["content"].as_object();
        if path.contains('{') || !kinds.is_some_and(|kinds| kinds.contains_key("text/csv")) {
            continue;
        }
        let parameters = item["get"]["parameters"].as_array();
        let chosen = parameters
            .into_iter()
            .flatten()
            .any(|one| one["name"] == "format");
        let answer = admin.get(&format!("{path}{}", if chosen { "?format=csv" } else { "" }));
        if answer.status == 400 && !chosen {
            // It is of something that has to be named.
            continue;
        }
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        tables += 1;
        for cell in cells(&answer.text()) {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']),
                "{path}: {cell:?}"
            );
        }
    }
    assert!(tables >= 6, "{tables}");
    let register = admin.get("/api/v1/register?format=csv").text();
    assert!(register.contains("'=cmd"), "{register}");
}
