//! The pages as a browser gets them: every page in both languages with and without data, every link,
//! every form, and names that try to be more than names.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod hazard_loop;
mod html;
mod lists;
mod register;
mod risk;
mod site;
mod supervision;

use axum::http::StatusCode;
use html::{Piece, assert_balanced, pieces, words};
use site::{HOSTILE, PLAIN, Site};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const LANGUAGES: [(&str, &str); 2] = [("zh", "zh-CN"), ("en", "en")];

/// Every page that is there without data.
const ALWAYS: &[&str] = &[
    "/",
    "/today",
    "/overview",
    "/hazards/new",
    "/hazards/new?equipment=none",
    "/hazards?status=look_back&source=patrol&flag=overdue&unit=U&area=21&q=none%20such&sort=due&mine=yes",
    "/hazards?area=x",
    "/hazards",
    "/hazards?status=all&severity=S1&grade=major&from=2026-01-01&to=2026-12-31",
    "/hazards?from=yesterday",
    "/alarms",
    "/alarms?show=unacknowledged&severity=S2",
    "/equipment",
    "/equipment?q=none%20such&watch=silent&hazards=yes",
    "/nodes",
    "/nodes?odd=yes&known=no&state=online",
    "/unregistered",
    "/rules",
    "/sign-in?next=/hazards",
    "/register",
    "/register?q=none%20such&due=overdue&state=in_use&wrong=1",
    "/units",
    "/calendar",
    "/calendar?month=2026-07&obligation=insurance&standing=within_30",
    "/coverage",
    "/coverage?by=unit",
    "/supervision",
    "/supervision?state=overdue&kind=listed&status=issued&area=21&sort=deadline",
    "/statistics",
    "/statistics?from=2026-01&to=2026-03&category=management&area=2103&unit=x",
];

/// And with the story.
fn with_data(hazard: &str) -> Vec<String> {
    let mut paths: Vec<String> = ALWAYS.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(
        [
            "/equipment/boiler",
            "/equipment/boiler?range=15m",
            "/equipment/boiler?range=24h&quantity=steam_pressure",
            "/equipment/boiler?range=7d&quantity=burner_firing",
            "/equipment/lift",
            "/equipment?rule=BLR-STEAM-P-H",
            "/equipment?node=s/n1",
            "/alarms?equipment=boiler",
            "/hazards?equipment=boiler&status=all",
            "/nodes/s/n1",
            "/nodes/x/y",
            "/rules?equipment=boiler",
            "/no-such-page",
            "/equipment/none",
            "/hazards/HZ-0000000000000000",
        ]
        .map(str::to_owned),
    );
    paths.push(format!("/hazards/{hazard}"));
    paths
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
}

/// Holds for every page.
fn assert_sound(path: &str, body: &str) {
    let found = pieces(body);
    assert_balanced(path, &found);
    let mut ids = BTreeSet::new();
    let mut labelled = BTreeSet::new();
    let mut fields = Vec::new();
    for piece in &found {
        let Piece::Open { name, attributes } = piece else {
            continue;
        };
        for (key, value) in attributes {
            assert!(
                key != "style" && !key.starts_with("on"),
                "{path}: <{name} {key}> is inline"
            );
            match key.as_str() {
                "id" => assert!(ids.insert(value.clone()), "{path}: id {value:?} twice"),
                "for" => drop(labelled.insert(value.clone())),
                "href" | "src" | "action" => {
                    assert!(!value.trim_start().starts_with("javascript:"), "{path}: {value}");
                }
                _ => {}
            }
        }
        match name.as_str() {
            "script" => assert!(piece.attribute("src").is_some(), "{path}: an inline script"),
            "th" => assert!(
                piece.attribute("scope").is_some(),
                "{path}: a heading without scope"
            ),
            "style" | "iframe" | "object" | "img" => panic!("{path}: <{name}>"),
            "input" | "textarea" | "select" if piece.attribute("type") != Some("hidden") => {
                fields.push(
                    piece
                        .attribute("id")
                        .unwrap_or_else(|| panic!("{path}: a field without id"))
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    for field in fields {
        assert!(labelled.contains(&field), "{path}: field {field:?} has no label");
    }
    assert!(body.contains("class=\"skip\""), "{path}: no skip link");
}

#[tokio::test]
async fn every_page_renders_in_both_languages_without_data() {
    for catalog in [PLAIN, ""] {
        let site = Site::new(catalog).await;
        for path in ALWAYS {
            for (language, tag) in LANGUAGES {
                let answer = site.get(path, &format!("vigil_lang={language}")).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
                assert!(answer.body.contains(&format!("<html lang=\"{tag}\">")), "{path}");
                assert_sound(path, &answer.body);
            }
        }
    }
}

#[tokio::test]
async fn no_hazards_is_never_said_without_completeness() {
    let site = Site::new(PLAIN).await;
    for (path, cookie) in [
        ("/", "vigil_lang=en"),
        ("/", "vigil_lang=zh"),
        ("/equipment/boiler", "vigil_lang=en"),
    ] {
        let body = site.get(path, cookie).await.body;
        let at = body
            .find("No open hazard")
            .or(body.find("没有未关闭的隐患"))
            .or(body.find("No hazard on record"))
            .unwrap();
        let sentence = &body[at..(at + 400).min(body.len())];
        assert!(
            ["There was nothing to watch", "尚无可监测", "watched", "监测覆盖"]
                .iter()
                .any(|said| sentence.contains(said)),
            "{path}: {sentence}"
        );
    }
}

#[tokio::test]
async fn every_page_renders_with_data_and_is_translated() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    // Words of the interface that stand on almost every page; names, units and codes are not among them.
    const ENGLISH: &[&str] = &[
        "the",
        "and",
        "with",
        "what",
        "where",
        "since",
        "state",
        "level",
        "next",
        "hazard",
        "hazards",
        "alarm",
        "alarms",
        "equipment",
        "node",
        "nodes",
        "overview",
        "rules",
        "unregistered",
        "online",
        "offline",
        "silent",
        "never",
        "suspected",
        "confirmed",
        "open",
        "opened",
        "condition",
        "clause",
        "value",
        "age",
        "limits",
        "trend",
        "ago",
        "show",
        "all",
        "filter",
        "messages",
        "received",
        "dropped",
        "times",
        "unknown",
        "for",
    ];
    for path in with_data(&hazard) {
        for (language, tag) in LANGUAGES {
            let answer = site.get(&path, &format!("vigil_lang={language}")).await;
            let missing = path.contains("no") && answer.status == StatusCode::NOT_FOUND;
            assert!(
                answer.status == StatusCode::OK || missing || path.ends_with("0000"),
                "{path}: {}",
                answer.status
            );
            assert_sound(&path, &answer.body);
            for text in words(&pieces(&answer.body), tag) {
                if language == "en" {
                    let brand = text.replace("守望", "");
                    assert!(!brand.chars().any(is_cjk), "{path}: {text:?} is not English");
                } else {
                    let lower = text.to_lowercase();
                    let mut found = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
                    let word = found.find(|word| ENGLISH.contains(word));
                    assert_eq!(word, None, "{path}: {text:?} is not Chinese");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_link_on_every_page_leads_somewhere_and_every_anchor_is_there() {
    let (site, _) = Site::with_story(PLAIN).await;
    let mut queue = VecDeque::from(["/".to_owned()]);
    let mut pages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut anchors: Vec<(String, String, String)> = Vec::new();
    while let Some(path) = queue.pop_front() {
        if pages.contains_key(&path) || pages.len() > 900 {
            continue;
        }
        let answer = site.get(&path, "vigil_lang=en").await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        if !answer.header("content-type").starts_with("text/html") {
            pages.insert(path, BTreeSet::new());
            continue;
        }
        let found = pieces(&answer.body);
        let ids = found
            .iter()
            .filter_map(|piece| piece.attribute("id"))
            .map(str::to_owned)
            .collect();
        pages.insert(path.clone(), ids);
        for link in found
            .iter()
            .filter_map(|piece| piece.attribute("href").or(piece.attribute("src")))
        {
            // The interface answers these; its own tests follow them.
            if link.starts_with("/api/") || link.starts_with("/docs") {
                continue;
            }
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match target {
                "" => path.clone(),
                query if query.starts_with('?') => format!("{}{query}", path.split('?').next().unwrap()),
                target => target.to_owned(),
            };
            assert!(target.starts_with('/'), "{path}: {link} leaves the site");
            if !anchor.is_empty() {
                anchors.push((path.clone(), target.clone(), anchor.to_owned()));
            }
            // The other language is another test's.
            if !target.contains("lang=") {
                queue.push_back(target);
            }
        }
    }
    assert!(pages.len() > 60, "only {} pages were found", pages.len());
    for (from, target, anchor) in anchors {
        if let Some(ids) = pages.get(&target) {
            assert!(ids.contains(&anchor), "{from}: {target} has no #{anchor}");
        }
    }
}

#[tokio::test]
async fn names_and_values_that_try_to_be_markup_stay_text() {
    let (site, hazard) = Site::with_story(HOSTILE).await;
    let script = "text=<script>alert(5)</script>";
    let form = format!("step=comment&{script}&token={}", site.token);
    assert_eq!(
        site.post(&format!("/hazards/{hazard}/actions"), "", &form)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    let mut paths = with_data(&hazard);
    paths.push("/equipment?q=%3Cscript%3Ealert(6)%3C/script%3E".to_owned());
    paths.push("/hazards?from=%22%3E%3Cscript%3E".to_owned());
    paths.push("/%3Cscript%3Ealert(7)%3C/script%3E".to_owned());
    for path in paths.iter().filter(|path| !path.contains("lift")) {
        for (language, _) in LANGUAGES {
            let body = site.get(path, &format!("vigil_lang={language}")).await.body;
            for bad in ["<script>", "<img", "onload=alert(1)>", "<b>bold"] {
                let raw = body.replace("&lt;svg onload", "");
                assert!(!raw.contains(bad) || bad.starts_with("onload"), "{path}: {bad}");
            }
            // Whatever the names say, the page's own structure holds.
            assert_sound(path, &body);
        }
    }
    let page = site
        .get(&format!("/hazards/{hazard}"), "vigil_lang=zh")
        .await
        .body;
    assert!(
        page.contains("&#60;script&#62;alert(5)") || page.contains("&lt;script&gt;alert(5)"),
        "the comment is shown"
    );
}

#[tokio::test]
async fn nothing_but_the_sites_own_files_may_run_or_frame_a_page() {
    let site = Site::new(PLAIN).await;
    let answer = site.get("/", "").await;
    let policy = answer.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    let found = pieces(&answer.body);
    let assets: Vec<_> = found
        .iter()
        .filter_map(|piece| piece.attribute("href").or(piece.attribute("src")))
        .filter(|link| link.starts_with("/assets/"))
        .collect();
    assert_eq!(assets.len(), 3);
    for asset in assets {
        let answer = site.get(asset, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("cache-control").contains("immutable"), "{asset}");
    }
    assert_eq!(
        site.get("/assets/vigil-0000000000000000.css", "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_language_is_asked_kept_guessed_or_configured_in_this_order() {
    let site = Site::new(PLAIN).await;
    let chosen = site.get("/?lang=en", "vigil_lang=zh").await;
    assert!(chosen.body.contains("<html lang=\"en\">"));
    assert!(chosen.header("set-cookie").starts_with("vigil_lang=en;"));
    assert!(
        site.get("/", "vigil_lang=en")
            .await
            .body
            .contains("<html lang=\"en\">")
    );
    assert!(site.get("/", "").await.body.contains("<html lang=\"zh-CN\">"));
    assert!(site.get("/?lang=fr", "").await.header("set-cookie").is_empty());
}

/// The value of a hidden field.
/// Signs in with the admin token; the cookie, and the token of the forms as the page at `path` has it.
async fn signed_in(site: &Site, path: &str) -> (String, String) {
    let form = format!("token={}&name=Wang&next={path}", site.token);
    let entered = site.post("/sign-in", "", &form).await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = site.get(path, &cookie).await.body;
    (cookie, hidden(&page, "csrf"))
}

/// A form as a browser sends it.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// The value of a field nobody sees.
fn hidden(body: &str, field: &str) -> String {
    let found = pieces(body);
    let piece = found
        .iter()
        .find(|piece| piece.attribute("name") == Some(field))
        .unwrap();
    piece.attribute("value").unwrap().to_owned()
}

#[tokio::test]
async fn a_step_needs_the_token_and_says_what_is_wrong_without_losing_what_was_typed() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let to = format!("/hazards/{hazard}/actions");
    let wrong = site
        .post(
            &to,
            "vigil_lang=en",
            "step=reject&text=broken+gauge&name=Li&token=guess",
        )
        .await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    for kept in ["admin token is not right", "broken gauge", "value=\"Li\""] {
        assert!(wrong.body.contains(kept), "{kept}");
    }
    let empty = site
        .post(
            &to,
            "vigil_lang=zh",
            &format!("step=reject&text=++&token={}", site.token),
        )
        .await;
    assert_eq!(empty.status, StatusCode::CONFLICT);
    assert!(empty.body.contains("判为误报：请填写说明") && empty.body.contains("aria-invalid"));
    let done = site
        .post(
            &to,
            "",
            &format!("step=confirm&text=seen&name=Li&token={}", site.token),
        )
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let page = site
        .get(&format!("/hazards/{hazard}"), "vigil_lang=en")
        .await
        .body;
    assert!(
        page.contains("admin: Li") && page.contains("every record of the chain verified"),
        "{page}"
    );
    assert!(
        !page.contains("value=\"confirm\""),
        "a decided hazard offers no decision"
    );
    let again = site
        .post(
            &to,
            "vigil_lang=en",
            &format!("step=confirm&token={}", site.token),
        )
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("not possible now"));
    let reloaded = site.get(&to, "").await;
    assert_eq!(reloaded.header("location"), format!("/hazards/{hazard}"));
    let nonsense = site
        .post(&to, "", &format!("step=delete&token={}", site.token))
        .await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_session_lets_its_own_forms_through_and_no_others() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let to = format!("/hazards/{hazard}/actions");
    let refused = site
        .post("/sign-in", "vigil_lang=en", "token=guess&name=Wang&next=/alarms")
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("This is not the token") && refused.body.contains("value=\"Wang\""));
    let form = format!("token={}&name=Wang&next=/hazards/{hazard}", site.token);
    let entered = site.post("/sign-in", "", &form).await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (StatusCode::SEE_OTHER, format!("/hazards/{hazard}").as_str())
    );
    let cookie = entered.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = site.get(&format!("/hazards/{hazard}"), &cookie).await.body;
    assert!(
        !page.contains("name=\"token\""),
        "who is signed in need not paste the token"
    );
    let csrf = hidden(&page, "csrf");
    let forged = site.post(&to, &cookie, "step=confirm").await;
    assert_eq!(
        forged.status,
        StatusCode::FORBIDDEN,
        "another site cannot know the form's own token"
    );
    let done = site
        .post(&to, &cookie, &format!("step=comment&text=on+my+way&csrf={csrf}"))
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(
        site.get(&format!("/hazards/{hazard}"), "")
            .await
            .body
            .contains("admin: Wang")
    );
    assert_eq!(
        site.post("/sign-out", &cookie, "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        site.post("/sign-out", &cookie, &format!("csrf={csrf}"))
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    let after = site
        .post(&to, &cookie, &format!("step=confirm&csrf={csrf}"))
        .await;
    assert_eq!(after.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_alarm_is_acknowledged_by_who_is_signed_in_and_by_nobody_else() {
    let (site, _) = Site::with_story(PLAIN).await;
    let page = site.get("/alarms", "vigil_lang=en").await.body;
    assert!(
        !page.contains("value=\"acknowledge\""),
        "no button for who may not press it"
    );
    let entered = site
        .post(
            "/sign-in",
            "",
            &format!("token={}&name=Wang&next=/alarms", site.token),
        )
        .await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = site.get("/alarms", &cookie).await.body;
    let csrf = hidden(&page, "csrf");
    let to = page
        .split("action=\"")
        .find(|part| part.starts_with("/alarms/"))
        .unwrap();
    let to = to.split('"').next().unwrap();
    for (cookie, form, status) in [
        (
            cookie.as_str(),
            "step=acknowledge".to_owned(),
            StatusCode::FORBIDDEN,
        ),
        ("", format!("step=acknowledge&csrf={csrf}"), StatusCode::FORBIDDEN),
        (
            cookie.as_str(),
            format!("step=delete&csrf={csrf}"),
            StatusCode::BAD_REQUEST,
        ),
        (
            cookie.as_str(),
            format!("step=unshelve&csrf={csrf}"),
            StatusCode::CONFLICT,
        ),
        (
            cookie.as_str(),
            format!("step=acknowledge&csrf={csrf}"),
            StatusCode::SEE_OTHER,
        ),
    ] {
        let answer = site.post(to, cookie, &form).await;
        assert_eq!(answer.status, status, "{form}");
    }
    assert!(site.get("/alarms", "").await.body.contains("admin: Wang"));
}

#[tokio::test]
async fn what_a_sink_refuses_is_said_on_the_first_page_and_stays_a_text() {
    use vigil_gateway::store::{OutboxChange, Receipt};
    let site = Site::new(PLAIN).await;
    assert!(
        !site
            .get("/", "vigil_lang=en")
            .await
            .body
            .contains("is not all taken")
    );
    let refused = OutboxChange::Refused {
        sink: "influx",
        key: "k".to_owned(),
        lines: "line\n".to_owned(),
        receipt: Receipt {
            at: site.app.clock.now(),
            status: Some(400),
            said: "<script>alert(5)</script>".to_owned(),
        },
    };
    site.app.engine.keep(vec![refused]).await.unwrap();
    for (language, text) in [("en", "is not all taken"), ("zh", "未全部送达")] {
        let body = site.get("/", &format!("vigil_lang={language}")).await.body;
        assert!(body.contains("influx</b>") && body.contains(text), "{body}");
        assert!(!body.contains("<script>alert(5)"));
        assert_balanced("/", &pieces(&body));
    }
}

/// Pages about people, as an administrator with a login of his own sees them.
#[tokio::test]
async fn pages_about_people_are_sound_and_keep_what_was_typed() {
    use vigil_core::people::Role;
    use vigil_gateway::people::{COOKIE, UserFacts};
    let site = Site::new(PLAIN).await;
    let people = &site.app.people;
    let facts = UserFacts {
        name: "<script>alert(1)</script>".to_owned(),
        role: Role::Administrator,
        unit: None,
        areas: Vec::new(),
        language: None,
        phone: Some("+86 412 555".to_owned()),
        active: true,
    };
    let password = "the drum is warm today";
    people.add_user("root", &facts, password).await.unwrap();
    people
        .add_token("root", "</td>", &[vigil_gateway::people::TokenScope::Read], 7)
        .await
        .unwrap();
    let token = people
        .sign_in("root", password, None, "<b>browser</b>")
        .await
        .unwrap();
    let cookie = format!("{COOKIE}={token}");
    for path in [
        "/account",
        "/users",
        "/users?q=none&role=site&active=no",
        "/users/new",
        "/users/root",
        "/audit",
        "/audit?login=root&writes=yes",
    ] {
        for (language, tag) in LANGUAGES {
            let separator = if path.contains('?') { '&' } else { '?' };
            let answer = site
                .get(&format!("{path}{separator}lang={language}"), &cookie)
                .await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert_sound(path, &answer.body);
            assert!(answer.body.contains(&format!("lang=\"{tag}\"")), "{path}");
            for hostile in ["<script>alert", "<b>browser"] {
                assert!(!answer.body.contains(hostile), "{path}: {hostile}");
            }
        }
    }
    let page = site.get("/users/new?lang=en", &cookie).await.body;
    let at = page.find("name=\"csrf\" value=\"").unwrap() + 19;
    let csrf = &page[at..at + 64];
    let form = format!("csrf={csrf}&login=wu&password=short&name=Wu+Di&role=site&phone=1&areas=2103");
    let refused = site.post("/users", &cookie, &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_sound("/users", &refused.body);
    for kept in [
        "value=\"wu\"",
        "value=\"Wu Di\"",
        "value=\"2103\"",
        "<option value=\"site\" selected",
    ] {
        assert!(refused.body.contains(kept), "{kept}: {}", refused.body);
    }
    for wrong in ["id=\"password-error\"", "id=\"unit-error\"", "id=\"phone-error\""] {
        assert!(refused.body.contains(wrong), "{wrong}");
    }
    let signed_out = site.get("/sign-in?lang=en", "").await.body;
    assert_sound("/sign-in", &signed_out);
    assert!(signed_out.contains("name=\"login\""), "{signed_out}");
}
