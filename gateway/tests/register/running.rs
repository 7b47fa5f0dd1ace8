//! Equipment that runs although the register forbids it.

use super::{enter, lift, with_token};
use crate::api_site::Site;
use axum::http::{Method, StatusCode};
use serde_json::json;
use std::pin::Pin;
use std::sync::Mutex;
use vigil_core::register::StateFinding;
use vigil_gateway::desk::watch::{self, HazardOpener};

/// Remembers what it was asked to open.
#[derive(Debug, Default)]
struct Opener(Mutex<Vec<String>>);

impl HazardOpener for Opener {
    fn open<'o>(
        &'o self,
        equipment: &'o str,
        finding: &'o StateFinding,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'o>> {
        let mut asked = self.0.lock().unwrap();
        asked.push(format!(
            "{equipment} {} {}",
            finding.condition.key(),
            finding.since
        ));
        let hazard = format!("HZ-{}", asked.len());
        Box::pin(std::future::ready(Some(hazard)))
    }
}

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn what_runs_although_the_register_forbids_it_is_one_hazard_per_episode() {
    let mut site = Site::boiler().await;
    let mut boiler = lift();
    for (field, text) in [
        ("id", "boiler"),
        ("category", "1100"),
        ("registration_no", "锅10辽C00012(20)"),
        ("equipment_code", "11001001920150001"),
        ("next_inspection", "2026-05-20"),
        ("last_inspection", "2025-05-20"),
        ("installed", ""),
        ("manufactured", ""),
    ] {
        boiler["facts"][field] = json!(text);
    }
    let entered = enter(&site, &boiler).await;
    assert_eq!(
        (entered.status, &entered.body["id"]),
        (StatusCode::CREATED, &json!("boiler")),
        "{:#}",
        entered.body
    );
    // Under steam for three hours of this day.
    for hour in 1..=3 {
        site.at(hour * HOUR);
        for _ in 0..3 {
            site.pressure(0.8).await;
        }
    }
    site.at(5 * HOUR);
    site.pressure(0.0).await;
    site.settle().await;
    let opener = Opener::default();
    let first = watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!((first.run_days, first.opened), (0, 0), "the day is not over");
    site.at(24 * HOUR);
    let next = watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!((next.run_days, next.standing, next.opened), (1, 1, 1), "{next:?}");
    let found = site.get("/api/v1/register/findings").await.body;
    let one = &found["findings"][0];
    assert_eq!(
        (&one["condition"], &one["since"], &one["hazard"]),
        (&json!("inspection_overdue"), &json!("2026-05-21"), &json!("HZ-1"))
    );
    let hours = one["hours"].as_f64().unwrap();
    assert!((3.0..=4.0).contains(&hours), "{hours} h");
    let observed = one["observed_percent"].as_f64().unwrap();
    assert!(
        observed > 0.0 && observed < 5.0,
        "5 hours of 13 days: {observed} %"
    );
    for day in 2..5 {
        site.at(day * 24 * HOUR);
        watch::daily(&site.app, &opener).await.unwrap();
        watch::daily(&site.app, &opener).await.unwrap();
    }
    assert_eq!(
        *opener.0.lock().unwrap(),
        ["boiler inspection_overdue 2026-05-21"],
        "one episode, one hazard"
    );
    let body =
        json!({"facts": {"last_inspection": "2026-06-04", "next_inspection": "2027-06-04"}}).to_string();
    let inspected = with_token(
        &site,
        Method::PUT,
        "/api/v1/register/boiler",
        &[("if-match", "\"1\"")],
        &body,
    )
    .await;
    assert_eq!(inspected.status, StatusCode::OK, "{:#}", inspected.body);
    watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!(
        site.get("/api/v1/register/findings").await.body["findings"],
        json!([]),
        "inspected: it is over"
    );
    let all = site.get("/api/v1/register/findings?all=1").await.body;
    assert!(all["findings"][0]["ended_at"].is_string());
}
