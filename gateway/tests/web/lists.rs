//! The four lists by hand: looked at, exported with a progress bar, frozen, checked; without scripts, whatever names say.

use super::site::{HOSTILE, Site};
use super::{LANGUAGES, assert_sound, signed_in};
use axum::http::StatusCode;
use vigil_gateway::desk::lists::next_job;

/// A page is sound in both languages, and hostile names stay texts.
async fn sound(site: &Site, cookie: &str, path: &str) -> String {
    let mut last = String::new();
    for (language, tag) in LANGUAGES {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = site
            .get(&format!("{path}{separator}lang={language}"), cookie)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_sound(path, &answer.body);
        assert!(answer.body.contains(&format!("lang=\"{tag}\"")), "{path}");
        for bad in ["<script>", "<img", "<svg", "<b>bold"] {
            assert!(!answer.body.contains(bad), "{path}: {bad}");
        }
        last = answer.body;
    }
    last
}

#[tokio::test]
async fn the_lists_are_looked_at_exported_frozen_and_checked_without_a_script() {
    let (site, hazard) = Site::with_story(HOSTILE).await;
    let nobody = site.get("/lists", "").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER, "lists name persons");
    let (cookie, csrf) = signed_in(&site, "/lists/hazards").await;
    for path in [
        "/lists",
        "/lists?month=2026-05",
        "/lists/risk",
        "/lists/hazards",
        "/lists/hazards?from=2026-06-01&to=2026-06-30&area=21&unit=x&state=suspected",
        "/lists/hazards?from=tomorrow",
        "/lists/tasks",
        "/lists/results",
        "/list-files",
        "/list-snapshots",
        "/list-snapshots?list=hazards&from=2026-01-01",
        "/list-snapshots?sha256=00",
        "/duty",
        "/duty?kind=weekly&standing=overdue&verdict=no_data&from=2026-01-01",
    ] {
        sound(&site, &cookie, path).await;
    }
    let live = sound(&site, &cookie, "/lists/hazards").await;
    assert!(live.contains(&format!("href=\"/hazards/{hazard}\"")), "{live}");
    let wrong = site
        .get("/lists/hazards?from=tomorrow&lang=en", &cookie)
        .await
        .body;
    assert!(wrong.contains("a day such as 2026-05-01") && wrong.contains("value=\"tomorrow\""));
    // A file: first the progress, then the file.
    let asked = site
        .post(
            "/lists/hazards/files",
            &cookie,
            &format!("csrf={csrf}&format=xlsx&from=2026-06-01&to=2026-06-30"),
        )
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    let place = asked.header("location").to_owned();
    let waiting = sound(&site, &cookie, &place).await;
    assert!(
        waiting.contains("http-equiv=\"refresh\"") && waiting.contains("<progress"),
        "{waiting}"
    );
    next_job(&site.app).await.unwrap();
    let done = sound(&site, &cookie, &place).await;
    assert!(
        !done.contains("http-equiv=\"refresh\"") && !done.contains("<progress"),
        "{done}"
    );
    let content = site.get(&format!("{place}/content"), &cookie).await;
    assert_eq!(content.status, StatusCode::OK);
    assert!(content.header("content-disposition").starts_with("attachment"));
    // Cancelling something that is done changes nothing.
    let stopped = site
        .post(&format!("{place}/cancel"), &cookie, &format!("csrf={csrf}"))
        .await;
    assert_eq!(stopped.header("location"), place);
    let forged = site
        .post(
            "/lists/hazards/snapshots",
            &cookie,
            "from=2026-06-01&to=2026-06-30",
        )
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    // Refused without a period, and what was typed stays.
    let refused = site
        .post(
            "/lists/hazards/snapshots",
            &cookie,
            &format!("csrf={csrf}&from=2026-06-01&area=21"),
        )
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_sound("/lists/hazards/snapshots", &refused.body);
    assert!(refused.body.contains("role=\"alert\"") && refused.body.contains("value=\"2026-06-01\""));
    let asked = site
        .post(
            "/lists/hazards/snapshots",
            &cookie,
            &format!("csrf={csrf}&from=2026-06-01&to=2026-06-30"),
        )
        .await;
    next_job(&site.app).await.unwrap();
    let frozen = sound(&site, &cookie, asked.header("location")).await;
    let at = frozen
        .find("/list-snapshots/")
        .unwrap_or_else(|| panic!("{frozen}"));
    assert!(frozen[at..].contains("/list-snapshots/1"), "{frozen}");
    let one = sound(&site, &cookie, "/list-snapshots/1").await;
    assert!(one.contains("YH-000000-202606-001"), "{one}");
    let checked = sound(&site, &cookie, "/list-snapshots/1?check=1").await;
    assert!(checked.contains("It holds"), "{checked}");
    sound(&site, &cookie, "/lists").await;
    sound(&site, &cookie, "/list-files").await;
    // Whoever has the file can have it checked, and a changed one is told from it.
    let json = site
        .get("/list-snapshots/1/content?format=json", &cookie)
        .await
        .body;
    let to = format!("/list-snapshots/identify?csrf={csrf}&lang=en");
    let same = site
        .post_file(&to, &cookie, &csrf, "a.json", json.as_bytes())
        .await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.body);
    assert!(same.body.contains("The file is unchanged"), "{}", same.body);
    let changed = json.replacen("\"total\":1", "\"total\":2", 1);
    assert_ne!(changed, json);
    let other = site
        .post_file(&to, &cookie, &csrf, "a.json", changed.as_bytes())
        .await;
    assert!(other.body.contains("it has been changed"), "{}", other.body);
    assert_sound("/list-snapshots/identify", &other.body);
    let strange = site.post_file(&to, &cookie, &csrf, "b.csv", b"a,b").await;
    assert!(
        strange.body.contains("It is the file of no frozen list"),
        "{}",
        strange.body
    );
    for gone in [
        "/lists/none",
        "/list-files/99",
        "/list-snapshots/99",
        "/list-snapshots/x",
        "/duty/99",
    ] {
        assert_eq!(
            site.get(gone, &cookie).await.status,
            StatusCode::NOT_FOUND,
            "{gone}"
        );
    }
}
