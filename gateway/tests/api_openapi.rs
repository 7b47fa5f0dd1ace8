//! The description of the API is what the API does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::{Method, StatusCode};
use harness::node_birth;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use vigil_gateway::api;

const SNAPSHOT: &str = "tests/data/openapi.json";

fn description() -> Value {
    serde_json::to_value(api::openapi()).unwrap()
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (path.clone(), method, operation))
    };
    paths.iter().flat_map(of).collect()
}

/// `VIGIL_UPDATE=1` writes the description as it is now; read the difference before committing it.
#[test]
fn the_description_changes_only_on_purpose() {
    let now = serde_json::to_string_pretty(&description()).unwrap() + "\n";
    if std::env::var_os("VIGIL_UPDATE").is_some() {
        std::fs::write(SNAPSHOT, &now).unwrap();
    }
    let kept = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(
        kept == now,
        "the API has changed; look at it, then run: VIGIL_UPDATE=1 cargo test -p vigil-gateway --test api_openapi"
    );
}

#[test]
fn every_operation_is_described_for_people_and_names_its_errors() {
    let description = description();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&description) {
        let at = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "{at}: operationId is not unique"
        );
        assert!(
            !operation["summary"].as_str().unwrap_or_default().is_empty(),
            "{at}: no summary"
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                !parameter["description"].as_str().unwrap_or_default().is_empty(),
                "{at}: {parameter}"
            );
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                !response["description"].as_str().unwrap_or_default().is_empty(),
                "{at}: {status}"
            );
            let media: Vec<_> = response["content"]
                .as_object()
                .map(|content| content.keys().collect())
                .unwrap_or_default();
            if status.parse::<u16>().unwrap() >= 400 {
                assert_eq!(media, ["application/problem+json"], "{at}: {status}");
            } else {
                // A list may be a table too; a file that was uploaded is what it was.
                let others = media.iter().filter(|kind| **kind != "text/csv").count();
                assert!(
                    !media.is_empty() && others <= 1 || path.contains("/attachments/"),
                    "{at}: {status}: {media:?}"
                );
            }
        }
        let writes = method != "get";
        assert_eq!(
            operation.get("security").is_some(),
            writes,
            "{at}: writing needs a token or session, reading needs none as long as there are no users"
        );
        let open = ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"].contains(&&*path);
        assert_eq!(operation["responses"].get("401").is_some(), !open, "{at}");
        assert_eq!(
            operation["responses"].get("404").is_some(),
            path.contains('{')
                || path.contains("/alarms")
                || path.ends_with("/actions")
                || at == "post /api/v1/hazards",
            "{at}"
        );
    }
}

/// Creations that take no key, and why a repeat is harmless all the same.
#[rustfmt::skip] // a table
const NO_KEY: &[(&str, &str)] = &[
    ("/api/v1/attachments", "a file is kept under the hash of its bytes: the same again is the same file"),
];

/// Changes that name no version, and why nobody's change gets lost all the same.
#[rustfmt::skip] // a table
const NO_VERSION: &[(&str, &str, &str)] = &[
    ("post", "/api/v1/account/password", "the password in force is the proof"),
    ("delete", "/api/v1/account/sessions/{id}", "it ends; it has no content that could be another"),
    ("delete", "/api/v1/account/tokens/{id}", "it ends; it has no content that could be another"),
    ("post", "/api/v1/users/{login}/password", "nobody can have read what is replaced"),
    ("post", "/api/v1/alarms/{equipment}/{rule}/actions", "telemetry changes an alarm all the time; a step that no longer fits is refused"),
    ("delete", "/api/v1/list-files/{id}", "work is no longer wanted; its content was said with the order and cannot change"),
    ("post", "/api/v1/outbox/actions", "what is not as the step needs it is left out, and counted"),
    ("post", "/api/v1/reload", "reads the files as they are"),
];

/// A header an operation describes, and whether it must be sent.
fn header(operation: &Value, name: &str) -> Option<bool> {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    let found = parameters.find(|one| one["in"] == "header" && one["name"] == name)?;
    Some(found["required"] == true)
}

#[test]
fn every_creation_takes_a_key_and_every_change_names_the_version_it_changes() {
    let description = description();
    let mut excused = BTreeSet::new();
    for (path, method, operation) in operations(&description) {
        if method == "get" {
            continue;
        }
        let at = format!("{method} {path}");
        let answers = operation["responses"].as_object().unwrap();
        let creates = ["201", "202"].iter().any(|status| answers.contains_key(*status));
        if creates {
            let without = NO_KEY.iter().any(|(known, _)| *known == path);
            excused.extend(without.then(|| at.clone()));
            let key = header(&operation, "Idempotency-Key");
            assert_eq!(key, (!without).then_some(false), "{at}: Idempotency-Key");
            continue;
        }
        let without = NO_VERSION
            .iter()
            .any(|(verb, known, _)| *verb == method && *known == path);
        excused.extend(without.then(|| at.clone()));
        let version = header(&operation, "If-Match");
        assert_eq!(version, (!without).then_some(true), "{at}: If-Match");
        for status in ["412", "428"] {
            assert_eq!(answers.contains_key(status), !without, "{at}: {status}");
        }
    }
    assert_eq!(excused.len(), NO_KEY.len() + NO_VERSION.len(), "{excused:?}");
}

#[tokio::test]
async fn every_described_operation_is_served_and_nothing_else_is() {
    let site = Site::boiler().await;
    let description = description();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let mut described: BTreeSet<String> = methods
            .as_object()
            .unwrap()
            .keys()
            .map(|m| m.to_uppercase())
            .collect();
        if described.contains("GET") {
            described.insert("HEAD".to_owned());
        }
        let answer = site.ask(Method::TRACE, &filled(path, "HZ-0"), &[], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let served: BTreeSet<_> = answer.header("allow").split(',').map(str::to_owned).collect();
        assert_eq!(served, described, "{path}");
    }
}

#[tokio::test]
async fn every_answer_fits_its_description() {
    let (mut site, hazard) = Site::with_hazard().await;
    site.send("spBv1.0/s/NBIRTH/stranger", node_birth(site.now, 0, 1))
        .await;
    site.send("spBv1.0/s/DDATA/n1/b", b"\xff".to_vec()).await;
    // Silence, so that there are gaps and monitoring alarms.
    site.at(900_000);
    site.send("spBv1.0/s/NBIRTH/n2", node_birth(site.now, 0, 1)).await;
    site.settle().await;
    site.app.engine.set_mqtt_connected(false);
    let description = description();
    for (path, method, operation) in operations(&description) {
        if method != "get" || path == "/api/v1/events" {
            continue;
        }
        let mut uri = filled(&path, &hazard);
        if path.ends_with("/trend") {
            uri += "?quantity=steam_pressure";
        }
        let answer = site.get_as_admin(&uri).await;
        let described = &operation["responses"][answer.status.as_str()];
        assert!(described.is_object(), "{uri}: {} is not described", answer.status);
        let content = described["content"].as_object().unwrap();
        let (media, body) = content.iter().next().unwrap();
        assert!(answer.header("content-type").starts_with(media.as_str()), "{uri}");
        fits(&description, &body["schema"], &answer.body, &uri);
    }
    let acted = site
        .act(&hazard, None, r#"{"action":"comment","reason":"seen"}"#)
        .await;
    let schema = &description["paths"]["/api/v1/hazards/{id}/actions"]["post"]["responses"]["200"]["content"]
        ["application/json"]["schema"];
    fits(&description, schema, &acted.body, "act");
    let problem = site.get("/api/v1/nothing").await;
    fits(
        &description,
        &description["components"]["schemas"]["Problem"],
        &problem.body,
        "problem",
    );
}

fn filled(path: &str, hazard: &str) -> String {
    let id = if path.contains("/hazards/") {
        hazard
    } else {
        "boiler"
    };
    path.replace("{id}", id)
        .replace("{group}", "s")
        .replace("{node}", "n1")
}

/// Whether `value` is what `schema` says, with every property described.
fn fits(root: &Value, schema: &Value, value: &Value, at: &str) {
    let mut known = BTreeSet::new();
    if let Err(wrong) = check(root, schema, value, at, &mut known) {
        panic!("{wrong}");
    }
}

fn check(
    root: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    known: &mut BTreeSet<String>,
) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = root
            .pointer(reference.trim_start_matches('#'))
            .ok_or_else(|| format!("{at}: {reference}"))?;
        return check(root, schema, value, at, known);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        for part in parts {
            part_of(root, part, value, at, known)?;
        }
        return strangers(value, at, known);
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[any].as_array() {
            let mut wrong = Vec::new();
            for part in parts {
                match check(root, part, value, at, &mut BTreeSet::new()) {
                    Ok(()) => return Ok(()),
                    Err(error) => wrong.push(error),
                }
            }
            return Err(format!("{at}: none fits: {wrong:?}"));
        }
    }
    part_of(root, schema, value, at, known)?;
    if schema.get("properties").is_some() {
        strangers(value, at, known)
    } else {
        Ok(())
    }
}

fn strangers(value: &Value, at: &str, known: &BTreeSet<String>) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    match object.keys().find(|key| !known.contains(*key)) {
        Some(stranger) => Err(format!("{at}: {stranger} is not described")),
        None => Ok(()),
    }
}

fn part_of(
    root: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    known: &mut BTreeSet<String>,
) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = root
            .pointer(reference.trim_start_matches('#'))
            .ok_or_else(|| format!("{at}: {reference}"))?;
        return part_of(root, schema, value, at, known);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts
            .iter()
            .try_for_each(|part| part_of(root, part, value, at, known));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let fits = types.iter().any(|kind| match *kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    });
    if !fits {
        return Err(format!("{at}: {value} is no {types:?}"));
    }
    if let (Some(words), false) = (schema["enum"].as_array(), value.is_null())
        && !words.contains(value)
    {
        return Err(format!("{at}: {value} is none of {words:?}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            check(
                root,
                &schema["items"],
                item,
                &format!("{at}[{index}]"),
                &mut BTreeSet::new(),
            )?;
        }
    }
    if let Some(object) = value.as_object() {
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        for required in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !object.contains_key(required) {
                return Err(format!("{at}: {required} is missing"));
            }
        }
        for (key, property) in properties {
            known.insert(key.clone());
            if let Some(value) = object.get(key) {
                check(
                    root,
                    property,
                    value,
                    &format!("{at}.{key}"),
                    &mut BTreeSet::new(),
                )?;
            }
        }
    }
    Ok(())
}
