//! The pages about risks: entered, assessed, checked and mapped by hand, without scripts, whatever names say.

use super::site::{Answer, HOSTILE, PLAIN, Site};
use super::{assert_sound, encoded, hidden, signed_in};
use axum::http::StatusCode;
use vigil_gateway::desk::risk;

async fn enter(site: &Site, cookie: &str, csrf: &str, equipment: &str, name: &str) -> Answer {
    let form = encoded(&[
        ("csrf", csrf),
        ("equipment", equipment),
        ("name", name),
        ("factor", name),
        ("owner", name),
    ]);
    site.post("/risk/new", cookie, &form).await
}

#[tokio::test]
async fn a_risk_is_entered_assessed_and_checked_without_a_script() {
    let site = Site::new(PLAIN).await;
    for page in ["/risk/new", "/risk/points/RP-000001/assess"] {
        assert_eq!(
            site.get(page, "").await.status,
            StatusCode::SEE_OTHER,
            "{page}: sign in first"
        );
    }
    let (cookie, csrf) = signed_in(&site, "/risk/new").await;
    let empty = site.get("/risk", &cookie).await.body;
    assert!(
        empty.contains("不是没有风险") || empty.contains("not the same as none"),
        "{empty}"
    );
    let forged = enter(&site, &cookie, "guess", "boiler", "超压").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let nowhere = enter(&site, &cookie, &csrf, "no such", "超压").await;
    assert_eq!(nowhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [
        "value=\"no such\"",
        "value=\"超压\"",
        "id=\"e-equipment\"",
        "href=\"#f-equipment\"",
    ] {
        assert!(nowhere.body.contains(kept), "{kept}: {}", nowhere.body);
    }
    let entered = enter(&site, &cookie, &csrf, "boiler", "超压").await;
    let assess = "/risk/points/RP-000001/assess";
    assert_eq!(
        (entered.status, entered.header("location")),
        (StatusCode::SEE_OTHER, assess)
    );

    let form = site
        .get(&format!("{assess}?method=ls&lang=en"), &cookie)
        .await
        .body;
    assert_sound(assess, &form);
    assert!(form.contains("≥ 20") && form.contains("not assessed"), "{form}");
    let revision = hidden(&form, "revision");
    let fields = |l: &'static str, todo: &'static str| {
        encoded(&[
            ("csrf", &csrf),
            ("revision", &revision),
            ("method", "ls"),
            ("f-l", l),
            ("f-s", "4"),
            ("do", todo),
        ])
    };
    let incomplete = site.post(assess, &cookie, &fields("", "save")).await;
    assert_eq!(incomplete.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(incomplete.body.contains("href=\"#factors.l\"") && incomplete.body.contains("id=\"e-l\""));
    let preview = site.post(assess, &cookie, &fields("5", "preview")).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert!(preview.body.contains("L 5 × S 4 = 20"), "{}", preview.body);
    let point = site.get("/risk/points/RP-000001?lang=en", &cookie).await.body;
    assert!(point.contains("Never assessed"), "a preview saves nothing");
    let saved = site.post(assess, &cookie, &fields("5", "save")).await;
    assert_eq!(
        (saved.status, saved.header("location")),
        (StatusCode::SEE_OTHER, "/risk/points/RP-000001")
    );
    let stale = site.post(assess, &cookie, &fields("4", "save")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "somebody was faster");
    assert_eq!(hidden(&stale.body, "revision"), "2");

    let measures = "/risk/points/RP-000001/measures";
    let blank = site.get(measures, &cookie).await.body;
    assert!(
        blank.contains("value=\"7\""),
        "the period of a red risk is offered: {blank}"
    );
    let bad = encoded(&[
        ("csrf", &csrf),
        ("kind", "ppe"),
        ("text", "gloves"),
        ("owner", "Li"),
        ("period_days", "often"),
    ]);
    let bad = site.post(measures, &cookie, &bad).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        bad.body.contains("gloves") && bad.body.contains("id=\"e-period_days\""),
        "{}",
        bad.body
    );
    let good = encoded(&[
        ("csrf", &csrf),
        ("kind", "engineering"),
        ("text", "safety valve sealed"),
        ("owner", "Li"),
        ("period_days", "7"),
    ]);
    assert_eq!(
        site.post(measures, &cookie, &good).await.status,
        StatusCode::SEE_OTHER
    );
    let checks = "/risk/measures/1/checks";
    let silent = encoded(&[("csrf", &csrf), ("result", "failed")]);
    let silent = site.post(checks, &cookie, &silent).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.body.contains("id=\"e-remark\""));
    let failed = encoded(&[("csrf", &csrf), ("result", "failed"), ("remark", "seal broken")]);
    assert_eq!(
        site.post(checks, &cookie, &failed).await.status,
        StatusCode::SEE_OTHER
    );
    let point = site.get("/risk/points/RP-000001?lang=en", &cookie).await.body;
    assert!(
        point.contains("/hazards/HZ-") && point.contains("still failed"),
        "{point}"
    );
    // The hazard leads back to where it comes from.
    let hazard = point.split("/hazards/HZ-").nth(1).unwrap();
    let hazard = hazard.split('"').next().unwrap();
    let hazard = site.get(&format!("/hazards/HZ-{hazard}"), &cookie).await.body;
    assert!(
        hazard.contains("href=\"/risk/points/RP-000001\"") && hazard.contains("href=\"/risk/measures/1\""),
        "{hazard}"
    );
    let passed = encoded(&[("csrf", &csrf), ("result", "passed")]);
    assert_eq!(
        site.post(checks, &cookie, &passed).await.status,
        StatusCode::SEE_OTHER
    );
    let again = site.get("/risk/points/RP-000001?lang=en", &cookie).await.body;
    assert!(
        again.contains("/hazards/HZ-") && !again.contains("still failed"),
        "{again}"
    );
    let edit = "/risk/points/RP-000001/edit";
    let form = site.get(edit, &cookie).await.body;
    let change = encoded(&[
        ("csrf", &csrf),
        ("revision", &hidden(&form, "revision")),
        ("name", "改名"),
        ("factor", "超压"),
        ("owner", "Li"),
    ]);
    assert_eq!(
        site.post(edit, &cookie, &change).await.status,
        StatusCode::SEE_OTHER
    );
    let ranking = site.get("/risk/ranking/equipment?lang=en", &cookie).await.body;
    assert!(ranking.contains("red risk points 1"), "{ranking}");
    let map = site.get("/risk/map?lang=en", &cookie).await.body;
    assert!(
        map.contains("major risks") && map.contains("without data"),
        "{map}"
    );
}

#[tokio::test]
async fn names_are_text_on_every_page_and_in_every_export() {
    let site = Site::new(HOSTILE).await;
    let (cookie, csrf) = signed_in(&site, "/risk/new").await;
    let name = "=cmd|<script>alert(1)</script>\"><img src=x onerror=alert(1)>";
    let entered = enter(
        &site,
        &cookie,
        &csrf,
        "boiler",
        &name.chars().take(50).collect::<String>(),
    )
    .await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.body);
    let measure = encoded(&[
        ("csrf", &csrf),
        ("kind", "ppe"),
        ("text", name),
        ("owner", "-1+1"),
        ("period_days", "7"),
    ]);
    let added = site
        .post("/risk/points/RP-000001/measures", &cookie, &measure)
        .await;
    assert_eq!(added.status, StatusCode::SEE_OTHER);
    risk::refresh(&site.app).await.unwrap();
    for lang in ["zh", "en"] {
        for path in [
            "/risk",
            "/risk/new",
            "/risk/points/RP-000001",
            "/risk/points/RP-000001/edit",
            "/risk/points/RP-000001/assess",
            "/risk/points/RP-000001/measures",
            "/risk/measures/1",
            "/risk/measures/1/edit",
            "/risk/checks",
            "/risk/ranking/equipment",
            "/risk/ranking/units",
            "/risk/map",
            "/risk/map?by=unit",
            "/risk/scheme",
        ] {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = site.get(&format!("{path}{sign}lang={lang}"), &cookie).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for bad in ["<script>alert", "<img", "<svg"] {
                assert!(!page.body.contains(bad), "{path}: {bad}");
            }
            assert_sound(path, &page.body);
        }
    }
    for path in [
        "/risk/points.csv",
        "/risk/checks.csv",
        "/risk/ranking/equipment.csv",
        "/risk/ranking/units.csv",
        "/risk/map.csv",
    ] {
        let file = site.get(path, &cookie).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(file.header("content-type").starts_with("text/csv"), "{path}");
        for line in file.body.lines() {
            for cell in line.split(',') {
                let bare = cell.trim_start_matches(['"', '\u{feff}']);
                assert!(!bare.starts_with(['=', '+', '@']), "{path}: {line}");
            }
        }
    }
    let nobody = site.get("/risk/checks.csv", "").await;
    assert_eq!(
        nobody.status,
        StatusCode::SEE_OTHER,
        "names are for who is signed in"
    );
    let list = site.get("/risk/checks", "").await.body;
    assert!(!list.contains("-1+1"), "{list}");
}
