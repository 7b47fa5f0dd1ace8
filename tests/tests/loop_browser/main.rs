//! The closed loop of a major hazard in a real browser, from what telemetry detects to the last look-back: six people
//! in their roles sign in, fill in the forms, and are refused where the loop says so, by the page as by the interface.
//! Pictures of every step are kept in `target/artefacts/loop`. Pages run no scripts while people act.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

mod furnish;
mod paper;
mod stage;

use serde_json::{Value, json};
use stage::{DAY_MS, Stage, day};
use std::time::Duration;
use vigil_tests::Place;
use vigil_tests::looks::STICKING_OUT;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The use unit confirms and has it rectified; five must be in place.
fn decide(stage: &Stage) {
    stage.sign_in("wang", "/today");
    let work = stage.text("main");
    assert!(work.contains("待核实") && work.contains("1号锅炉"), "{work}");
    stage.picture("site-work-list");
    stage
        .browser
        .click(&format!("main a[href^='/hazards/{}']", stage.hazard));
    stage.browser.arrives(&stage.hazard);
    assert!(
        stage.text(".badges").contains("疑似重大隐患"),
        "{}",
        stage.text(".badges")
    );
    stage.picture("suspected-by-telemetry");
    // What telemetry says is a suspicion, however bad it is; a person confirms it, in a role that may.
    let whole = stage.get("sun", &format!("/api/v1/hazards/{}", stage.hazard));
    let history = whole["history"].as_array().unwrap();
    assert!(
        history
            .iter()
            .all(|event| event["actor"].is_null() && event["event"] != "confirmed"),
        "{history:#?}"
    );
    stage.at_hazard("li");
    let said = stage.forge_bare("confirm");
    assert!(said.contains("您的角色不能"), "{said}");
    stage.picture("refused-department-confirms");
    let (status, problem) = stage.post("li", &json!({"action": "confirm", "reason": "看过了"}));
    assert_eq!(status, 403, "{problem:#}");
    assert!(
        problem["detail"].as_str().unwrap().contains("role"),
        "{problem:#}"
    );
    assert_eq!(stage.status(), "suspected");
    // Nor does a site make a suspected major hazard go away by itself.
    stage.at_hazard("wang");
    assert!(!stage.has("#do-reject"));
    let said = stage.forge("reject", "误报");
    stage.picture("refused-site-rejects");
    let reject = json!({"action": "reject", "reason": "误报"});
    stage.refused_alike(&said, "wang", &reject, "role_not_allowed");
    assert!(said.contains("监察机构"), "who could is said: {said}");
    stage.at_hazard("wang");
    stage.step("confirm", &[("text", "现场压力表读数与遥测一致")]);
    stage.picture("site-confirms");
    stage.step("interim", &[("text", "降负荷至 60%，专人值守")]);

    stage.fill("assign", &[("person", "赵维保"), ("leader", "王安全")]);
    let said = stage.send_anyway("assign");
    stage.picture("refused-five-not-in-place");
    let asked = json!({"action": "assign", "assignment": {"unit": stage::FIX, "person": "赵维保"}});
    stage.refused_alike(&said, "wang", &asked, "five_in_place");
    for field in ["measures", "funds", "deadline", "emergency_plan"] {
        assert!(
            stage.has(&format!("#assign-{field}-error")),
            "{field} is wrong and not marked"
        );
    }
    let kept = stage.ask("return document.querySelector('#assign-person').value");
    assert_eq!(kept, "赵维保", "nothing typed is lost");
    let deadline = day(stage, 20);
    stage.step(
        "assign",
        &[
            ("measures", "更换安全阀并校验压力表"),
            ("funds", "2 万元，维修基金"),
            ("deadline", &deadline),
            ("emergency_plan", "超压即停炉泄压，疏散锅炉房"),
        ],
    );
    assert_eq!(stage.status(), "assigned");
    stage.picture("site-assigns-five-in-place");
}

/// The regulator puts it under listed supervision; of two who act at once only one wins.
fn supervise(stage: &mut Stage) {
    stage.at_hazard("sun");
    assert!(!stage.has("#do-list"), "a hazard is listed by a case");
    stage
        .browser
        .click_through("a[href^='/supervision/new?kind=listed']");
    for (field, text) in [
        ("s-issuer", "海城市市场监督管理局"),
        ("s-demands", "立即停用，更换安全阀并校验"),
    ] {
        stage.browser.write(&format!("#{field}"), text);
    }
    let deadline = day(stage, 150);
    stage.ask(&format!(
        "document.querySelector('#s-deadline').value = {deadline:?}"
    ));
    stage.picture("regulator-issues-a-case");
    stage.browser.click_through("main form button");
    stage.browser.arrives(&format!("{}/supervision/", stage.base));
    let address = stage.browser.address();
    stage.case = address.strip_prefix(&stage.base).unwrap().to_owned();
    stage.picture("the-case");
    let said = stage.forge_with("follow_up", "delist", "先摘牌");
    stage.picture("refused-delisting-too-early");
    let delist = json!({"action": "delist", "reason": "先摘牌"});
    stage.case_refused_alike(&said, "sun", &delist, "wrong_state");
    assert!(said.contains("先摘牌"), "nothing typed is lost: {said}");
    stage.at_case("sun");
    stage.step("file", &[("place", "市安委办")]);
    stage.step(
        "publish",
        &[("place", "www.example.gov.cn"), ("text", "挂牌督办事项全文")],
    );
    assert_eq!(stage.case_status().0, "published");
    stage.picture("regulator-publishes");
    stage.at_hazard("sun");
    assert!(
        stage.text(".badges").contains("挂牌督办"),
        "{}",
        stage.text(".badges")
    );
    stage.picture("regulator-lists");
    // Meanwhile, on another machine.
    stage.fill("comment", &[("text", "请加快整改")]);
    let (status, answer) = stage.post("wang", &json!({"action": "comment", "reason": "备件已订"}));
    assert_eq!(status, 200, "{answer:#}");
    let said = stage.send_anyway("comment");
    assert!(
        said.contains("已有人办理过") && said.contains("备件已订"),
        "{said}"
    );
    stage.picture("changed-meanwhile");
    let kept = stage.ask("return document.querySelector('#comment-text').value");
    assert_eq!(kept, "请加快整改");
    stage.send("comment");
}

/// The maintainer rectifies, with the administrator's help, and shows it.
fn rectify(stage: &Stage) {
    stage.sign_in("zhao", "/today");
    assert!(
        stage.text("main").contains("待开始整改"),
        "{}",
        stage.text("main")
    );
    stage.picture("maintainer-work-list");
    stage.at_hazard("zhao");
    stage.step("start", &[]);
    stage.step("progress", &[("percent", "50"), ("text", "安全阀已拆下送校")]);
    stage.picture("maintainer-rectifies");
    // Who takes a hand in it does not accept it later.
    stage.at_hazard("root");
    stage.step("progress", &[("percent", "90"), ("text", "协助更换压力表")]);

    // The case asks how it stands, and is told.
    stage.later(4 * DAY_MS);
    stage.at_case("qian");
    stage.step("follow_up", &[("text", "现场跟踪：安全阀已送校，压力表待换")]);
    stage.picture("inspector-follows-up");
    let blocked = stage.text(".blocked");
    assert!(
        blocked.contains("摘牌") || blocked.contains("撤销"),
        "what is not his is said: {blocked}"
    );
    let said = stage.forge_with("follow_up", "withdraw", "不再督办");
    stage.picture("refused-inspector-withdraws");
    let withdraw = json!({"action": "withdraw", "reason": "不再督办"});
    stage.case_refused_alike(&said, "qian", &withdraw, "role_not_allowed");
    stage.case_refused_alike(&blocked, "qian", &withdraw, "role_not_allowed");
    assert!(said.contains("监察机构"), "who could is said: {said}");
    stage.at_case("wang");
    stage.step("answer", &[("text", "安全阀本周内校毕，其间降压运行")]);
    stage.picture("site-answers-the-case");

    stage.at_hazard("zhao");
    stage.fill("self_check", &[("text", "新阀整定 1.1 MPa，校验合格")]);
    let said = stage.send_anyway("self_check");
    stage.picture("refused-no-photo");
    let asked = json!({"action": "self_check", "reason": "已换", "attachments": []});
    stage.refused_alike(&said, "zhao", &asked, "evidence_required");
    assert!(stage.has("#self_check-files-error"));
    stage.add_photo("self_check");
    stage.send("self_check");
    assert_eq!(stage.status(), "self_checked");
    assert!(stage.text(".timeline").contains("现场照片.jpg"));
    stage.step("request_acceptance", &[("text", "请现场验收")]);
    stage.picture("maintainer-asks-for-acceptance");
}

/// Who rectified it does not judge it, nor does who is not the regulator.
fn judge(stage: &Stage) {
    stage.at_hazard("zhao");
    let said = stage.forge("accept", "本人认为合格");
    stage.picture("refused-maintainer-accepts");
    let files = stage.upload("zhao");
    let accept = |files: &Value| json!({"action": "accept", "reason": "合格", "attachments": files});
    stage.refused_alike(&said, "zhao", &accept(&files), "role_not_allowed");

    stage.at_hazard("root");
    assert!(
        !stage.has("#do-accept"),
        "who took a hand in it is offered no acceptance"
    );
    let blocked = stage.text(".blocked");
    let said = stage.forge("accept", "合格");
    stage.picture("refused-rectifier-accepts");
    let files = stage.upload("root");
    stage.refused_alike(&said, "root", &accept(&files), "duties_not_separate");
    stage.refused_alike(&blocked, "root", &accept(&files), "duties_not_separate");

    stage.at_hazard("qian");
    assert!(stage.text(".blocked").contains("监察机构"), "who could is said");
    stage.picture("inspector-sees-whose-turn-it-is");

    stage.at_hazard("sun");
    stage.fill("accept", &[("text", "现场核查：新阀铅封完好，整定记录齐全")]);
    stage.add_photo("accept");
    stage.send("accept");
    assert_eq!(stage.status(), "accepted");
    stage.picture("regulator-accepts");
    let said = stage.forge("delist", "整改到位");
    let delist = json!({"action": "delist", "reason": "整改到位"});
    stage.refused_alike(&said, "sun", &delist, "delisted_with_case");
    stage.picture("refused-delisting-beside-the-case");
    // Who inspected it reports to the case, with what shows it; while the hazard stands the case stands.
    stage.at_case("qian");
    stage.fill("report_acceptance", &[("people", "钱检验"), ("text", "验收合格")]);
    let said = stage.send_anyway("report_acceptance");
    let report = json!({"action": "report_acceptance", "people": "钱检验", "reason": "验收合格"});
    stage.picture("refused-report-without-proof");
    stage.case_refused_alike(&said, "qian", &report, "evidence_required");
    let kept = stage.ask("return document.querySelector('#report_acceptance-people').value");
    assert_eq!(kept, "钱检验", "nothing typed is lost");
    stage.add_photo("report_acceptance");
    stage.send("report_acceptance");
    assert_eq!(stage.case_status().0, "accepted");
    stage.picture("inspector-reports-acceptance");
    stage.at_case("sun");
    let blocked = stage.text(".blocked");
    let said = stage.forge_with("follow_up", "delist", "整改到位");
    stage.picture("refused-delisting-before-strike-off");
    let delist = json!({"action": "delist", "reason": "整改到位"});
    stage.case_refused_alike(&said, "sun", &delist, "hazards_open");
    stage.case_refused_alike(&blocked, "sun", &delist, "hazards_open");

    stage.at_hazard("sun");
    stage.step("strike_off", &[("text", "符合销号条件")]);
    assert_eq!(stage.status(), "struck_off");
    stage.picture("regulator-strikes-off");
}

/// 30 and 90 days later somebody looks again, and telemetry is asked too.
fn look_back(stage: &mut Stage) {
    stage.at_hazard("qian");
    let blocked = stage.text(".blocked");
    let passed = json!({"action": "look_back", "passed": true, "reason": "正常"});
    stage.refused_alike(&blocked, "qian", &passed, "look_back_too_early");
    stage.picture("inspector-look-back-not-due");
    for (login, days, name) in [
        ("qian", 30, "inspector-looks-back"),
        ("sun", 60, "regulator-looks-back"),
    ] {
        stage.later(days * DAY_MS);
        stage.pressure("DDATA", 0.8);
        let path = format!("/api/v1/hazards/{}", stage.hazard);
        let due = |whole: &Value| {
            let history = whole["history"].as_array().unwrap();
            history.last().unwrap()["event"] == "look_back_due"
        };
        stage.api("sun").wait_until(&path, Duration::from_secs(60), due);
        stage.sign_in(login, "/today");
        assert!(
            stage.text("main").contains("“回头看”到期"),
            "{}",
            stage.text("main")
        );
        stage.at_hazard(login);
        stage.fill("look_back", &[("text", "压力平稳，安全阀铅封完好")]);
        stage.browser.click("#look_back-passed-yes");
        stage.send("look_back");
        stage.picture(name);
    }
    assert_eq!(stage.status(), "looked_back");
}

/// The case was kept until the look-backs were over: it ends first, then the hazard.
fn close(stage: &Stage) {
    stage.at_hazard("sun");
    assert!(!stage.has("#do-close"), "a listed hazard is not closed");
    let blocked = stage.text(".blocked");
    let said = stage.forge("close", "闭环归档");
    stage.picture("refused-closing-while-listed");
    let asked = json!({"action": "close", "reason": "闭环归档"});
    stage.refused_alike(&said, "sun", &asked, "still_listed");
    stage.refused_alike(&blocked, "sun", &asked, "still_listed");

    stage.at_case("sun");
    stage.step("delist", &[("text", "隐患已销号，两次“回头看”均通过")]);
    stage.step("publish_delisting", &[("place", "www.example.gov.cn")]);
    assert_eq!(stage.case_status().0, "delisted");
    stage.picture("regulator-delists");
    stage.at_hazard("sun");
    assert!(
        !stage.text(".badges").contains("挂牌督办"),
        "{}",
        stage.text(".badges")
    );
    stage.step("close", &[("text", "闭环归档")]);
    assert_eq!(stage.status(), "closed");
    stage.picture("regulator-closes");
}

/// Who only reads sees all of it and changes nothing; who has nothing to do with it sees nothing.
fn read(stage: &Stage) {
    stage.at_hazard("li");
    assert!(!stage.has("form.act"), "a department has no forms");
    stage.picture("department-reads");
    let before = stage.get("sun", &format!("/api/v1/hazards/{}", stage.hazard))["events"].clone();
    let said = stage.forge_bare("comment");
    assert!(said.contains("您的角色不能"), "{said}");
    stage.picture("refused-department-acts");
    let (status, problem) = stage.post("li", &json!({"action": "comment", "reason": "x"}));
    assert_eq!(status, 403, "{problem:#}");
    assert!(
        problem["detail"].as_str().unwrap().contains("role"),
        "{problem:#}"
    );
    let whole = stage.get("sun", &format!("/api/v1/hazards/{}", stage.hazard));
    assert_eq!(whole["events"], before, "nothing came of it");

    stage.at_hazard("stranger");
    assert!(
        stage.text("main").contains("没有这个页面"),
        "{}",
        stage.text("main")
    );
    stage.picture("stranger-sees-nothing");
    let (status, answer) = stage
        .api("stranger")
        .get_text(&format!("/api/v1/hazards/{}", stage.hazard));
    assert_eq!(status, 404, "{answer}");
    let (status, problem) = stage.post("stranger", &json!({"action": "comment", "reason": "x"}));
    assert_eq!(status, 404, "another's hazard is not even there: {problem:#}");
    stage.sign_in("stranger", &stage.case);
    assert!(
        stage.text("main").contains("没有这个页面"),
        "{}",
        stage.text("main")
    );
}

/// The record of it is whole, and says who did what in which order.
fn prove(stage: &Stage) {
    let whole = stage.get("li", &format!("/api/v1/hazards/{}", stage.hazard));
    assert_eq!(whole["chain"]["verified"], true, "{:#}", whole["chain"]);
    let mut wanted = vec![
        ("opened", ""),
        ("confirmed", "wang"),
        ("interim_measure", "wang"),
        ("assigned", "wang"),
        ("listed", "sun"),
        ("rectification_started", "zhao"),
        ("progress", "root"),
        ("self_checked", "zhao"),
        ("acceptance_requested", "zhao"),
        ("accepted", "sun"),
        ("struck_off", "sun"),
        ("look_back_due", ""),
        ("looked_back", "qian"),
        ("look_back_due", ""),
        ("looked_back", "sun"),
        ("delisted", "sun"),
        ("closed", "sun"),
    ]
    .into_iter()
    .peekable();
    for event in whole["history"].as_array().unwrap() {
        let said = (
            event["event"].as_str().unwrap(),
            event["actor"].as_str().unwrap_or_default(),
        );
        let _seen = wanted.next_if_eq(&said);
    }
    assert_eq!(
        wanted.next(),
        None,
        "missing, or out of order: {:#}",
        whole["history"]
    );

    let record = format!("/hazards/{}", stage.hazard);
    for (name, login, path) in [
        ("whole-record", "sun", record.as_str()),
        ("regulator-work-list", "sun", "/today"),
        ("case", "sun", stage.case.as_str()),
        ("hazard-list", "sun", "/hazards?status=all"),
        ("report-by-hand", "wang", "/hazards/new?equipment=boiler-1"),
    ] {
        for width in [1280, 390] {
            stage.browser.resize(width);
            stage.sign_in(login, path);
            assert_eq!(stage.ask(STICKING_OUT), json!([]), "{path} at {width} px");
            stage.picture(&format!("{name}-{width}"));
        }
    }
}

#[test]
fn a_major_hazard_goes_from_telemetry_to_its_last_look_back_by_the_forms_alone() {
    let place = Place::new("loop");
    let mut stage = Stage::new(&place);
    furnish::furnish(&stage);
    stage.detect();
    stage.later(35 * MINUTE_MS);
    decide(&stage);
    stage.later(26 * HOUR_MS);
    supervise(&mut stage);
    stage.later(3 * HOUR_MS);
    rectify(&stage);
    stage.later(20 * HOUR_MS);
    judge(&stage);
    look_back(&mut stage);
    close(&stage);
    read(&stage);
    prove(&stage);
    let written = paper::written(&stage);
    let mut wrong = paper::fits(&stage, &written);
    wrong.extend(paper::usable_by_all(&stage, &written));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
