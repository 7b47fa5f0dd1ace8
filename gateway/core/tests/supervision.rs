//! Cases of supervision: who may do what, what the clock says, and that the fold of events is the case.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use proptest::prelude::*;
use std::sync::Arc;
use vigil_core::UtcMillis;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{Attachment, HazardId, MediaType};
use vigil_core::people::{Person, Role, Scope};
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{
    Asking, Case, CaseEvent, CaseEventKind, CaseFault, CaseKind, CaseStatus, CaseStep, CaseStepKind, Order,
    Subject, Timer, blocked, issue, may, next, numbering, step, verify, waiting,
};

const DAY: i64 = 86_400_000;
/// 2026-06-01 08:00 in China, a Monday.
const T0: i64 = 1_780_272_000_000;

fn at(days: i64) -> UtcMillis {
    UtcMillis(T0 + days * DAY)
}

fn scope() -> Scope {
    Scope {
        use_unit: Some("acme".into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: Some("look".into()),
        area: "210381".into(),
    }
}

fn person(role: Role) -> Person {
    let unit = match role {
        Role::Site => Some("acme"),
        Role::Maintainer => Some("fix"),
        Role::InspectionBody => Some("look"),
        _ => None,
    };
    Person {
        login: role.key().into(),
        role,
        unit: unit.map(Into::into),
        areas: match role {
            Role::Regulator | Role::Department => vec!["2103".into()],
            _ => Vec::new(),
        },
    }
}

fn order(kind: CaseKind) -> Order {
    Order {
        kind,
        level: "city".into(),
        issuer: "鞍山市市场监督管理局".into(),
        title: "锅炉超压".into(),
        grounds: String::new(),
        demands: "停用并整改".into(),
        subject: Subject {
            hazards: vec![HazardId("HZ-1".into())],
            equipment: None,
            unit: Some("acme".into()),
        },
        scope: scope(),
        deadline: Some(at(90)),
        meet_at: None,
    }
}

struct Who {
    person: Person,
    scope: Scope,
    text: &'static str,
    open: Vec<HazardId>,
    now: UtcMillis,
}

impl Who {
    fn of(role: Role, day: i64) -> Self {
        Self {
            person: person(role),
            scope: scope(),
            text: "说明",
            open: Vec::new(),
            now: at(day),
        }
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            person: &self.person,
            scope: &self.scope,
            text: self.text,
            open_hazards: &self.open,
            now: self.now,
            policy: SupervisionPolicy::builtin(),
        }
    }
}

fn issued(kind: CaseKind) -> (Vec<CaseEvent>, Case) {
    let who = Who::of(Role::Regulator, 0);
    let (event, case) = issue(&order(kind), "No. 1".into(), &who.asking()).unwrap();
    (vec![event], case)
}

fn paper() -> Vec<Attachment> {
    vec![Attachment {
        name: "报告.pdf".to_owned(),
        size: 9,
        sha256: ContentHash::of(b"report"),
        media_type: MediaType::Pdf,
    }]
}

fn sample(kind: CaseStepKind, now: UtcMillis) -> CaseStep {
    match kind {
        CaseStepKind::File => CaseStep::File {
            on: now,
            office: "市安委办".into(),
        },
        CaseStepKind::Publish => CaseStep::Publish {
            on: now,
            place: "www.example.gov.cn".into(),
        },
        CaseStepKind::Meet => CaseStep::Meet {
            on: now,
            place: "一号会议室".into(),
            attendees: "王某".into(),
            attachments: Vec::new(),
        },
        CaseStepKind::FollowUp => CaseStep::FollowUp {
            on: now,
            attachments: Vec::new(),
        },
        CaseStepKind::Answer => CaseStep::Answer { attachments: paper() },
        CaseStepKind::RequestExtension => CaseStep::RequestExtension { until: at(150) },
        CaseStepKind::GrantExtension => CaseStep::GrantExtension { until: None },
        CaseStepKind::RefuseExtension => CaseStep::RefuseExtension,
        CaseStepKind::ReportAcceptance => CaseStep::ReportAcceptance {
            on: now,
            inspectors: "李某、赵某".into(),
            attachments: paper(),
        },
        CaseStepKind::Delist => CaseStep::Delist,
        CaseStepKind::PublishDelisting => CaseStep::PublishDelisting {
            on: now,
            place: "www.example.gov.cn".into(),
        },
        CaseStepKind::Close => CaseStep::Close,
        CaseStepKind::Withdraw => CaseStep::Withdraw,
    }
}

/// Takes steps one after the other, each by this role on this day.
fn walk(kind: CaseKind, steps: &[(Role, i64, CaseStepKind)]) -> (Vec<CaseEvent>, Case) {
    let (mut events, mut case) = issued(kind);
    for (role, day, kind) in steps {
        let who = Who::of(*role, *day);
        let taken = step(&case, &sample(*kind, who.now), &who.asking());
        let (event, after) = taken.unwrap_or_else(|refusal| panic!("{kind:?}: {}", refusal.message));
        events.push(event);
        case = after;
    }
    (events, case)
}

fn refused(case: &Case, who: &Who, asked: &CaseStep) -> &'static str {
    step(case, asked, &who.asking()).unwrap_err().code
}

use CaseStepKind as K;
use Role::{Administrator, Department, InspectionBody, Maintainer, Regulator, Site};

#[test]
fn each_kind_of_case_goes_its_way_to_the_end() {
    let (events, case) = walk(
        CaseKind::Listed,
        &[
            (Regulator, 1, K::File),
            (Regulator, 2, K::Publish),
            (Regulator, 30, K::FollowUp),
            (Site, 40, K::RequestExtension),
            (Administrator, 41, K::GrantExtension),
            (Site, 60, K::Answer),
            (InspectionBody, 80, K::ReportAcceptance),
            (Regulator, 82, K::Delist),
            (Regulator, 83, K::PublishDelisting),
        ],
    );
    assert_eq!(case.status, CaseStatus::Delisted);
    assert_eq!((case.deadline, case.extensions), (Some(at(150)), 1));
    assert_eq!(verify(&events).unwrap(), case);
    assert_eq!(waiting(&case, SupervisionPolicy::builtin()), []);
    let (_, interview) = walk(
        CaseKind::Interview,
        &[
            (Regulator, 3, K::Meet),
            (Maintainer, 9, K::Answer),
            (Regulator, 20, K::Close),
        ],
    );
    assert_eq!(interview.status, CaseStatus::Closed);
    let (_, circular) = walk(
        CaseKind::Circular,
        &[(Regulator, 1, K::Publish), (Regulator, 2, K::Close)],
    );
    assert_eq!(circular.status, CaseStatus::Closed);
}

#[test]
fn a_case_is_not_delisted_before_its_hazards_are_struck_off() {
    let (_, case) = walk(
        CaseKind::Listed,
        &[(Regulator, 1, K::Publish), (Regulator, 5, K::ReportAcceptance)],
    );
    let mut who = Who::of(Regulator, 6);
    who.open = vec![HazardId("HZ-1".into())];
    let refusal = step(&case, &CaseStep::Delist, &who.asking()).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.hazard),
        ("hazards_open", Some(HazardId("HZ-1".into())))
    );
    assert!(refusal.message_zh.contains("HZ-1"), "{}", refusal.message_zh);
    who.open.clear();
    assert!(step(&case, &CaseStep::Delist, &who.asking()).is_ok());
}

/// Everybody who could have to do with cases, with a scope that is not his and one that is.
#[rustfmt::skip] // a table
const OTHERS: &[(Role, &str, &str)] = &[
    // Role, unit and area of the case he does not see.
    (Site, "other", "210381"),
    (Maintainer, "other", "210381"),
    (InspectionBody, "other", "210381"),
    (Regulator, "acme", "210481"),
    (Department, "acme", "110101"),
];

#[test]
fn who_does_not_see_a_case_takes_no_step_of_it_and_issues_none_there() {
    for (role, unit, area) in OTHERS {
        let elsewhere = Scope {
            use_unit: Some((*unit).into()),
            maintenance_unit: Some((*unit).into()),
            inspection_body: Some((*unit).into()),
            area: (*area).into(),
        };
        for kind in CaseKind::ALL {
            let (_, case) = issued(kind);
            let out = Who {
                scope: elsewhere.clone(),
                ..Who::of(*role, 1)
            };
            let own = Who::of(*role, 1);
            for asked in K::ALL {
                // Whatever else would be in the way: that he does not see it comes first.
                let refusal = may(&case, asked, &out.asking()).unwrap_err();
                assert_eq!(refusal.code, "not_in_scope", "{role:?} {kind:?} {asked:?}");
                let refused = step(&case, &sample(asked, at(1)), &out.asking()).unwrap_err();
                assert_eq!(refused.code, "not_in_scope", "{role:?} {kind:?} {asked:?}");
                let code = may(&case, asked, &own.asking()).map_err(|refusal| refusal.code);
                assert_ne!(code, Err("not_in_scope"), "{role:?} {kind:?} {asked:?}");
            }
            assert!(
                vigil_core::supervision::allowed(&case, &out.asking()).is_empty(),
                "{role:?}"
            );
            let there = Order {
                scope: elsewhere.clone(),
                ..order(kind)
            };
            // The order's scope counts, not that of whatever was looked at before.
            let refused = issue(&there, "N-1".into(), &own.asking()).unwrap_err();
            let code = if *role == Regulator {
                "not_in_scope"
            } else {
                "role_not_allowed"
            };
            assert_eq!(refused.code, code, "{role:?} {kind:?}");
        }
    }
}

#[test]
fn what_only_others_can_do_is_said_with_who_and_what_nobody_can_is_not() {
    let (_, case) = issued(CaseKind::Listed);
    let said = |role| -> Vec<(CaseStepKind, &'static str, bool)> {
        let who = Who::of(role, 1);
        let found = blocked(&case, &who.asking());
        let told = |(step, refusal): (CaseStepKind, vigil_core::output::Refusal)| {
            (step, refusal.code, refusal.who.contains(&Role::Regulator))
        };
        found.into_iter().map(told).collect()
    };
    let inspector = said(Role::InspectionBody);
    assert!(inspector.contains(&(CaseStepKind::Withdraw, "role_not_allowed", true)));
    assert!(inspector.contains(&(CaseStepKind::Answer, "role_not_allowed", false)));
    assert!(
        !inspector.iter().any(|(step, ..)| *step == CaseStepKind::FollowUp),
        "his own"
    );
    assert!(
        !inspector.iter().any(|(step, ..)| *step == CaseStepKind::Delist),
        "of another state"
    );
    // Nobody has asked for more time, so nobody decides on it.
    assert!(
        !said(Role::Regulator)
            .iter()
            .any(|(step, ..)| *step == CaseStepKind::GrantExtension)
    );
}

#[test]
fn what_is_missing_or_not_allowed_is_refused_with_its_reason() {
    let (_, case) = issued(CaseKind::Listed);
    let regulator = |day| Who::of(Regulator, day);
    let now = at(1);
    #[rustfmt::skip] // a table
    let cases: Vec<(Who, CaseStep, &str)> = vec![
        (Who { text: " ", ..regulator(1) }, sample(K::Publish, now), "reason_required"),
        (regulator(1), CaseStep::Publish { on: now, place: " ".into() }, "bad_field"),
        (regulator(1), CaseStep::Publish { on: at(2), place: "x".into() }, "bad_field"),
        (regulator(1), CaseStep::Publish { on: at(-1), place: "x".into() }, "bad_field"),
        (regulator(1), sample(K::ReportAcceptance, now), "wrong_state"),
        (regulator(1), CaseStep::Delist, "wrong_state"),
        (regulator(1), CaseStep::Close, "wrong_state"),
        (regulator(1), sample(K::Meet, now), "wrong_state"),
        (regulator(1), CaseStep::GrantExtension { until: None }, "nothing_requested"),
        (regulator(85), sample(K::RequestExtension, now), "extension_too_late"),
        (regulator(1), CaseStep::RequestExtension { until: at(80) }, "bad_deadline"),
        (regulator(1), CaseStep::RequestExtension { until: at(400) }, "bad_deadline"),
        (Who::of(Department, 1), sample(K::FollowUp, now), "role_not_allowed"),
        (Who::of(Site, 1), CaseStep::Withdraw, "role_not_allowed"),
        (Who::of(Site, 1), sample(K::FollowUp, now), "role_not_allowed"),
        (Who { scope: Scope::default(), ..Who::of(Site, 1) }, sample(K::Answer, now), "not_in_scope"),
    ];
    for (who, asked, code) in cases {
        assert_eq!(
            refused(&case, &who, &asked),
            code,
            "{asked:?} by {}",
            who.person.login
        );
    }
    let (_, published) = walk(CaseKind::Listed, &[(Regulator, 1, K::Publish)]);
    let bare = CaseStep::ReportAcceptance {
        on: at(2),
        inspectors: "李某".into(),
        attachments: Vec::new(),
    };
    assert_eq!(refused(&published, &regulator(2), &bare), "evidence_required");
    let (_, asked) = walk(CaseKind::Listed, &[(Regulator, 1, K::RequestExtension)]);
    assert_eq!(
        refused(&asked, &regulator(2), &CaseStep::GrantExtension { until: None }),
        "duties_not_separate"
    );
}

#[test]
fn only_an_authority_issues_and_only_what_is_whole() {
    let try_out = |role: Role, order: &Order| {
        let who = Who::of(role, 0);
        issue(order, "n".into(), &who.asking())
            .map(drop)
            .map_err(|refusal| refusal.code)
    };
    for role in Role::ALL {
        let expected = if matches!(role, Regulator | Administrator) {
            Ok(())
        } else {
            Err("role_not_allowed")
        };
        assert_eq!(try_out(role, &order(CaseKind::Listed)), expected, "{role:?}");
    }
    let listed = || order(CaseKind::Listed);
    let blank = String::new;
    #[rustfmt::skip] // a table
    let wrong = [
        (Order { deadline: None, ..listed() }, "bad_field"),
        (Order { deadline: Some(at(-1)), ..listed() }, "bad_deadline"),
        (Order { deadline: Some(at(400)), ..listed() }, "bad_deadline"),
        (Order { level: "moon".into(), ..listed() }, "bad_field"),
        (Order { issuer: blank(), ..listed() }, "bad_field"),
        (Order { title: "x".repeat(301), ..listed() }, "bad_field"),
        (Order { demands: blank(), ..listed() }, "bad_field"),
        (Order { meet_at: Some(at(3)), ..listed() }, "bad_field"),
        (Order { subject: Subject::default(), ..listed() }, "bad_field"),
        (Order { scope: Scope::default(), ..listed() }, "not_in_scope"),
    ];
    for (order, code) in wrong {
        assert_eq!(try_out(Regulator, &order), Err(code), "{order:?}");
    }
    let circular = Order {
        subject: Subject::default(),
        deadline: None,
        ..order(CaseKind::Circular)
    };
    assert_eq!(
        try_out(Regulator, &circular),
        Ok(()),
        "a circular may be about an area"
    );
}

#[test]
fn the_clock_reminds_says_what_is_late_and_tells_the_next_level() {
    let policy = SupervisionPolicy::builtin();
    let (mut events, mut case) = walk(
        CaseKind::Listed,
        &[(Regulator, 1, K::File), (Regulator, 2, K::Publish)],
    );
    let mut said = Vec::new();
    while let Some((at, kind)) = next(&case, policy) {
        assert!(at >= case.changed);
        said.push(match &kind {
            CaseEventKind::Reminded { timer, days_left, .. } => format!("{} {days_left}", timer.key()),
            CaseEventKind::Overdue { timer, .. } => format!("{} late", timer.key()),
            CaseEventKind::Escalated { level, days } => format!("up {level} after {days}"),
            other => panic!("{other:?}"),
        });
        let (event, after) = case.told(at, kind).unwrap();
        events.push(event);
        case = after;
    }
    assert_eq!(
        said,
        [
            "deadline 20",
            "deadline 7",
            "deadline 1",
            "deadline late",
            "up 1 after 1",
            "up 2 after 7",
            "up 3 after 15"
        ]
    );
    assert!(case.is_overdue() && verify(&events).unwrap() == case);
    // Nobody filed or published: that is late after 3 and 5 working days.
    let (_, idle) = issued(CaseKind::Listed);
    let firsts: Vec<_> = waiting(&idle, policy).into_iter().take(2).collect();
    assert_eq!(
        firsts.iter().map(|(timer, _)| *timer).collect::<Vec<_>>(),
        [Timer::Filing, Timer::Publication]
    );
    assert_eq!(firsts[0].1.0, T0 + 3 * DAY + 16 * 3_600_000 - 1);
    // What is delisted waits for its publication alone.
    let (_, delisted) = walk(
        CaseKind::Listed,
        &[
            (Regulator, 1, K::Publish),
            (Regulator, 5, K::ReportAcceptance),
            (Regulator, 6, K::Delist),
        ],
    );
    let left: Vec<_> = waiting(&delisted, policy)
        .into_iter()
        .map(|(timer, _)| timer)
        .collect();
    assert_eq!(left, [Timer::DelistingPublication]);
}

#[test]
fn a_granted_extension_begins_the_reminders_anew() {
    let policy = SupervisionPolicy::builtin();
    let (_, mut case) = walk(
        CaseKind::Listed,
        &[
            (Regulator, 1, K::File),
            (Regulator, 1, K::Publish),
            (Site, 2, K::RequestExtension),
        ],
    );
    // The decision is late, then it comes.
    while let Some((at, kind)) = next(&case, policy).filter(|(at, _)| *at < UtcMillis(T0 + 40 * DAY)) {
        case = case.told(at, kind).unwrap().1;
    }
    assert!(case.late.contains(&Timer::ExtensionDecision));
    let who = Who::of(Regulator, 40);
    let (_, granted) = step(
        &case,
        &CaseStep::GrantExtension { until: Some(at(120)) },
        &who.asking(),
    )
    .unwrap();
    assert!(granted.late.is_empty() && granted.reminded.is_empty());
    let (first, kind) = next(&granted, policy).unwrap();
    assert_eq!(first, at(100), "{kind:?}");
}

#[test]
fn numbers_are_counted_by_what_the_rest_of_them_says() {
    let policy = SupervisionPolicy::builtin();
    let listed = numbering(&order(CaseKind::Listed), at(0), policy);
    assert_eq!(listed.number(7), "市级挂督〔2026〕210381-007号");
    let elsewhere = Order {
        scope: Scope::default(),
        ..order(CaseKind::Listed)
    };
    assert_ne!(numbering(&elsewhere, at(0), policy).series, listed.series);
    let circular = numbering(&order(CaseKind::Circular), at(0), policy);
    assert_eq!(circular.number(1_234), "通报〔2026〕1234号");
    assert_ne!(
        numbering(&order(CaseKind::Circular), at(250), policy).series,
        circular.series,
        "a new year"
    );
}

#[test]
fn a_chain_that_was_touched_is_found_out() {
    let (events, _) = walk(
        CaseKind::Listed,
        &[(Regulator, 1, K::File), (Regulator, 2, K::Publish)],
    );
    let fault = |events: &[CaseEvent]| verify(events).unwrap_err().what;
    assert_eq!(fault(&[]), CaseFault::Empty);
    assert_eq!(fault(&events[1..]), CaseFault::Sequence);
    let mut edited = events.clone();
    edited[1].at = at(0);
    assert_eq!(fault(&edited), CaseFault::Content);
    let dropped = [events[0].clone(), events[2].clone()];
    assert_eq!(fault(&dropped), CaseFault::Sequence);
    let mut other = events;
    other[2].prev = ContentHash::of(b"x");
    assert_eq!(fault(&other), CaseFault::Previous);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_anybody_tries_the_guards_hold_and_the_fold_is_the_case(
        kind in 0_usize..3,
        tries in prop::collection::vec((0_usize..6, 0_usize..13, 0_i64..12, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let policy = SupervisionPolicy::builtin();
        let (mut events, mut case) = issued(CaseKind::ALL[kind]);
        let mut day = 0;
        for (role, asked, later, open, wordless) in tries {
            day += later;
            while let Some((at, told)) = next(&case, policy).filter(|(due, _)| *due <= at(day)) {
                let (event, after) = case.told(at, told).unwrap();
                events.push(event);
                case = after;
            }
            let mut who = Who::of(Role::ALL[role], day);
            if open {
                who.open.push(HazardId("HZ-1".into()));
            }
            if wordless {
                who.text = "";
            }
            let wanted = K::ALL[asked];
            let mut sampled = sample(wanted, who.now);
            if let CaseStep::RequestExtension { until } = &mut sampled {
                *until = at(day + 60);
            }
            let may = may(&case, wanted, &who.asking());
            match step(&case, &sampled, &who.asking()) {
                Ok((event, after)) => {
                    prop_assert!(may.is_ok());
                    let guard = wanted.guard();
                    prop_assert!(guard.roles.contains(&who.person.role) && who.person.role != Department);
                    prop_assert!(guard.from.contains(&case.status) && guard.kinds.contains(&case.order.kind));
                    prop_assert!(!(guard.text && wordless), "{wanted:?} without a word");
                    prop_assert!(!(wanted == K::Delist && open), "delisted before it was struck off");
                    prop_assert!(case.status.is_open() || wanted == K::PublishDelisting, "what ended stays ended");
                    prop_assert!(event.at >= case.changed);
                    events.push(event);
                    case = after;
                }
                Err(refusal) => prop_assert!(!refusal.message_zh.is_empty() && !refusal.message.is_empty()),
            }
            prop_assert_eq!(case.events as usize, events.len());
        }
        prop_assert_eq!(verify(&events).unwrap(), case.clone());
        let stored: Case = serde_json::from_str(&serde_json::to_string(&case).unwrap()).unwrap();
        prop_assert_eq!(stored, case);
        let sent: Vec<CaseEvent> = events
            .iter()
            .map(|event| serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap())
            .collect();
        prop_assert_eq!(sent, events);
    }
}

#[test]
fn nobody_is_told_the_same_twice_however_the_clock_runs() {
    let policy = SupervisionPolicy::builtin();
    let (_, mut case) = issued(CaseKind::Listed);
    let mut told: Vec<Arc<str>> = Vec::new();
    // The gateway was off until long after everything.
    while let Some((at, kind)) = next(&case, policy).filter(|(due, _)| *due <= at(400)) {
        let said: Arc<str> = format!("{kind:?}").into();
        assert!(!told.contains(&said), "{said}");
        told.push(said);
        case = case.told(at, kind).unwrap().1;
        assert!(told.len() < 50);
    }
    assert!(told.len() >= 6, "{told:?}");
}
