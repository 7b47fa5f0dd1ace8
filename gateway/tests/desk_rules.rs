//! The rules of the desk as a city has them: read at the start, replaced while the gateway runs, and what was decided by
//! which of them is decided again by a replay.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::{until, within};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vigil_core::diagnostic::Level;
use vigil_core::hazard::workflow::{Intake, Step};
use vigil_core::hazard::{Assignment, HazardEventKind, HazardId, HazardSource, HazardSummary, verify_chain};
use vigil_core::pack::Grade;
use vigil_core::{Action, OperatorAction, Settings, UtcMillis};
use vigil_gateway::cli::check::check;
use vigil_gateway::clock::Clock;
use vigil_gateway::reload::{ConfigSource, LoadError, ReloadFailure};
use vigil_gateway::replay::replay;
use vigil_gateway::run::{RunOptions, Running, start};
use vigil_gateway::store::HazardFilter;

/// 2026-06-01T00:00:00Z, a Monday, 08:00 in China.
const T0: i64 = 1_780_272_000_000;
const DAY: i64 = 86_400_000;
const SITE: &str = "[[equipment]]\nid = \"lift\"\ncategory = \"3110\"\nnode = \"s/n1\"\ndevice = \"l\"\n";

/// A gateway's folder.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.path("site.toml"), SITE).unwrap();
        std::fs::create_dir(place.path("desk")).unwrap();
        let config = "catalog = [\"site.toml\"]\n[listen]\nhttp = \"127.0.0.1:0\"\nmqtt = \"127.0.0.1:0\"\n\
                      [store]\ndata = \"data\"\n[desk]\nfolder = \"desk\"\n";
        std::fs::write(place.path("vigil.toml"), config).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn desk(&self, name: &str, text: &str) {
        std::fs::write(self.path("desk").join(name), text).unwrap();
    }

    async fn start(&self, clock: &Clock) -> Running {
        let source = ConfigSource {
            path: Some(self.path("vigil.toml")),
            ..ConfigSource::default()
        };
        until("the database is free", async || {
            let loaded = source.load().unwrap_or_else(|error| panic!("{error:?}"));
            let options = RunOptions {
                clock: clock.clone(),
                source: Some(source.clone()),
                profiles: loaded.profiles,
                desk: loaded.desk,
                ..RunOptions::default()
            };
            start(loaded.config, loaded.catalog, options).await.ok()
        })
        .await
    }

    /// What the log makes of the hazards, with the policies it was written under.
    async fn replayed(&self) -> Vec<HazardSummary> {
        let source = ConfigSource {
            path: Some(self.path("vigil.toml")),
            ..ConfigSource::default()
        };
        let catalog = source.load().unwrap().catalog;
        let database = self.path("data").join("vigil.db");
        // The settings say something else on purpose.
        let settings = Settings::default();
        let again = replay(&database, catalog.into(), &settings).await.unwrap();
        sorted(again.hazards)
    }
}

fn sorted(mut hazards: Vec<HazardSummary>) -> Vec<HazardSummary> {
    hazards.sort_by(|a, b| a.id.cmp(&b.id));
    hazards
}

async fn stored(running: &Running) -> Vec<HazardSummary> {
    sorted(running.app.store.hazards(&HazardFilter::default()).await.unwrap())
}

async fn act(running: &Running, action: Action) -> HazardSummary {
    let action = OperatorAction {
        actor: "孙监察".to_owned(),
        reason: "因为".to_owned(),
        idempotency_key: None,
        who: None,
        scope: None,
        action,
    };
    let acted = within("an action", running.app.engine.act(action)).await.unwrap();
    acted.hazard.unwrap()
}

async fn step(running: &Running, hazard: &HazardId, step: Step) -> HazardSummary {
    let action = Action::Hazard {
        hazard: hazard.clone(),
        expect: None,
        step: Box::new(step),
    };
    act(running, action).await
}

/// A general hazard, found by a person, confirmed and given to somebody without a deadline of its own.
async fn assigned(running: &Running, of: (Option<&str>, Option<&str>), what: &str) -> HazardSummary {
    let intake = Intake {
        equipment: of.0.map(Into::into),
        unit: of.1.map(Into::into),
        rule: None,
        since: None,
        source: HazardSource::Inspection,
        category: "management".into(),
        title_zh: what.to_owned(),
        title_en: what.to_owned(),
        description: what.to_owned(),
        grade: Grade::General,
        severity: None,
        clause: String::new(),
        found_at: None,
        reporter: None,
        attachments: Vec::new(),
        fixed: None,
        by_machine: false,
        repeat: None,
        round: 0,
    };
    let opened = act(
        running,
        Action::OpenHazard {
            intake: Box::new(intake),
        },
    )
    .await;
    step(running, &opened.id, Step::Confirm).await;
    let assignment = Assignment {
        person: "王工".into(),
        ..Assignment::default()
    };
    step(running, &opened.id, Step::Assign { assignment }).await
}

/// Days from T0 to the deadline's day.
fn days_to_deadline(hazard: &HazardSummary) -> i64 {
    (hazard.handling.deadline.unwrap().0 - T0) / DAY
}

async fn told(running: &Running, hazard: &HazardId, what: impl Fn(&HazardEventKind) -> bool) -> Vec<i64> {
    let events = running.app.store.hazard_events(&hazard.0).await.unwrap();
    let folded = verify_chain(&events).unwrap();
    let stored = running.app.store.hazard(&hazard.0).await.unwrap().unwrap();
    // It may have gone on between the two looks.
    if stored.events == folded.events {
        assert_eq!(folded, stored, "the fold of the events is what is stored");
    }
    let told = events.iter().filter(|event| what(&event.kind));
    told.map(|event| (event.at.0 - T0) / DAY).collect()
}

fn is_reminder(kind: &HazardEventKind) -> bool {
    matches!(kind, HazardEventKind::Reminded { .. })
}

async fn reminded(running: &Running, hazard: &HazardId, times: usize) -> Vec<i64> {
    until("a reminder", async || {
        let told = told(running, hazard, is_reminder).await;
        (told.len() >= times).then_some(told)
    })
    .await
}

async fn get(running: &Running, path: &str) -> Value {
    let mut connection = TcpStream::connect(running.http_addr).await.unwrap();
    let token = std::fs::read_to_string(running.app.token.path()).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        token.trim()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", connection.read_to_string(&mut answer))
        .await
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

async fn stop(running: Running) {
    running.shutdown(Duration::from_secs(20)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_change_by_a_reload_while_hazards_are_open_and_a_replay_makes_the_same_of_the_log() {
    let place = Place::new();
    let clock = Clock::manual(UtcMillis(T0));
    let later = |days: i64| clock.set(UtcMillis(T0 + days * DAY));
    let running = place.start(&clock).await;

    // As shipped: 15 days.
    let old = assigned(&running, (Some("lift"), None), "阀门锈蚀").await;
    let of_unit = assigned(&running, (None, Some("HEAT")), "制度缺失").await;
    assert_eq!((days_to_deadline(&old), days_to_deadline(&of_unit)), (15, 15));

    // The city: 3 days, and it reminds ten days ahead.
    place.desk(
        "hazard-loop.toml",
        "[general]\nlasts = '3 days'\nsource = '市令 1'\n[rounds]\nremind_before_days = [10, 1]\nescalate_after_days = [2]\n",
    );
    let reloaded = running.app.reload.reload().await.unwrap();
    assert_eq!(
        (reloaded.desk, reloaded.next_start),
        (vec!["hazard-loop.toml"], vec![])
    );
    let new = assigned(&running, (Some("lift"), None), "水位计模糊").await;
    assert_eq!(days_to_deadline(&new), 3);
    let known = running.app.store.hazard(&old.id.0).await.unwrap().unwrap();
    assert_eq!(
        known.handling.deadline, old.handling.deadline,
        "what was set stays"
    );

    // What is to come follows the new rules: of the old one ten days ahead, not seven.
    later(6);
    assert_eq!(reminded(&running, &old.id, 1).await, [5]);
    assert_eq!(reminded(&running, &of_unit.id, 1).await, [5]);
    let escalated = |kind: &HazardEventKind| matches!(kind, HazardEventKind::Escalated { .. });
    let of_new = until("an escalation", async || {
        let told = told(&running, &new.id, escalated).await;
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert_eq!(of_new, [5], "two days behind its deadline");

    // A wrong file changes nothing.
    place.desk("hazard-loop.toml", "[general]\nlasts = 'soon'\n");
    let Err(ReloadFailure::Load(LoadError::Files(findings))) = running.app.reload.reload().await else {
        panic!("it is wrong");
    };
    let wrong = findings.iter().filter(|found| found.level == Level::Error);
    let said = wrong.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(
        said.ends_with(
            "hazard-loop.toml:2:9: error: `general.lasts`: \"soon\" is no length of time; write \"15 days\", \
             \"10 working days\", \"4 hours\" or \"30 minutes\""
        ),
        "{said}"
    );
    let still = assigned(&running, (Some("lift"), None), "仍为三天").await;
    assert_eq!(days_to_deadline(&still), 6 + 3);

    // Back to what is shipped: seven days ahead are over, one day ahead comes.
    std::fs::remove_file(place.path("desk/hazard-loop.toml")).unwrap();
    running.app.reload.reload().await.unwrap();
    later(15);
    assert_eq!(reminded(&running, &old.id, 4).await, [5, 8, 12, 14]);
    stop(running).await;

    // Changed while it stood still.
    place.desk(
        "hazard-loop.toml",
        "[general]\nlasts = '2 hours'\n[rounds]\nescalate_after_days = [4]\n",
    );
    later(16);
    let running = place.start(&clock).await;
    let quick = assigned(&running, (None, Some("HEAT")), "马上").await;
    assert_eq!(
        quick.handling.deadline,
        Some(UtcMillis(T0 + 16 * DAY + 7_200_000))
    );
    later(21);
    let told_of_old = until("an escalation", async || {
        let told = told(&running, &old.id, escalated).await;
        (!told.is_empty()).then_some(told)
    })
    .await;
    // By the rules of before it would have been said on day 16 and day 22.
    assert_eq!(told_of_old, [19], "four days behind the deadline");
    let before = stored(&running).await;
    assert!(before.len() >= 5, "{before:#?}");
    stop(running).await;

    assert_eq!(place.replayed().await, before);
    let running = place.start(&clock).await;
    assert_eq!(
        stored(&running).await,
        before,
        "a start by the same rules changes nothing"
    );
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_backs_can_be_minutes_away() {
    let place = Place::new();
    place.desk(
        "hazard-loop.toml",
        "[rounds]\nlook_back_after = ['3 minutes', '6 minutes']\n[look_back_early]\nlasts = '0 minutes'\n",
    );
    let clock = Clock::manual(UtcMillis(T0));
    let running = place.start(&clock).await;
    let hazard = assigned(&running, (None, Some("HEAT")), "台账不全").await;
    let id = &hazard.id;
    step(&running, id, Step::Start).await;
    let checked = act_for("李安全", Step::SelfCheck { attachments: photo() }, id);
    within("a check", running.app.engine.act(checked)).await.unwrap();
    let accept = act_for(
        "赵验收",
        Step::Accept {
            attachments: Vec::new(),
        },
        id,
    );
    within("an acceptance", running.app.engine.act(accept))
        .await
        .unwrap();
    let strike_off = Step::StrikeOff {
        number: String::new(),
        rules_made: String::new(),
    };
    within(
        "a strike-off",
        running.app.engine.act(act_for("赵验收", strike_off, id)),
    )
    .await
    .unwrap();
    let look = |passed| {
        act_for(
            "赵验收",
            Step::LookBack {
                passed,
                attachments: photo(),
            },
            id,
        )
    };
    let early = within("a refusal", running.app.engine.act(look(true))).await;
    assert!(format!("{early:?}").contains("look_back_too_early"), "{early:?}");
    for minutes in [3, 6] {
        clock.set(UtcMillis(T0 + minutes * 60_000));
        within("a look-back", running.app.engine.act(look(true)))
            .await
            .unwrap();
    }
    let closed = act_for("赵验收", Step::Close, id);
    let closed = within("the end", running.app.engine.act(closed)).await.unwrap();
    assert!(closed.hazard.unwrap().status.is_final());
    stop(running).await;
}

fn photo() -> Vec<vigil_core::hazard::Attachment> {
    vec![vigil_core::hazard::Attachment {
        name: "a.jpg".into(),
        size: 1,
        sha256: vigil_core::hash::ContentHash::of(b"a"),
        media_type: vigil_core::hazard::MediaType::Jpeg,
    }]
}

fn act_for(actor: &str, step: Step, hazard: &HazardId) -> OperatorAction {
    OperatorAction {
        actor: actor.to_owned(),
        reason: "现场已核实".to_owned(),
        idempotency_key: None,
        who: None,
        scope: None,
        action: Action::Hazard {
            hazard: hazard.clone(),
            expect: None,
            step: Box::new(step),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_of_the_desk_shows_at_once_after_a_reload() {
    let place = Place::new();
    let clock = Clock::manual(UtcMillis(T0));
    let running = place.start(&clock).await;
    let shipped = get(&running, "/api/v1/risk/scheme").await;
    assert_eq!(shipped["reassess_days"], 365);
    for (name, text) in [
        (
            "risk.toml",
            "[[level]]\ncolour = 'orange'\nzh = '较高风险'\n[reassess]\ndays = 180\n",
        ),
        (
            "supervision.toml",
            "[publication]\nlasts = '7 days'\nsource = '市令'\n[[level]]\nkey = 'town'\nzh = '乡镇'\nen = 'town'\n",
        ),
        (
            "four-lists.toml",
            "[[list]]\nkey = 'hazards'\nzh = '问题隐患清单'\n[[list.column]]\nkey = 'hazard_no'\n[[list.column]]\nkey = 'grade'\n",
        ),
        ("duty.toml", "[[kind]]\nkey = 'weekly'\nzh = '周检查'\n"),
        (
            "holidays.toml",
            "[[year]]\nyear = 2026\noff = [['2026-06-02', '2026-06-04']]\n",
        ),
        (
            "inspection-schedules.toml",
            "[[schedule]]\nid = 'lift-brake'\nmonths = 36\n",
        ),
        (
            "hazard-loop.toml",
            "[[category]]\nkey = 'management'\nzh = '管理缺陷'\n[general]\nlasts = '2 working days'\n",
        ),
    ] {
        place.desk(name, text);
    }
    let reloaded = running.app.reload.reload().await.unwrap();
    assert_eq!(reloaded.desk.len(), 7, "{reloaded:?}");

    let scheme = get(&running, "/api/v1/risk/scheme").await;
    assert_eq!(scheme["reassess_days"], 180);
    assert_eq!(scheme["levels"][1]["colour"]["title_zh"], "较高风险");
    assert_eq!(scheme["levels"][1]["told"]["unverified"], true, "{scheme:#}");
    let supervision = get(&running, "/api/v1/supervision/rules").await;
    let publication = &supervision["periods"][1];
    assert_eq!(
        (&publication["key"], &publication["days"], &publication["source"]),
        (&"publication".into(), &7.into(), &"市令".into())
    );
    assert_eq!(supervision["levels"].as_array().unwrap().len(), 4);
    let lists = get(&running, "/api/v1/lists").await;
    assert_eq!(lists["lists"][1]["title_zh"], "问题隐患清单", "{lists:#}");
    let hazards = get(&running, "/api/v1/lists/hazards?from=2026-06-01&to=2026-06-30").await;
    assert_eq!(hazards["columns"], serde_json::json!(["hazard_no", "grade"]));
    let rules = running.app.rules.now();
    assert_eq!(
        rules.duty.iter().map(|one| &*one.zh).collect::<Vec<_>>(),
        ["日管控", "周检查", "月调度"]
    );
    let brake = rules.schedules.iter().find(|one| one.id == "lift-brake").unwrap();
    assert_eq!(brake.months, Some(36));
    // Tuesday to Thursday are off: two working days from Monday end with next Monday.
    let hazard = assigned(&running, (Some("lift"), None), "假期").await;
    assert_eq!(days_to_deadline(&hazard), 7);
    let shown = get(&running, &format!("/api/v1/hazards/{}", hazard.id.0)).await;
    assert!(shown.to_string().contains("管理缺陷"), "{shown:#}");
    stop(running).await;
}

#[test]
fn a_check_says_everything_that_is_wrong_with_the_folder() {
    let place = Place::new();
    let report = |place: &Place| check(Some(&place.path("vigil.toml"))).to_string();
    let text = report(&place);
    assert!(
        text.contains("desk: warning: there is no file of the desk in this folder"),
        "{text}"
    );
    place.desk("hazard-loop.toml", "[general]\nlasts = '3 days'\n");
    let text = report(&place);
    assert!(
        text.contains("  desk hazard-loop.toml: own\n") && text.ends_with("ok"),
        "{text}"
    );

    place.desk(
        "hazard-loop.toml",
        "[general]\nlasts = '3 days'\ncounted = 'working'\n",
    );
    place.desk("suprvision.toml", "");
    place.desk("duty.toml", "[[kind]]\nkey = 'weekly'\nofficer_fact = 'boss'\n");
    let text = report(&place);
    for said in [
        "hazard-loop.toml:3:1: error: `general.counted`: unknown field `counted`",
        "suprvision.toml: error: no file of the desk is called `suprvision.toml` (help: did you mean `supervision.toml`?)",
        "duty.toml:3:16: error: `kind[2].officer_fact`: the register has no fact `boss`",
        "3 errors",
    ] {
        assert!(text.contains(said), "{text}");
    }
    missing_folder(place.0.path());
}

fn missing_folder(dir: &Path) {
    let config = dir.join("vigil.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("folder = \"desk\"", "folder = \"dask\"")).unwrap();
    let text = check(Some(&config)).to_string();
    assert!(
        text.contains("vigil.toml:8:10: error: `dask` is no folder (help: looked for"),
        "{text}"
    );
}
