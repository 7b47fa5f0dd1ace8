//! What the API answers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::Site;
use harness::*;
use serde_json::{Value, json};
use vigil_gateway::view::Time;
use vigil_protocol::time::UtcMillis;

fn time(ms: i64) -> String {
    Time(UtcMillis(T0 + ms)).to_string()
}

#[tokio::test]
async fn an_overpressure_is_in_the_register_with_rule_clause_pack_hash_and_evidence() {
    let (site, id) = Site::with_hazard().await;
    let hazard = site.get_as_admin(&format!("/api/v1/hazards/{id}")).await.body;
    assert_eq!(hazard["status"], "suspected");
    assert_eq!(hazard["equipment"]["id"], "boiler");
    assert_eq!(hazard["rule"], "BLR-STEAM-P-HH");
    assert_eq!(hazard["episode"], time(4_000));
    assert_eq!(hazard["allowed_actions"][0], "confirm");
    assert_eq!(
        hazard["next_steps"][1]["text_required"], true,
        "a rejection needs a reason"
    );
    let citation = &hazard["citation"];
    assert_eq!(citation["pack"], "boiler-steam");
    assert_eq!(citation["pack_hash"].as_str().unwrap().len(), 64);
    assert_eq!(citation["pack_in_force"], true);
    assert!(citation["clause"].as_str().unwrap().contains("TSG 11-2020"));
    assert_eq!(hazard["chain"]["verified"], true);
    assert_eq!(hazard["history"][0]["event"], "opened");
    assert_eq!(hazard["history"][0]["actor"], Value::Null);
    assert_eq!(
        hazard["history"][0]["evidence"][0]["quantity"]["key"],
        "steam_pressure"
    );
    let evidence = &hazard["evidence"];
    assert_eq!(
        (evidence["messages"].as_u64(), &evidence["cut"]),
        (Some(12), &json!(false))
    );
    let series = &evidence["series"][0];
    assert_eq!(
        (&series["unit"], &series["kind"]),
        (&json!("MPa"), &json!("analog"))
    );
    let points = series["points"].as_array().unwrap();
    assert_eq!(points.len(), 12);
    assert_eq!(
        (&points[4]["value"], &points[4]["at"]),
        (&json!(1.03), &json!(time(4_000)))
    );
    let limits = series["limits"].as_array().unwrap();
    assert!(
        limits
            .iter()
            .any(|limit| limit["rule"] == "BLR-STEAM-P-HH" && limit["value"] == 1.02)
    );
}

#[tokio::test]
async fn evidence_outlives_the_log() {
    use sqlx::Connection as _;
    let (site, id) = Site::with_hazard().await;
    let path = format!("/api/v1/hazards/{id}");
    let before = site.get(&path).await.body;
    let url = format!("sqlite:{}", site.database().display());
    let mut retention = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for sql in [
        "INSERT INTO hazard_evidence_messages SELECT w.hazard, m.position, m.node_id, m.device_id, m.kind, m.flags, \
         m.epoch, m.seq, m.published, m.received, m.context_id, m.payload, m.source FROM hazard_windows w JOIN messages m \
         USING (node_id, device_id)",
        "DELETE FROM messages WHERE position <= 8",
    ] {
        sqlx::query(sql).execute(&mut retention).await.unwrap();
    }
    let after = site.get(&path).await.body;
    assert_eq!(after["evidence"]["kept"], 12);
    assert_eq!(after["evidence"]["series"], before["evidence"]["series"]);
}

#[tokio::test]
async fn a_broken_chain_is_shown_as_broken() {
    use sqlx::Connection as _;
    let (site, id) = Site::with_hazard().await;
    site.act(&id, None, r#"{"action":"comment","reason":"seen"}"#)
        .await;
    let url = format!("sqlite:{}", site.database().display());
    let mut forger = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for sql in [
        "DROP TRIGGER hazard_events_no_update",
        "UPDATE hazard_events SET json = replace(json, 'seen', 'nothing') WHERE seq = 1",
    ] {
        sqlx::query(sql).execute(&mut forger).await.unwrap();
    }
    let hazard = site.get(&format!("/api/v1/hazards/{id}")).await.body;
    assert_eq!(
        (&hazard["chain"]["verified"], &hazard["chain"]["broken_at"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(hazard["history"][0]["verified"], true);
    assert_eq!(hazard["history"][1]["verified"], false);
    assert!(
        hazard["chain"]["error"]
            .as_str()
            .unwrap()
            .contains("hash does not match")
    );
}

#[tokio::test]
async fn equipment_shows_its_values_with_limits_age_alarms_hazards_and_completeness() {
    let (mut site, id) = Site::with_hazard().await;
    site.at(31_000);
    let boiler = site.get("/api/v1/equipment/boiler").await.body;
    assert_eq!(
        (&boiler["watch"], &boiler["node_online"]),
        (&json!("online"), &json!(true))
    );
    assert_eq!(
        (&boiler["open_hazards"], &boiler["worst_hazard"]),
        (&json!(1), &json!("S2"))
    );
    let channels = boiler["channels"].as_array().unwrap();
    let pressure = channels
        .iter()
        .find(|channel| channel["quantity"]["key"] == "steam_pressure")
        .unwrap();
    let latest = &pressure["latest"];
    assert_eq!(
        (&latest["value"], &latest["quality"]["key"]),
        (&json!(1.03), &json!("good"))
    );
    assert_eq!(
        (&latest["age_s"], &latest["since"], &latest["stale"]),
        (&json!(20.0), &json!(time(4_000)), &json!(false))
    );
    assert!(!pressure["limits"].as_array().unwrap().is_empty());
    assert_eq!(boiler["hazards"][0]["id"], json!(id));
    let alarms = boiler["standing_alarms"].as_array().unwrap();
    assert!(
        alarms
            .iter()
            .any(|alarm| alarm["hazard"] == json!(id) && alarm["state"] == "unacknowledged")
    );
    assert_eq!(boiler["completeness"]["covered_percent"], 100.0);
    let rated = boiler["nameplate"]
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["key"] == "rated_pressure")
        .unwrap();
    assert_eq!((&rated["value"], &rated["unit"]), (&json!(1.0), &json!("MPa")));
    let rules = boiler["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "BLR-STEAM-P-HH").unwrap();
    assert_eq!(
        (&rule["opens"], &rule["unverified"]),
        (&json!("general"), &json!(false))
    );
}

#[tokio::test]
async fn a_value_that_is_not_heard_any_more_is_stale_and_its_time_is_not_covered() {
    let mut site = Site::boiler().await;
    site.at(600_000);
    // Another node's message moves the engine's time.
    site.send("spBv1.0/s/NBIRTH/n2", node_birth(site.now, 0, 8)).await;
    site.settle().await;
    let boiler = site.get("/api/v1/equipment/boiler").await.body;
    assert_eq!(boiler["watch"], "silent");
    let channels = boiler["channels"].as_array().unwrap();
    let pressure = channels
        .iter()
        .find(|channel| channel["quantity"]["key"] == "steam_pressure")
        .unwrap();
    assert_eq!(
        (
            &pressure["latest"]["stale"],
            &pressure["latest"]["quality"]["key"]
        ),
        (&json!(true), &json!("stale"))
    );
    assert_eq!(
        (&pressure["latest"]["value"], &pressure["latest"]["usable"]),
        (&json!(0.8), &json!(false))
    );
    let completeness = &boiler["completeness"];
    assert_eq!(
        (&completeness["gaps"], &completeness["open_gaps"]),
        (&json!(1), &json!(1))
    );
    assert!(
        completeness["covered_percent"].as_f64().unwrap() < 1.0,
        "{completeness}"
    );
    let silent = site.get("/api/v1/equipment?watch=silent").await.body;
    assert_eq!(
        (&silent["total"], &silent["equipment"][0]["id"]),
        (&json!(1), &json!("boiler"))
    );
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let (site, _) = Site::with_hazard().await;
    for (query, ids) in [
        ("", vec!["boiler", "lift", "solo"]),
        ("?q=BOIL", vec!["boiler"]),
        ("?category=11", vec!["boiler", "solo"]),
        ("?node=s/n1", vec!["boiler", "lift"]),
        ("?watch=never", vec!["lift", "solo"]),
        ("?hazards=true", vec!["boiler"]),
        ("?hazards=false&category=3", vec!["lift"]),
        ("?alarms=true", vec!["boiler"]),
        ("?limit=1", vec!["boiler"]),
        ("?limit=1&cursor=1", vec!["lift"]),
        ("?limit=1&cursor=2&alarms=false", vec![]),
        ("?limit=1&cursor=9", vec![]),
    ] {
        let page = site.get(&format!("/api/v1/equipment{query}")).await.body;
        let found: Vec<_> = page["equipment"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "{query}");
    }
    assert_eq!(
        site.get("/api/v1/equipment?limit=1&cursor=1").await.body["next"],
        2
    );
    assert_eq!(
        site.get("/api/v1/equipment?limit=1&cursor=2").await.body["next"],
        Value::Null
    );
    for (query, count) in [
        ("", 1),
        (
            "?equipment=boiler&status=suspected&grade=general&severity=S2&open=true",
            1,
        ),
        ("?severity=S1", 0),
        ("?open=false", 0),
        ("?equipment=lift", 0),
        ("?to=2026-01-01T00:00:00Z", 0),
        ("?from=2026-01-01T00:00:00%2B08:00", 1),
    ] {
        let page = site.get(&format!("/api/v1/hazards{query}")).await.body;
        assert_eq!(
            page["hazards"]
                .as_array()
                .unwrap_or_else(|| panic!("{page:#}"))
                .len(),
            count,
            "{query}"
        );
        assert_eq!(page["next"], Value::Null);
    }
}

#[tokio::test]
async fn a_trend_has_points_limits_hazards_and_gaps() {
    let (mut site, id) = Site::with_hazard().await;
    site.at(60_000);
    let path = "/api/v1/equipment/boiler/trend?quantity=steam_pressure";
    let trend = site
        .get(&format!("{path}&from={}&to={}", time(2_500), time(60_000)))
        .await
        .body;
    assert_eq!(
        (&trend["unit"], &trend["source"], &trend["complete"]),
        (&json!("MPa"), &json!("log"), &json!(true))
    );
    let points = trend["points"].as_array().unwrap();
    assert_eq!(
        (&points[0]["held"], &points[0]["value"], &points[0]["at"]),
        (&json!(true), &json!(0.8), &json!(time(2_500)))
    );
    assert_eq!(points.len(), 10);
    assert!(
        trend["limits"]
            .as_array()
            .unwrap()
            .iter()
            .all(|limit| limit["value"].is_f64())
    );
    assert_eq!(trend["hazards"][0]["id"], json!(id));
    assert_eq!(trend["hazards"][0]["at"], time(4_000));
    let level = site
        .get("/api/v1/equipment/boiler/trend?quantity=burner_firing")
        .await
        .body;
    assert_eq!(
        (&level["kind"], &level["points"][0]["value"]),
        (&json!("binary"), &json!(1.0))
    );
    // Longer than the log serves: hourly roll-ups.
    let year = site
        .get(&format!(
            "{path}&from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"
        ))
        .await
        .body;
    assert_eq!(year["source"], "rollup");
}

#[tokio::test]
async fn a_long_trend_is_read_page_by_page_and_keeps_its_extremes() {
    let mut site = Site::boiler().await;
    for second in 0..4_500 {
        site.pressure(if second == 3_333 { 0.95 } else { 0.8 }).await;
    }
    site.settle().await;
    let path = "/api/v1/equipment/boiler/trend?quantity=steam_pressure";
    let trend = site
        .get(&format!("{path}&from={}&to={}", time(0), time(4_600_000)))
        .await
        .body;
    assert_eq!(
        (&trend["source"], &trend["complete"]),
        (&json!("log"), &json!(true))
    );
    let points = trend["points"].as_array().unwrap();
    assert!((700..=1_501).contains(&points.len()), "{}", points.len());
    let readings: u64 = points
        .iter()
        .map(|point| point["readings"].as_u64().unwrap())
        .sum();
    assert_eq!(readings, 4_504);
    assert!(points.iter().any(|point| point["high"] == 0.95));
}

#[tokio::test]
async fn the_overview_never_counts_hazards_without_completeness() {
    let empty = Site::empty().await;
    let overview = empty.get("/api/v1/overview").await.body;
    assert_eq!(overview["hazards"]["by_severity"]["total"], 0);
    assert_eq!(overview["completeness"]["covered_percent"], Value::Null);
    assert_eq!(
        (&overview["equipment"]["never"], &overview["nodes"]["total"]),
        (&json!(3), &json!(2))
    );

    let (mut site, id) = Site::with_hazard().await;
    site.send("spBv1.0/s/NBIRTH/stranger", node_birth(site.now, 0, 1))
        .await;
    site.send("spBv1.0/s/DBIRTH/stranger/x", boiler_birth(site.now))
        .await;
    site.send("spBv1.0/s/DDATA/n1/b", b"\xff\xff".to_vec()).await;
    site.settle().await;
    let overview = site.get("/api/v1/overview").await.body;
    assert_eq!(
        (
            &overview["hazards"]["by_severity"]["s2"],
            &overview["hazards"]["suspected"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(overview["open_hazards"][0]["id"], json!(id));
    assert_eq!(
        (&overview["equipment"]["online"], &overview["nodes"]["online"]),
        (&json!(1), &json!(1))
    );
    let percent = overview["completeness"]["covered_percent"].as_f64().unwrap();
    assert!((33.0..34.0).contains(&percent), "{percent}");
    assert_eq!(
        (&overview["unregistered"], &overview["dead_letters"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(overview["gateway"]["ready"], true);
    let strangers = site.get("/api/v1/unregistered").await.body;
    assert_eq!(strangers["devices"][0]["device"], "x");
    let metrics = strangers["devices"][0]["metrics"].as_array().unwrap();
    assert!(
        metrics
            .iter()
            .any(|metric| metric["quantity"] == "steam_pressure"),
        "{metrics:?}"
    );
    let letters = site.get("/api/v1/dead-letters").await.body;
    assert_eq!(
        (&letters["total"], &letters["letters"][0]["payload_bytes"]),
        (&json!(1), &json!(2))
    );
    let node = site.get("/api/v1/nodes/s/n1").await.body;
    assert_eq!(
        (
            &node["state"],
            &node["undecodable"],
            &node["journal"]["contiguous"]
        ),
        (&json!("online"), &json!(1), &json!(10))
    );
    let unknown = site.get("/api/v1/nodes?known=false").await.body;
    assert_eq!(
        (&unknown["total"], &unknown["nodes"][0]["node"]),
        (&json!(1), &json!("stranger"))
    );
}

#[tokio::test]
async fn the_packs_in_force_are_listed_with_hash_and_ground() {
    let site = Site::empty().await;
    let rules = site.get("/api/v1/rules").await.body;
    let packs = rules["packs"].as_array().unwrap();
    let boiler = packs.iter().find(|pack| pack["id"] == "boiler-steam").unwrap();
    assert_eq!(boiler["hash"].as_str().unwrap().len(), 64);
    let rule = boiler["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["id"] == "BLR-STEAM-P-HH")
        .unwrap();
    assert_eq!(rule["equipment"], 2);
    for pack in packs {
        for rule in pack["rules"].as_array().unwrap() {
            assert_eq!(
                rule["unverified"],
                json!(rule["confidence"] == "memory-low"),
                "{rule}"
            );
            assert!(!rule["clause"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
}

#[tokio::test]
async fn the_metrics_are_prometheus_text() {
    let (site, _) = Site::with_hazard().await;
    let metrics = site.get("/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = metrics.body.as_str().unwrap();
    for line in [
        "vigil_hazards_open{severity=\"S2\"} 1",
        "vigil_mqtt_up 1",
        "vigil_ready 1",
        "vigil_messages_logged_total 13",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is missing in\n{text}"
        );
    }
}
