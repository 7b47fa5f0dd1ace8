//! Lists as tables: all rows, filtered and seen as the list, in both languages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::http::Method;
use std::fmt::Write as _;
use vigil_core::calendar::Schedules;
use vigil_core::people::Role;
use vigil_gateway::desk::register::{Act, apply, scope_of, send};
use vigil_gateway::desk::today;
use vigil_gateway::people::{TokenScope, UserFacts};

const ROWS: usize = 2_100;

/// A gateway with a register of more than two pages.
async fn furnished() -> Site {
    let site = Site::empty().await;
    let mut file = "系统编号,设备名称,类别代码,区划代码,使用单位\n".to_owned();
    for n in 0..ROWS {
        let (area, unit) = if n % 3 == 0 {
            ("210381", "甲")
        } else {
            ("210102", "乙")
        };
        writeln!(file, "L-{n:04},=梯{n},3110,{area},{unit}").unwrap();
    }
    let app = &site.app;
    let act = Act::new("test", "command", app.clock.now(), today(&app.clock, "UTC")).told(&app.people);
    let (sent, _) = send(&app.desk, &act, "a.csv", file.as_bytes(), None)
        .await
        .unwrap();
    apply(&app.desk, &act, &Schedules::builtin(), sent.n, None, false)
        .await
        .unwrap();
    site
}

async fn get(site: &Site, token: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    site.ask(Method::GET, path, &[("authorization", &bearer)], "")
        .await
}

fn lines(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let text = answer.body.as_str().unwrap().trim_start_matches('\u{feff}');
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_table_has_every_row_of_its_list_and_no_formula() {
    let site = furnished().await;
    let token = site.token.clone();
    let table = get(&site, &token, "/api/v1/register?format=csv&lang=en").await;
    assert_eq!(
        table.header("content-disposition"),
        "attachment; filename=\"vigil-register.csv\""
    );
    let all = lines(&table);
    assert_eq!(all.len(), ROWS + 1);
    assert!(all[0].starts_with("Vigil id,name,category code,"), "{}", all[0]);
    assert!(all[1].starts_with("L-0000,'=梯0,3110,"), "{}", all[1]);
    let filtered = lines(&get(&site, &token, "/api/v1/register?area=210381&format=csv&lang=zh").await);
    assert_eq!(filtered.len(), ROWS / 3 + 1);
    assert!(filtered[0].starts_with("系统编号,设备名称,"), "{}", filtered[0]);
    // From where a page ended.
    let rest = lines(&get(&site, &token, "/api/v1/register?format=csv&after=.L-2089").await);
    assert_eq!(rest.len(), 11);
    for path in [
        "/api/v1/units",
        "/api/v1/certificates",
        "/api/v1/calendar",
        "/api/v1/coverage",
        "/api/v1/alarms",
        "/api/v1/nodes",
        "/api/v1/users",
        "/api/v1/audit",
    ] {
        assert!(
            !lines(&get(&site, &token, &format!("{path}?format=csv")).await).is_empty(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_table_is_of_what_its_reader_sees_and_says_what_is_wrong() {
    let site = furnished().await;
    let unit = scope_of(&site.app.desk, "L-0000")
        .await
        .unwrap()
        .unwrap()
        .use_unit;
    let facts = UserFacts {
        name: "甲".to_owned(),
        role: Role::Site,
        unit,
        areas: Vec::new(),
        language: None,
        phone: None,
        active: true,
    };
    let people = &site.app.people;
    people
        .add_user("own", &facts, "the drum is warm today")
        .await
        .unwrap();
    let token = people
        .add_token("own", "t", &[TokenScope::Read], 1)
        .await
        .unwrap()
        .secret;
    let own = lines(&get(&site, &token, "/api/v1/register?format=csv").await);
    assert_eq!(own.len(), ROWS / 3 + 1);
    assert!(own.iter().skip(1).all(|line| line.contains("210381")));
    assert_eq!(get(&site, &token, "/api/v1/users?format=csv").await.status, 403);
    assert_eq!(
        site.ask(Method::GET, "/api/v1/register?format=csv", &[], "")
            .await
            .status,
        401
    );
    for wrong in [
        "format=xlsx",
        "format=csv&limit=5",
        "format=csv&lang=fr",
        "format=csv&bogus=1",
        "format=csv&state=x",
    ] {
        let answer = get(&site, &token, &format!("/api/v1/register?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().len() > 5, "{wrong}");
    }
}
