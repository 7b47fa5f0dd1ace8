//! The register's pages: entered, imported and looked at by hand, without scripts, whatever names say.

use super::site::{Answer, PLAIN, Site};
use super::{assert_sound, encoded, hidden, signed_in};
use axum::http::StatusCode;

const LIFT: &str = "31101001920150001";

async fn enter(site: &Site, cookie: &str, csrf: &str, name: &str) -> Answer {
    let form = encoded(&[
        ("csrf", csrf),
        ("name", name),
        ("category", "3110"),
        ("equipment_code", LIFT),
        ("area", "210381"),
        ("use_unit", name),
        ("next_inspection", "2026-07"),
        ("safety_officer", "李工"),
    ]);
    site.post("/register/new", cookie, &form).await
}

fn text_stays_text(path: &str, body: &str) {
    for bad in ["<script>", "<img", "<svg", "<b>bold"] {
        assert!(!body.contains(bad), "{path}: {bad}");
    }
    assert_sound(path, body);
}

#[tokio::test]
async fn equipment_is_entered_changed_and_shown_without_a_script() {
    let site = Site::new(PLAIN).await;
    assert_eq!(
        site.get("/register/new", "").await.status,
        StatusCode::SEE_OTHER,
        "sign in first"
    );
    let (cookie, csrf) = signed_in(&site, "/register/new").await;
    let forged = enter(&site, &cookie, "guess", "1号梯").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(forged.body.contains("value=\"1号梯\""), "nothing typed is lost");
    let entered = enter(&site, &cookie, &csrf, "1号梯").await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (StatusCode::SEE_OTHER, format!("/register/{LIFT}").as_str())
    );
    let card = format!("/register/{LIFT}");
    let page = site.get(&card, &cookie).await.body;
    assert!(page.contains("李工") && page.contains("2026-07-31"), "{page}");
    assert_sound(&card, &page);
    let nobody = site.get(&card, "").await;
    assert_eq!(
        nobody.status,
        StatusCode::SEE_OTHER,
        "names are for who is signed in"
    );

    let edit = format!("{card}/edit");
    let form = site.get(&edit, &cookie).await.body;
    assert_sound(&edit, &form);
    let revision = hidden(&form, "revision");
    let wrong = encoded(&[
        ("csrf", &csrf),
        ("revision", &revision),
        ("next_inspection", "soon"),
        ("name", "改名"),
    ]);
    let refused = site.post(&edit, &cookie, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [
        "value=\"soon\"",
        "value=\"改名\"",
        "id=\"e-next_inspection\"",
        "href=\"#f-next_inspection\"",
    ] {
        assert!(refused.body.contains(kept), "{kept}");
    }
    let right = encoded(&[("csrf", &csrf), ("revision", &revision), ("name", "改名")]);
    assert_eq!(
        site.post(&edit, &cookie, &right).await.status,
        StatusCode::SEE_OTHER
    );
    let stale = site.post(&edit, &cookie, &right).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "somebody was faster");
    assert_eq!(hidden(&stale.body, "revision"), "2");
    let valve = encoded(&[
        ("csrf", &csrf),
        ("kind", "governor"),
        ("number", "G-1"),
        ("done", "2026-01-15"),
    ]);
    assert_eq!(
        site.post(&format!("{card}/accessories"), &cookie, &valve)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    let without = encoded(&[("csrf", &csrf), ("kind", "governor")]);
    let refused = site.post(&format!("{card}/accessories"), &cookie, &without).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let calendar = site.get("/calendar", &cookie).await.body;
    assert!(calendar.contains("2027-01-15"), "{calendar}");
}

#[tokio::test]
async fn a_file_is_imported_by_forms_alone() {
    let site = Site::new(PLAIN).await;
    let (cookie, csrf) = signed_in(&site, "/register/new").await;
    let file = "设备代码,类别,甲,使用单位\n31101001920150001,3110,一号梯,某商场\n31101001920150002,9999,二号梯,某商场\n";
    let forged = site
        .post_file("/imports", &cookie, "guess", "a.csv", file.as_bytes())
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let sent = site
        .post_file("/imports", &cookie, &csrf, "a.csv", file.as_bytes())
        .await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/imports/1")
    );
    for language in ["zh", "en"] {
        let page = site
            .get("/imports/1", &format!("{cookie}; vigil_lang={language}"))
            .await;
        assert_eq!(page.status, StatusCode::OK);
        assert_sound("/imports/1", &page.body);
        assert!(page.body.contains("9999"));
    }
    let columns = encoded(&[
        ("csrf", &csrf),
        ("columns", "4"),
        ("was_header", "1"),
        ("header", "1"),
        ("c0", "equipment_code"),
        ("c1", "category"),
        ("c2", "name"),
        ("c3", "use_unit"),
    ]);
    assert_eq!(
        site.post("/imports/1/columns", &cookie, &columns).await.status,
        StatusCode::SEE_OTHER
    );
    let apply = encoded(&[("csrf", &csrf), ("what", "apply")]);
    let refused = site.post("/imports/1/apply", &cookie, &apply).await;
    assert_eq!(
        refused.status,
        StatusCode::CONFLICT,
        "a row cannot be taken: nothing is imported"
    );
    assert!(!site.get("/register", "").await.body.contains("一号梯"));
    let without = encoded(&[("csrf", &csrf), ("what", "apply"), ("without_refused", "yes")]);
    assert_eq!(
        site.post("/imports/1/apply", &cookie, &without).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(site.get("/register", "").await.body.contains("一号梯"));
    let bad = site
        .post_file("/imports", &cookie, &csrf, "x.pdf", b"%PDF-1.7")
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.body.contains("a PDF cannot be read"), "{}", bad.body);
    let discarded = site.get("/imports/2", &cookie).await;
    assert_eq!(discarded.status, StatusCode::OK);
}

#[tokio::test]
async fn units_and_their_people_are_entered_and_mistakes_are_kept_on_the_page() {
    let site = Site::new(PLAIN).await;
    let (cookie, csrf) = signed_in(&site, "/register/new").await;
    let wrong = encoded(&[
        ("csrf", &csrf),
        ("name", "某公司"),
        ("kind", "use_unit"),
        ("uscc", "91350100M000100Y44"),
    ]);
    let refused = site.post("/units/new", &cookie, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("value=\"某公司\"") && refused.body.contains("the last is 3"),
        "{}",
        refused.body
    );
    let right = encoded(&[
        ("csrf", &csrf),
        ("name", "某公司"),
        ("kind", "use_unit"),
        ("uscc", "91350100M000100Y43"),
        ("phone", "123456"),
    ]);
    let made = site.post("/units/new", &cookie, &right).await;
    assert_eq!(made.header("location"), "/units/91350100M000100Y43");
    let certificate = encoded(&[
        ("csrf", &csrf),
        ("person", "王工"),
        ("kind", "T"),
        ("number", "T-1"),
        ("expires", "2026-06-10"),
    ]);
    let path = "/units/91350100M000100Y43";
    assert_eq!(
        site.post(&format!("{path}/certificates"), &cookie, &certificate)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    let undated = encoded(&[
        ("csrf", &csrf),
        ("person", "李工"),
        ("kind", "T"),
        ("number", "T-2"),
        ("issued", "last spring"),
        ("expires", "2026-06-10"),
    ]);
    let refused = site
        .post(&format!("{path}/certificates"), &cookie, &undated)
        .await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a date that cannot be read is not left out"
    );
    assert!(
        refused.body.contains("value=\"last spring\"") && refused.body.contains("发证日期"),
        "{}",
        refused.body
    );
    let page = site.get(path, &cookie).await.body;
    assert!(page.contains("王工") && page.contains("123456"), "{page}");
    assert_sound(path, &page);
    let nobody = site.get(path, "").await;
    assert_eq!(
        nobody.status,
        StatusCode::SEE_OTHER,
        "people are for who is signed in"
    );
}

#[tokio::test]
async fn names_in_the_register_that_try_to_be_markup_stay_text() {
    let site = Site::new(PLAIN).await;
    let (cookie, csrf) = signed_in(&site, "/register/new").await;
    let name = "\"><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b>";
    let entered = enter(&site, &cookie, &csrf, name).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.body);
    let file = format!(
        "设备代码,类别,名称,使用单位,<script>alert(3)</script>\n31101001920150002,3110,\"{}\",<svg onload=x>,1\n",
        name.replace('"', "\"\"")
    );
    let sent = site
        .post_file(
            "/imports",
            &cookie,
            &csrf,
            "..\\..\\<script>.csv",
            file.as_bytes(),
        )
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let card = format!("/register/{LIFT}");
    let edit = format!("{card}/edit");
    for path in [
        "/register",
        &card,
        &edit,
        "/units",
        "/imports",
        "/imports/1",
        "/calendar",
        "/coverage?by=unit",
        "/register?q=%3Cscript%3E&unit=%22%3E%3Cscript%3E&area=%3Cb%3Ebold",
        "/calendar?equipment=%22%3E%3Cscript%3E",
    ] {
        for language in ["zh", "en"] {
            let answer = site.get(path, &format!("{cookie}; vigil_lang={language}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            text_stays_text(path, &answer.body);
        }
    }
}
