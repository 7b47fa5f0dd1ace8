//! Who sees and writes what.

use super::{enter, lift};
use crate::api_site::Site;
use axum::http::{Method, StatusCode};
use serde_json::json;
use std::sync::Arc;
use vigil_core::people::{Person, Role, Scope};
use vigil_gateway::desk::register::{self, ListFilter};
use vigil_gateway::desk::{calendar, day_of};
use vigil_gateway::people::{COOKIE, UserFacts};

/// T0 is 2026-06-01 08:00 in Shanghai.
const ZONE: &str = "Asia/Shanghai";

#[tokio::test]
async fn whose_it_is_decides_who_sees_it_in_lists_and_in_the_calendar() {
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let mut elsewhere = lift();
    for (field, text) in [
        ("equipment_code", "31101001920150009"),
        ("registration_no", "梯11京A00099(20)"),
        ("factory_no", "X-9"),
        ("area", "110101"),
        ("use_unit", "别的商场"),
        ("use_unit_uscc", ""),
    ] {
        elsewhere["facts"][field] = json!(text);
    }
    assert_eq!(enter(&site, &elsewhere).await.status, StatusCode::CREATED);
    let today = day_of(site.app.clock.now(), ZONE);
    let desk = &site.app.desk;
    let person = |role, unit: Option<&str>, areas: &[&str]| Person {
        login: "x".into(),
        role,
        unit: unit.map(Into::into),
        areas: areas.iter().map(|area| (*area).into()).collect(),
    };
    let maintainer = register::scope_of(desk, "31101001920150001")
        .await
        .unwrap()
        .unwrap()
        .maintenance_unit
        .unwrap();
    let everything: Vec<Scope> = {
        let mut scopes = Vec::new();
        for id in ["31101001920150001", "31101001920150009"] {
            scopes.push(register::scope_of(desk, id).await.unwrap().unwrap());
        }
        scopes
    };
    for (person, expected) in [
        (person(Role::Administrator, None, &[]), 2),
        (person(Role::Site, Some("91350100M000100Y43"), &[]), 1),
        (person(Role::Site, None, &[]), 0),
        (person(Role::Site, Some(&maintainer), &[]), 0),
        (person(Role::Maintainer, Some(&maintainer), &[]), 2),
        (person(Role::InspectionBody, Some("nobody"), &[]), 0),
        (person(Role::Regulator, None, &["21"]), 1),
        (person(Role::Regulator, None, &["21", "11"]), 2),
        (person(Role::Department, None, &[""]), 2),
        (person(Role::Department, None, &[]), 0),
    ] {
        let page = register::list(desk, &person, &ListFilter::default(), today)
            .await
            .unwrap();
        assert_eq!(page.rows.len(), expected, "{person:?}");
        assert_eq!(page.total, expected as u64, "counts are filtered too");
        let seen = everything.iter().filter(|scope| person.sees(scope)).count();
        assert_eq!(seen, expected, "SQL and the core agree: {person:?}");
        let due = calendar::calendar(desk, &person, &calendar::CalendarFilter::default(), today)
            .await
            .unwrap();
        let mut ids: Vec<_> = due.rows.iter().map(|row| row.equipment.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{person:?}");
        let (all, _) = calendar::coverage(desk, &person, calendar::CoverageBy::Area, ("", ""), today, 10)
            .await
            .unwrap();
        assert_eq!(all.in_use, expected as u64, "{person:?}");
        let entry = register::entry(
            desk,
            &person,
            &site.app.rules.schedules(),
            "31101001920150001",
            today,
        )
        .await
        .unwrap();
        assert_eq!(entry.is_some(), person.sees(&everything[0]), "{person:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_reads_and_writes_only_what_is_in_scope_on_every_route() {
    const PASSWORD: &str = "the drum is warm today";
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let people = &site.app.people;
    let mut cookies = Vec::new();
    for (login, role, unit, areas) in [
        ("own", Role::Site, Some("91350100M000100Y43"), vec![]),
        ("other", Role::Site, Some("another"), vec![]),
        ("here", Role::Regulator, None, vec!["2103"]),
        ("elsewhere", Role::Regulator, None, vec!["11"]),
    ] {
        let facts = UserFacts {
            name: login.to_owned(),
            role,
            unit: unit.map(Into::into),
            areas: areas.into_iter().map(Arc::from).collect(),
            language: None,
            phone: None,
            active: true,
        };
        people.add_user(login, &facts, PASSWORD).await.unwrap();
        let session = people.sign_in(login, PASSWORD, None, "test").await.unwrap();
        let cookie = format!("{COOKIE}={session}");
        let account = site
            .ask(Method::GET, "/api/v1/account", &[("cookie", &cookie)], "")
            .await;
        cookies.push((login, cookie, account.body["csrf"].as_str().unwrap().to_owned()));
    }
    let one = "/api/v1/register/31101001920150001";
    for (login, cookie, _) in &cookies {
        let inside = ["own", "here"].contains(login);
        let get = |path: String| {
            let site = &site;
            async move { site.ask(Method::GET, &path, &[("cookie", cookie)], "").await }
        };
        for path in [
            one.to_owned(),
            format!("{one}/changes"),
            format!("{one}/accessories"),
            "/api/v1/units/91350100M000100Y43".to_owned(),
        ] {
            let answer = get(path.clone()).await;
            let expected = if inside {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(answer.status, expected, "{path} by {login}: {:#}", answer.body);
        }
        let total = get("/api/v1/register".to_owned()).await.body["total"].clone();
        assert_eq!(total, u64::from(inside), "{login}");
        let due = get("/api/v1/calendar".to_owned()).await.body;
        assert_eq!(!due["due"].as_array().unwrap().is_empty(), inside, "{login}");
        let coverage = get("/api/v1/coverage".to_owned()).await.body;
        assert_eq!(coverage["all"]["in_use"], u64::from(inside), "{login}");
        assert_eq!(
            get("/api/v1/imports".to_owned()).await.status,
            StatusCode::FORBIDDEN,
            "{login}"
        );
    }
    let body = json!({"facts": {"name": "一号梯"}}).to_string();
    let there =
        json!({"facts": {"category": "3110", "equipment_code": "31101001920150005", "area": "440100"}})
            .to_string();
    for (login, cookie, csrf) in &cookies {
        let headers = |extra: (&'static str, &'static str)| {
            vec![
                ("cookie", cookie.as_str()),
                ("x-csrf-token", csrf.as_str()),
                ("content-type", "application/json"),
                extra,
            ]
        };
        let changed = site
            .ask(Method::PUT, one, &headers(("if-match", "\"1\"")), &body)
            .await;
        let expected = match *login {
            "here" => StatusCode::OK,
            "elsewhere" => StatusCode::NOT_FOUND,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(changed.status, expected, "{login}: {:#}", changed.body);
        let made = site
            .ask(
                Method::POST,
                "/api/v1/register",
                &headers(("accept", "*/*")),
                &there,
            )
            .await;
        assert_eq!(
            made.status,
            StatusCode::FORBIDDEN,
            "{login} is responsible for no such area"
        );
    }
    let scope = site.app.scope_of("31101001920150001");
    assert_eq!(
        scope.use_unit.as_deref(),
        Some("91350100M000100Y43"),
        "the register says whose it is, everywhere"
    );
}
