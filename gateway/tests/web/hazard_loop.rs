//! The loop by hand: a form for every step, what is refused, files, reports, lists. Without scripts, whatever people type.

use super::html::pieces;
use super::site::{Answer, PLAIN, Site};
use super::{assert_sound, hidden};
use axum::http::StatusCode;
use std::sync::Arc;
use vigil_core::people::Role;
use vigil_gateway::people::{COOKIE, UserFacts};

const PHOTO: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3];
const PASSWORD: &str = "the drum is warm today";

/// A user and his session.
struct User {
    cookie: String,
    csrf: String,
}

async fn user(site: &Site, login: &str, role: Role, unit: Option<&str>) -> User {
    let facts = UserFacts {
        name: login.to_owned(),
        role,
        unit: unit.map(Into::into),
        areas: if unit.is_none() {
            vec![Arc::from("")]
        } else {
            Vec::new()
        },
        language: None,
        phone: None,
        active: true,
    };
    let people = &site.app.people;
    people.add_user(login, &facts, PASSWORD).await.unwrap();
    let token = people.sign_in(login, PASSWORD, None, "test").await.unwrap();
    let cookie = format!("{COOKIE}={token}; vigil_lang=en");
    let csrf = hidden(&site.get("/today", &cookie).await.body, "csrf");
    User { cookie, csrf }
}

impl User {
    async fn get(&self, site: &Site, path: &str) -> String {
        let answer = site.get(path, &self.cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert_sound(path, &answer.body);
        answer.body
    }

    async fn send(
        &self,
        site: &Site,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend_from_slice(fields);
        let answer = site.post_parts(path, &self.cookie, &all, files).await;
        if answer.header("content-type").starts_with("text/html") {
            assert_sound(path, &answer.body);
        }
        answer
    }
}

/// Forms of steps on a page.
fn offered(body: &str) -> Vec<String> {
    let found = pieces(body);
    let steps = found
        .iter()
        .filter(|piece| piece.attribute("name") == Some("step"));
    let mut steps: Vec<String> = steps
        .map(|piece| piece.attribute("value").unwrap().to_owned())
        .collect();
    steps.sort();
    steps
}

#[tokio::test]
async fn everybody_is_offered_his_steps_and_told_whose_the_others_are() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let path = format!("/hazards/{hazard}");
    let actions = format!("{path}/actions");
    let owner = user(&site, "owner", Role::Site, Some("ACME")).await;
    let department = user(&site, "dept", Role::Department, None).await;
    let regulator = user(&site, "reg", Role::Regulator, None).await;
    let page = owner.get(&site, &path).await;
    let steps = offered(&page);
    for step in ["confirm", "reject", "comment", "attach", "interim"] {
        assert!(steps.contains(&step.to_owned()), "{step}: {steps:?}");
    }
    assert!(!steps.contains(&"accept".to_owned()) && !steps.contains(&"list".to_owned()));
    let page = department.get(&site, &path).await;
    assert_eq!(offered(&page), Vec::<String>::new());
    assert!(
        page.contains("There is no step for you") && page.contains("who could: site"),
        "{page}"
    );
    for (step, fields) in [
        ("confirm", &[][..]),
        ("assign", &[("person", "Li")]),
        ("list", &[("case", "1"), ("deadline", "")]),
    ] {
        let who = if step == "list" { &regulator } else { &owner };
        let mut all = vec![("step", step)];
        all.extend_from_slice(fields);
        let answer = who.send(&site, &actions, &all, &[]).await;
        if step == "list" {
            // A general hazard is not listed: said with the same words as by the interface.
            assert_eq!(answer.status, StatusCode::CONFLICT);
            assert!(
                answer.body.contains("only a major hazard is listed"),
                "{}",
                answer.body
            );
        } else {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{step}: {}", answer.body);
        }
    }
    let page = owner.get(&site, &path).await;
    assert!(
        page.contains("Rectification") && page.contains("not in place"),
        "{page}"
    );
    // Nobody but who sees it finds it, and a department's form is refused at the gate.
    let stranger = user(&site, "other", Role::Site, Some("OTHER")).await;
    for answer in [
        site.get(&path, &stranger.cookie).await,
        stranger
            .send(&site, &actions, &[("step", "comment"), ("text", "x")], &[])
            .await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let refused = department
        .send(&site, &actions, &[("step", "comment"), ("text", "x")], &[])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn of_two_who_act_on_the_same_page_the_second_is_told_what_happened_meanwhile() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let actions = format!("/hazards/{hazard}/actions");
    let owner = user(&site, "owner", Role::Site, Some("ACME")).await;
    let seen = hidden(&owner.get(&site, &format!("/hazards/{hazard}")).await, "expect");
    let comment = |text: &'static str, seen: &str| {
        [
            ("step", "comment".to_owned()),
            ("text", text.to_owned()),
            ("expect", seen.to_owned()),
        ]
    };
    let send = async |text, seen: &str| {
        let fields = comment(text, seen);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        owner.send(&site, &actions, &fields, &[]).await
    };
    assert_eq!(send("first <b>", &seen).await.status, StatusCode::SEE_OTHER);
    let second = send("second", &seen).await;
    assert_eq!(second.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        second.body.contains("Somebody has acted since"),
        "{}",
        second.body
    );
    assert!(second.body.contains("first &#60;b&#62;"), "what happened is said");
    assert!(
        second.body.contains(">second</textarea>"),
        "what was typed is kept"
    );
    let now = hidden(&second.body, "expect");
    assert_ne!(now, seen);
    assert_eq!(send("second", &now).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn files_come_with_a_step_and_are_not_lost_when_it_is_refused() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let path = format!("/hazards/{hazard}");
    let actions = format!("{path}/actions");
    // The condition still holds: only who inspects for an authority fixes it on the spot.
    let owner = user(&site, "inspector", Role::Regulator, None).await;
    let fix = [("step", "fix_on_spot"), ("text", ""), ("rectifier", "Li")];
    let script: &[u8] = b"<svg onload=alert(1)>";
    let wrong = owner.send(&site, &actions, &fix, &[("a.jpg", script)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("id=\"fix_on_spot-files-error\"") && wrong.body.contains("is no JPEG"),
        "{}",
        wrong.body
    );
    assert!(wrong.body.contains("value=\"Li\""), "what was typed is kept");
    // The picture is good, the words are missing: it is kept for the next attempt.
    let refused = owner.send(&site, &actions, &fix, &[("../<b>.jpg", PHOTO)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body.contains("id=\"fix_on_spot-text-error\""),
        "{}",
        refused.body
    );
    let kept = hidden(&refused.body, "kept");
    assert!(
        kept.ends_with(" <b>.jpg") || kept.ends_with("&#60;b&#62;.jpg"),
        "{kept}"
    );
    let kept = kept.replace("&#60;", "<").replace("&#62;", ">");
    let again = [
        ("step", "fix_on_spot"),
        ("text", "done"),
        ("rectifier", "Li"),
        ("kept", kept.as_str()),
    ];
    let done = owner.send(&site, &actions, &again, &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let page = owner.get(&site, &path).await;
    assert!(
        page.contains("&#60;b&#62;.jpg</a>") && page.contains("SHA-256"),
        "{page}"
    );
    // A file of somebody who has not shown who he is is not even kept.
    let nobody = site
        .post_parts(
            &actions,
            "vigil_lang=en",
            &[("step", "attach")],
            &[("a.jpg", PHOTO)],
        )
        .await;
    assert_eq!(
        nobody.status,
        StatusCode::FORBIDDEN,
        "there are users: {}",
        nobody.body
    );
    let forged = site
        .post_parts(
            &actions,
            &owner.cookie,
            &[("step", "attach"), ("csrf", "x")],
            &[("b.jpg", &[0xFF, 0xD8, 0xFF, 9])],
        )
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(!forged.body.contains("name=\"kept\""), "{}", forged.body);
    // More than a form may bring.
    let large = vec![0xFF; 21 << 20];
    let mut photo = PHOTO.to_vec();
    photo.extend_from_slice(&large);
    let attach = [("step", "attach")];
    let refused = owner.send(&site, &actions, &attach, &[("l.jpg", &photo)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("larger than 20 MB"), "{}", refused.body);
    let refused = owner
        .send(&site, &actions, &attach, &[("l.jpg", &photo), ("m.jpg", &photo)])
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_hazard_is_reported_by_hand_once_with_or_without_equipment() {
    let site = Site::new(PLAIN).await;
    let owner = user(&site, "owner", Role::Site, Some("ACME")).await;
    let form = owner.get(&site, "/hazards/new?equipment=boiler").await;
    assert!(
        form.contains("value=\"boiler\"") && !form.contains("value=\"lift\""),
        "only what he sees: {form}"
    );
    let key = hidden(&form, "key");
    let report = |equipment: &'static str, unit: &'static str, fixed: &'static str| {
        vec![
            ("key", key.clone()),
            ("equipment", equipment.to_owned()),
            ("unit", unit.to_owned()),
            ("source", "patrol".to_owned()),
            ("category", "management".to_owned()),
            ("grade", "general".to_owned()),
            ("description", "=1+1 <script>".to_owned()),
            ("fixed", fixed.to_owned()),
        ]
    };
    let send = async |fields: &[(&'static str, String)], files: &[(&str, &[u8])]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        owner.send(&site, "/hazards/new", &fields, files).await
    };
    for (equipment, unit, field, said) in [
        ("", "", "equipment", "name the equipment"),
        ("lift", "", "equipment", "no such equipment"),
        ("none", "", "equipment", "no such equipment"),
        ("boiler", "ACME", "unit", "either the equipment or a unit"),
        ("", "OTHER", "unit", "no such unit"),
    ] {
        let refused = send(&report(equipment, unit, ""), &[]).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{equipment} {unit}"
        );
        assert!(
            refused.body.contains(&format!("id=\"report-{field}-error\"")) && refused.body.contains(said),
            "{said}: {}",
            refused.body
        );
        assert!(
            refused.body.contains("=1+1 &#60;script&#62;</textarea>"),
            "what was typed is kept"
        );
        assert_eq!(hidden(&refused.body, "key"), key);
    }
    let mut empty = report("boiler", "", "");
    empty.retain(|(field, _)| *field != "description");
    let refused = send(&empty, &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body.contains("id=\"report-description-error\""),
        "{}",
        refused.body
    );

    // By its registration number; sent twice it is one.
    let first = send(&report("GL-11-0042", "", ""), &[("a.jpg", PHOTO)]).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.body);
    let twice = send(&report("GL-11-0042", "", ""), &[("a.jpg", PHOTO)]).await;
    assert_eq!(twice.header("location"), first.header("location"));
    let page = owner.get(&site, first.header("location")).await;
    assert!(
        page.contains("a.jpg</a>") && page.contains("patrol") && page.contains("&#60;script&#62;"),
        "{page}"
    );

    // The same words in a new form: it is on record.
    let mut new = report("boiler", "", "");
    new[0].1 = "another".to_owned();
    let known = send(&new, &[]).await;
    assert_eq!(known.status, StatusCode::CONFLICT);
    assert!(
        known
            .body
            .contains(&format!("href=\"{}\"", first.header("location"))),
        "{}",
        known.body
    );

    // Of the unit, and rectified where it was found.
    let mut spot = report("", "ACME", "yes");
    spot[0].1 = "third".to_owned();
    spot.push(("rectifier", "owner".to_owned()));
    spot.push(("done", "swept".to_owned()));
    let own = send(&spot, &[("a.jpg", PHOTO)]).await;
    assert_eq!(
        own.status,
        StatusCode::FORBIDDEN,
        "who rectified it does not write it: {}",
        own.body
    );
    spot[8].1 = "Li".to_owned();
    let done = send(&spot, &[("a.jpg", PHOTO)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let page = owner.get(&site, done.header("location")).await;
    assert!(
        page.contains("fixed on the spot") && page.contains("swept"),
        "{page}"
    );

    let department = user(&site, "dept", Role::Department, None).await;
    let form = site.get("/hazards/new", &department.cookie).await;
    assert_eq!(form.status, StatusCode::FORBIDDEN);
    assert!(!department.get(&site, "/hazards").await.contains("/hazards/new"));

    // The list finds it, and the file of it opens nothing.
    let list = owner
        .get(&site, "/hazards?source=patrol&q=script&status=all")
        .await;
    assert!(list.contains(first.header("location")), "{list}");
    let csv = site
        .get("/hazards.csv?source=patrol&status=all", &owner.cookie)
        .await;
    assert_eq!(csv.status, StatusCode::OK);
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<&str> = csv
        .body
        .trim_start_matches('\u{feff}')
        .trim_end()
        .split("\r\n")
        .collect();
    assert_eq!(lines.len(), 3, "{}", csv.body);
    assert!(
        lines[1..].iter().all(|line| line.contains("'=1+1 <script>")),
        "{}",
        csv.body
    );
    let stranger = user(&site, "other", Role::Site, Some("OTHER")).await;
    let csv = site.get("/hazards.csv?status=all", &stranger.cookie).await.body;
    assert_eq!(
        csv.trim_end().split("\r\n").count(),
        1,
        "nothing of others: {csv}"
    );
}

#[tokio::test]
async fn who_is_signed_in_begins_with_his_work_and_the_menu_says_where_he_is() {
    let (site, hazard) = Site::with_story(PLAIN).await;
    let owner = user(&site, "owner", Role::Site, Some("ACME")).await;
    let home = site.get("/", &owner.cookie).await;
    assert_eq!(
        (home.status, home.header("location")),
        (StatusCode::SEE_OTHER, "/today")
    );
    let today = owner.get(&site, "/today").await;
    assert!(
        today.contains("To be confirmed") && today.contains(&format!("href=\"/hazards/{hazard}#next\"")),
        "{today}"
    );
    for (path, current) in [
        ("/today", "/today"),
        ("/overview", "/overview"),
        ("/hazards", "/hazards"),
        ("/hazards/new", "/hazards/new"),
        ("/register", "/register"),
        ("/calendar", "/calendar"),
    ] {
        let body = owner.get(&site, path).await;
        let found = pieces(&body);
        let marked: Vec<_> = found
            .iter()
            .filter(|piece| piece.attribute("aria-current") == Some("page"))
            .filter_map(|piece| piece.attribute("href"))
            .collect();
        assert_eq!(marked, [current], "{path}");
        assert!(!body.contains("href=\"/users\""), "{path}: not his");
    }
    let stranger = user(&site, "other", Role::Site, Some("OTHER")).await;
    let today = stranger.get(&site, "/today").await;
    assert!(
        !today.contains(&hazard) && today.contains("Nothing waits for you"),
        "{today}"
    );
}
