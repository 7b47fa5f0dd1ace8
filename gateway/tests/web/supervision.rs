//! The pages of supervision and statistics: issued from a hazard, answered, ended, without scripts, whatever texts say.

use super::site::{Answer, PLAIN, Site};
use super::{assert_sound, encoded, hidden, signed_in};
use axum::http::StatusCode;
use vigil_gateway::desk::statistics;

const PDF: &[u8] = b"%PDF-1.7 minutes";

const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x>";

fn text_stays_text(path: &str, body: &str) {
    for bad in ["<script>", "<img"] {
        assert!(!body.contains(bad), "{path}: {bad}");
    }
    assert_sound(path, body);
}

async fn both(site: &Site, path: &str, cookie: &str) -> Answer {
    for language in ["zh", "en"] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = site
            .get(&format!("{path}{separator}lang={language}"), cookie)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        text_stays_text(path, &answer.body);
    }
    site.get(path, cookie).await
}

#[tokio::test]
async fn a_case_is_issued_from_a_hazard_followed_up_and_ended_without_a_script() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    assert_eq!(
        site.get("/supervision/new", "").await.status,
        StatusCode::SEE_OTHER,
        "sign in first"
    );
    let (cookie, csrf) = signed_in(&site, "/supervision/new").await;
    let page = site.get(&format!("/hazards/{hazard}"), &cookie).await.body;
    let link = format!("/supervision/new?kind=listed&amp;hazard={hazard}");
    assert!(page.contains(&link), "the hazard's page leads to the form");
    let form = both(&site, &link.replace("&amp;", "&"), &cookie).await.body;
    assert!(
        form.contains(&format!("value=\"{hazard}\"")),
        "what is known need not be typed"
    );

    let order = |csrf: &str, kind: &str, issuer: &str| {
        let hazards = hazard.clone();
        let fields = [
            ("csrf", csrf),
            ("key", "form-0001"),
            ("kind", kind),
            ("level", "city"),
            ("issuer", issuer),
            ("title", HOSTILE),
            ("hazards", &hazards),
            ("meet_at", "2026-06-10T09:30"),
            ("demands", HOSTILE),
        ];
        encoded(&fields)
    };
    let forged = site
        .post("/supervision/new", &cookie, &order("guess", "interview", "市局"))
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let refused = site
        .post("/supervision/new", &cookie, &order(&csrf, "interview", " "))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    text_stays_text("refused", &refused.body);
    for kept in [
        "id=\"e-issuer\"",
        "href=\"#s-issuer\"",
        "2026-06-10T09:30",
        &hazard,
    ] {
        assert!(refused.body.contains(kept), "{kept}");
    }
    let listed = site
        .post("/supervision/new", &cookie, &order(&csrf, "listed", "市局"))
        .await;
    assert_eq!(
        listed.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a general or suspected hazard is not listed"
    );
    let issued = site
        .post("/supervision/new", &cookie, &order(&csrf, "interview", "市局"))
        .await;
    assert_eq!(
        (issued.status, issued.header("location")),
        (StatusCode::SEE_OTHER, "/supervision/1")
    );
    let twice = site
        .post("/supervision/new", &cookie, &order(&csrf, "interview", "市局"))
        .await;
    assert_eq!(
        twice.header("location"),
        "/supervision/1",
        "sent twice, issued once"
    );

    let case = both(&site, "/supervision/1", &cookie).await.body;
    assert!(
        case.contains(&hazard) && case.contains("name=\"step\" value=\"meet\""),
        "{case}"
    );
    let events = hidden(&case, "events");
    let to = "/supervision/1/actions";
    let meet =
        |csrf: &'static str, place: &'static str| vec![("csrf", csrf), ("place", place), ("people", "王某")];
    let csrf: &'static str = csrf.leak();
    let events: &'static str = events.leak();
    let mut bare = meet(csrf, "一号会议室");
    bare.extend([("step", "meet"), ("events", events)]);
    // Nothing was said: refused, and neither the words nor the file are lost.
    let refused = site
        .post_with_file(to, &cookie, &bare, Some(("minutes.pdf", PDF)))
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert!(
        refused.body.contains("一号会议室") && refused.body.contains("minutes.pdf"),
        "{}",
        refused.body
    );
    let kept: &'static str = hidden(&refused.body, "kept").leak();
    bare.extend([("text", "承诺整改"), ("kept", kept)]);
    let met = site.post_with_file(to, &cookie, &bare, None).await;
    assert_eq!(met.status, StatusCode::SEE_OTHER, "{}", met.body);
    let stale = site.post_with_file(to, &cookie, &bare, None).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "somebody was faster");
    let page = site.get("/supervision/1", &cookie).await.body;
    assert!(page.contains(&format!("/api/v1/attachments/{kept}")) && page.contains("承诺整改"));
    let events: &'static str = hidden(&page, "events").leak();
    let close = [
        ("csrf", csrf),
        ("step", "close"),
        ("events", events),
        ("text", "已落实"),
    ];
    let unknown = site
        .post_with_file("/supervision/77/actions", &cookie, &close, None)
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(
        site.post_with_file(to, &cookie, &close, None).await.status,
        StatusCode::SEE_OTHER
    );

    let notice = both(&site, "/supervision/1/notice", &cookie).await.body;
    assert!(notice.contains("约谈通知书") && notice.contains(&hazard));
    let list = both(&site, "/supervision?state=ended&kind=interview", &cookie)
        .await
        .body;
    assert!(
        list.contains("/supervision/1\"") && list.contains("export.csv?state=ended&#38;kind=interview"),
        "{list}"
    );
    assert!(
        !site
            .get("/supervision?state=open", &cookie)
            .await
            .body
            .contains("/supervision/1\"")
    );
    let table = site.get("/supervision/export.csv", &cookie).await;
    assert!(table.body.contains("约谈") && table.header("content-disposition").contains("supervision.csv"));
    assert!(
        site.get("/supervision/export.xlsx", &cookie)
            .await
            .body
            .starts_with("PK")
    );
    for none in ["/supervision/9", "/supervision/x", "/supervision/9/notice"] {
        assert_eq!(
            site.get(none, &cookie).await.status,
            StatusCode::NOT_FOUND,
            "{none}"
        );
    }
}

#[tokio::test]
async fn statistics_say_how_much_was_watched_beside_every_nothing() {
    let empty = Site::new(PLAIN).await;
    let page = both(&empty, "/statistics", "").await.body;
    assert!(page.contains("0 · 无监测数据"), "{page}");
    assert!(page.contains("没有隐患记录不等于没有隐患"), "{page}");
    let (site, _) = Site::with_story(PLAIN).await;
    let zone = &site.app.config.web.timezone;
    while statistics::count_changed(&site.app.desk, &site.app.engine.policy(), zone)
        .await
        .unwrap()
        > 0
    {}
    let today = vigil_gateway::desk::today(&site.app.clock, zone);
    statistics::watch(&site.app, today).await.unwrap();
    let page = both(&site, "/statistics", "").await.body;
    assert!(
        page.contains("监测覆盖") && page.contains("<svg class=\"bars\" role=\"img\""),
        "{page}"
    );
    let none = site.get("/statistics?category=management", "").await.body;
    assert!(
        none.contains("0 · 监测覆盖"),
        "nothing of this kind, of what was watched: {none}"
    );
    let table = site.get("/statistics/export.csv?lang=en", "").await;
    assert!(table.body.contains("all,,,1,"), "{}", table.body);
}
