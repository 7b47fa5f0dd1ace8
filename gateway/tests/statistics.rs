//! Statistics over the API: sums follow the hazards, nobody counts another's, and nothing is zero without saying how
//! much was watched.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;
use vigil_core::people::{Role, Scope};
use vigil_gateway::desk::{self, statistics};

const HOUR: i64 = 3_600_000;

#[rustfmt::skip] // a table
const CAST: &[(&str, Role, Option<&str>, &[&str])] = &[
    ("site-a", Role::Site, Some("acme"), &[]),
    ("site-b", Role::Site, Some("other"), &[]),
    ("maintainer", Role::Maintainer, Some("fix"), &[]),
    ("regulator", Role::Regulator, None, &["2103"]),
    ("elsewhere", Role::Regulator, None, &["11", "2104"]),
    ("wide", Role::Department, None, &["21", "2103"]),
];

async fn register(site: &Site, use_unit: &str) {
    let scope = Scope {
        use_unit: Some(use_unit.into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: None,
        area: "210381".into(),
    };
    site.belongs("boiler", scope).await;
}

async fn people(site: &Site) -> Vec<(&'static str, String)> {
    let mut bearers = Vec::new();
    for (login, role, unit, areas) in CAST {
        let token = site.user(login, *role, *unit, areas).await;
        bearers.push((*login, format!("Bearer {token}")));
    }
    bearers
}

async fn count(site: &Site) {
    let (policy, zone) = (site.app.engine.policy(), &site.app.config.web.timezone);
    while statistics::count_changed(&site.app.desk, &policy, zone)
        .await
        .unwrap()
        > 0
    {}
}

async fn get(site: &Site, query: &str) -> Value {
    let answer = site.get_as_admin(&format!("/api/v1/statistics?{query}")).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body
}

async fn report(site: &Site, category: &str, grade: &str) -> String {
    let body = json!({
        "equipment": "boiler", "source": "patrol", "category": category, "description": "x", "grade": grade,
    });
    let reported = site.post_json("/api/v1/hazards", None, &body).await;
    assert_eq!(reported.status, 201, "{:#}", reported.body);
    reported.body["hazard"]["id"].as_str().unwrap().to_owned()
}

async fn act(site: &Site, hazard: &str, body: Value) {
    let done = site.act(hazard, None, &body.to_string()).await;
    assert_eq!(done.status, 200, "{:#}", done.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_follow_the_hazards_and_counting_anew_gives_the_same() {
    let (mut site, found) = Site::with_hazard().await;
    register(&site, "acme").await;
    count(&site).await;
    let one = get(&site, "").await;
    assert_eq!(
        (&one["total"]["opened"], &one["total"]["open"]),
        (&json!(1), &json!(1)),
        "{:#}",
        one["total"]
    );
    assert_eq!(one["total"]["on_time_percent"], Value::Null, "nothing was due");
    assert_eq!(one["areas"][0]["key"], "21");
    assert_eq!(one["not_counted"], json!(0));
    let other = report(&site, "management", "general").await;
    site.at(2 * HOUR);
    act(&site, &found, json!({"action": "reject", "reason": "表误"})).await;
    act(&site, &other, json!({"action": "confirm"})).await;
    act(
        &site,
        &other,
        json!({"action": "assign", "assignment": {"person": "王工"}}),
    )
    .await;
    act(&site, &other, json!({"action": "start"})).await;
    assert!(
        get(&site, "").await["not_counted"].as_u64().unwrap() >= 2,
        "it says what is not counted"
    );
    site.at(10 * HOUR);
    let photo = site.upload("a.jpg", &[0xFF, 0xD8, 0xFF, 0xE0, 1]).await.body["sha256"].clone();
    act(
        &site,
        &other,
        json!({"action": "self_check", "reason": "好了", "attachments": [{"sha256": photo}]}),
    )
    .await;
    count(&site).await;
    let now = get(&site, "").await;
    let total = &now["total"];
    for (key, n) in [
        ("opened", 2),
        ("rejected", 1),
        ("open", 1),
        ("due_on_time", 1),
        ("due_late", 0),
        ("repeated", 0),
    ] {
        assert_eq!(total[key], json!(n), "{key}: {total:#}");
    }
    assert_eq!(
        (
            total["on_time_percent"].as_f64(),
            total["repeat_percent"].as_f64()
        ),
        (Some(100.0), Some(0.0))
    );
    let hours = |times: &Value, key: &str| times[key].as_f64().unwrap() / 3_600.0;
    assert_eq!(total["acknowledge"]["count"], json!(2));
    assert!(
        (hours(&total["acknowledge"], "median_s") / 2.0 - 1.0).abs() < 0.05,
        "{total:#}"
    );
    assert!(
        (hours(&total["rectify"], "p90_s") / 10.0 - 1.0).abs() < 0.05,
        "{total:#}"
    );
    let management = get(&site, "category=management").await;
    assert_eq!(management["total"]["opened"], json!(1));
    assert_eq!(management["categories"].as_array().unwrap().len(), 1);
    assert_eq!(
        get(&site, "from=2025-01&to=2025-12").await["total"]["opened"],
        json!(0)
    );

    // The equipment goes to another unit: its hazards count there, and no longer here.
    assert_eq!(get(&site, "unit=acme").await["total"]["opened"], json!(2));
    register(&site, "other").await;
    count(&site).await;
    assert_eq!(get(&site, "unit=acme").await["total"]["opened"], json!(0));
    assert_eq!(get(&site, "unit=other").await["total"]["opened"], json!(2));

    let mut raw = sqlx::SqliteConnection::connect(site.database().to_str().unwrap())
        .await
        .unwrap();
    let sums = "SELECT group_concat(who || '|' || category || '|' || level || '|' || measure || '|' || area || '|' || \
                month || '|' || bucket || '|' || n, char(10)) FROM (SELECT * FROM stat_counts WHERE n <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7)";
    let before: String = sqlx::query_scalar(sums).fetch_one(&mut raw).await.unwrap();
    for sql in [
        "DELETE FROM stat_counts",
        "DELETE FROM stat_counted",
        "INSERT INTO stat_changed SELECT id FROM hazards",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    count(&site).await;
    let anew: String = sqlx::query_scalar(sums).fetch_one(&mut raw).await.unwrap();
    assert_eq!(before, anew, "what was taken off and put on is what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_counts_what_is_anothers() {
    let (site, _) = Site::with_hazard().await;
    register(&site, "acme").await;
    let bearers = people(&site).await;
    count(&site).await;
    statistics::watch(
        &site.app,
        desk::today(&site.app.clock, &site.app.config.web.timezone),
    )
    .await
    .unwrap();
    for (login, query, opened) in [
        ("site-a", "", 1),
        ("site-a", "unit=acme", 1),
        ("site-b", "", 0),
        ("site-b", "unit=acme", 0),
        ("maintainer", "", 1),
        ("maintainer", "area=2103", 1),
        ("regulator", "", 1),
        ("regulator", "unit=acme", 1),
        ("regulator", "area=210381", 1),
        ("regulator", "area=2", 1),
        ("regulator", "area=31", 0),
        ("elsewhere", "", 0),
        ("elsewhere", "unit=acme", 0),
        ("wide", "", 1),
    ] {
        let (_, bearer) = bearers.iter().find(|(known, _)| *known == login).unwrap();
        let headers = [("authorization", bearer.as_str())];
        let path = format!("/api/v1/statistics?{query}");
        let body = site.ask(Method::GET, &path, &headers, "").await.body;
        let total = &body["total"];
        assert_eq!(
            (&total["opened"], &total["open"]),
            (&json!(opened), &json!(opened)),
            "{login} {query}"
        );
        let (areas, watched) = (body["areas"].as_array().unwrap(), &body["watched"]["equipment"]);
        assert_eq!(
            (areas.len(), watched),
            (opened, &json!(opened)),
            "{login} {query}: {body:#}"
        );
        let path = format!("/api/v1/statistics/export?{query}");
        let table = site.ask(Method::GET, &path, &headers, "").await.body;
        let table = table.as_str().unwrap();
        assert!(
            table.contains(&format!("全部,,,{opened},")),
            "{login} {query}: {table}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hazards_and_no_data_are_told_apart() {
    let mut site = Site::boiler().await;
    let before = get(&site, "").await;
    assert_eq!(
        (&before["total"]["opened"], &before["watched"]["percent"]),
        (&json!(0), &Value::Null)
    );
    // An hour of data, then silence.
    for _ in 0..3 {
        site.pressure(0.8).await;
    }
    site.settle().await;
    site.at(HOUR);
    let day = desk::today(&site.app.clock, &site.app.config.web.timezone);
    statistics::watch(&site.app, day).await.unwrap();
    let watched = get(&site, "").await;
    let percent = watched["watched"]["percent"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&percent), "{percent}");
    assert!(
        watched["watched"]["elapsed_s"].as_u64().unwrap() >= 3_590,
        "{:#}",
        watched["watched"]
    );
    assert_eq!(watched["watched"]["days"], json!(1));
    let months = watched["months"].as_array().unwrap();
    assert_eq!(months.len(), 12, "months without anything stand there too");
    assert_eq!(months[0]["watched_percent"], Value::Null);
    assert_eq!(months[11]["watched_percent"].as_f64(), Some(percent));
    for (query, said) in [
        ("from=2026-13", "a month"),
        ("from=2026-06&to=2026-01", "not after"),
        ("from=2001-01", "at most"),
        ("area=21x", "GB/T 2260"),
        ("category=managment", "management"),
    ] {
        let refused = site.get_as_admin(&format!("/api/v1/statistics?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(
            refused.body.to_string().contains(said),
            "{query}: {:#}",
            refused.body
        );
    }
}
