//! The closed loop under random people: no state that the guards forbid is ever reached, what can be done next is what
//! can be done, and a restart anywhere changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use support::*;
use vigil_core::desk::{DeskRules, OwnDeskFile};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::policy::Policy;
use vigil_core::hazard::workflow::{Intake, OnTheSpot, Step, StepKind, allowed_steps};
use vigil_core::hazard::{
    Actor, Assignment, Attachment, HazardEvent, HazardEventKind, HazardId, HazardSource, HazardStatus,
    HazardSummary, MediaType, verify_chain,
};
use vigil_core::output::Refusal;
use vigil_core::pack::Grade;
use vigil_core::people::{Person, Role, Scope};
use vigil_core::{Action, Input, OperatorAction, Output, Outputs, Pipeline, Position, Settings, UtcMillis};

const DAY: i64 = 86_400_000;

#[derive(Clone, Debug)]
enum Op {
    /// The boiler's pressure rises and falls.
    Trip,
    Wait(i64),
    /// The city has other deadlines.
    Policy(usize),
    /// Who, which hazard, which step, how it is filled in.
    Step {
        who: usize,
        hazard: usize,
        step: usize,
        fill: u8,
    },
    /// Where, what.
    Report {
        who: usize,
        owner: usize,
        what: u8,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => Just(Op::Trip),
        2 => prop_oneof![Just(60_000_i64), Just(DAY), Just(8 * DAY), Just(35 * DAY)].prop_map(Op::Wait),
        1 => (0..POLICIES.len()).prop_map(Op::Policy),
        // Mostly somebody tries what he could do next.
        12 => (0..PEOPLE.len(), 0..6_usize, 0..64_usize, any::<u8>())
            .prop_map(|(who, hazard, step, fill)| Op::Step { who, hazard, step, fill }),
        2 => (0..PEOPLE.len(), 0..3_usize, any::<u8>()).prop_map(|(who, owner, what)| Op::Report { who, owner, what }),
    ];
    proptest::collection::vec(op, 1..90)
}

/// What cities change.
const POLICIES: [&str; 4] = [
    "",
    "[general]\nlasts = '3 days'\n[major]\nlasts = '20 working days'\n[acceptance]\nlasts = '2 days'\n\
     [rounds]\nremind_before_days = [2]\nescalate_after_days = [3, 5, 20]\nlook_back_after = ['5 days']\n",
    "[look_back_early]\nlasts = '0 minutes'\n[repeat]\nlasts = '1 day'\n\
     [rounds]\nremind_before_days = []\nescalate_after_days = []\nlook_back_after = ['3 minutes', '6 minutes', '8 days']\n",
    "[rounds]\nremind_before_days = [30, 9, 1]\nescalate_after_days = [1]\n[extension_decision]\nlasts = '1 hour'\n",
];

fn policy(which: usize) -> Arc<Policy> {
    static READ: LazyLock<Vec<Arc<Policy>>> = LazyLock::new(|| {
        let read = POLICIES.iter().map(|text| {
            let own = OwnDeskFile {
                name: "hazard-loop.toml",
                path: "hazard-loop.toml",
                text,
            };
            let rules = DeskRules::over(&[own]);
            rules.unwrap_or_else(|found| panic!("{found:#?}")).hazards
        });
        read.collect()
    });
    READ[which].clone()
}

type Someone = (&'static str, Role, Option<&'static str>, &'static [&'static str]);

const PEOPLE: [Someone; 12] = [
    ("wang", Role::Site, Some("mall"), &[]),
    ("li", Role::Site, Some("mall"), &[]),
    ("other-site", Role::Site, Some("school"), &[]),
    ("zhao", Role::Maintainer, Some("lifts"), &[]),
    ("other-lifts", Role::Maintainer, Some("elsewhere"), &[]),
    ("qian", Role::InspectionBody, Some("ti"), &[]),
    ("sun", Role::Regulator, None, &["2103"]),
    ("zhou", Role::Regulator, None, &["21"]),
    ("far", Role::Regulator, None, &["11"]),
    ("wu", Role::Department, None, &["21"]),
    ("admin", Role::Administrator, None, &[]),
    ("root", Role::Administrator, None, &[]),
];

fn person(who: usize) -> Person {
    let (login, role, unit, areas) = PEOPLE[who];
    Person {
        login: login.into(),
        role,
        unit: unit.map(Into::into),
        areas: areas.iter().map(|area| (*area).into()).collect(),
    }
}

fn scope() -> Scope {
    Scope {
        use_unit: Some("mall".into()),
        maintenance_unit: Some("lifts".into()),
        inspection_body: Some("ti".into()),
        area: "210381".into(),
    }
}

fn photo() -> Vec<Attachment> {
    vec![Attachment {
        name: "a.jpg".into(),
        size: 1,
        sha256: ContentHash::of(b"a"),
        media_type: MediaType::Jpeg,
    }]
}

/// A step filled in as it should be (`fill` even), or badly.
fn step(kind: StepKind, hazard: &HazardSummary, now: UtcMillis, fill: u8) -> (Step, String) {
    let good = fill.is_multiple_of(4) || fill % 4 == 1;
    let attachments = if good { photo() } else { Vec::new() };
    let deadline = hazard.handling.deadline;
    let later = |days: i64| UtcMillis(deadline.unwrap_or(now).max(now).0 + days * DAY);
    let step = match kind {
        StepKind::Confirm => Step::Confirm,
        StepKind::Reject => Step::Reject,
        StepKind::Comment => Step::Comment,
        StepKind::Attach => Step::Attach { attachments },
        StepKind::Assign => Step::Assign {
            assignment: Assignment {
                unit: [
                    None,
                    Some("mall".into()),
                    Some("lifts".into()),
                    Some("stranger".into()),
                ][usize::from(fill / 4 % if good { 3 } else { 4 })]
                .clone(),
                person: if good { "王工".into() } else { String::new() },
                leader: String::new(),
                deadline: Some(deadline.unwrap_or(UtcMillis(now.0 + 9 * DAY))),
                measures: if good { "换".into() } else { String::new() },
                funds: "1".into(),
                emergency_plan: "停".into(),
            },
        },
        StepKind::Interim => Step::Interim,
        StepKind::Start => Step::Start,
        StepKind::Progress => Step::Progress {
            percent: if good { 40 } else { 101 },
        },
        StepKind::SelfCheck => Step::SelfCheck { attachments },
        StepKind::RequestAcceptance => Step::RequestAcceptance,
        StepKind::Accept => Step::Accept { attachments },
        StepKind::RefuseAcceptance => Step::RefuseAcceptance { attachments },
        StepKind::RequestExtension => Step::RequestExtension {
            until: later(if good { 5 } else { -400 }),
        },
        StepKind::GrantExtension => Step::GrantExtension {
            until: good.then(|| later(6)),
        },
        StepKind::RefuseExtension => Step::RefuseExtension,
        StepKind::RecommendOutOfUse => Step::RecommendOutOfUse,
        StepKind::ChangeGrade => Step::ChangeGrade {
            grade: match (hazard.grade, good) {
                (Grade::General, true) | (Grade::Major, false) => Grade::Major,
                _ => Grade::General,
            },
        },
        StepKind::List => Step::List {
            case: if good { "1号".into() } else { " ".into() },
            deadline: None,
        },
        StepKind::Delist => Step::Delist,
        StepKind::FixOnSpot => Step::FixOnSpot {
            rectifier: if good { "somebody".into() } else { String::new() },
            attachments,
        },
        StepKind::StrikeOff => Step::StrikeOff {
            number: String::new(),
            rules_made: if fill.is_multiple_of(2) {
                "点检制度".into()
            } else {
                String::new()
            },
        },
        StepKind::LookBack => Step::LookBack {
            passed: hazard.handling.relapses == 0 && fill % 8 < 4,
            attachments,
        },
        StepKind::Close => Step::Close,
    };
    (step, if good { "because".into() } else { String::new() })
}

/// Whether a step filled in like this lacks nothing.
fn is_well_filled(kind: StepKind, fill: u8, hazard: &HazardSummary) -> bool {
    let good = fill.is_multiple_of(4) || fill % 4 == 1;
    // What was listed long ago cannot be extended beyond a year.
    let fits = !matches!(kind, StepKind::RequestExtension | StepKind::GrantExtension)
        || hazard.handling.listed.is_none();
    good && fits
}

/// A site with people, and everything that must always hold.
struct World {
    site: Site,
    chains: BTreeMap<HazardId, Vec<HazardEvent>>,
    register: BTreeMap<HazardId, HazardSummary>,
    seq: u8,
}

/// The moves of the loop, written down a second time.
fn is_a_move(from: HazardStatus, to: HazardStatus) -> bool {
    use HazardStatus::*;
    from == to
        || matches!(
            (from, to),
            (Suspected, Confirmed | Rejected | Accepted)
                | (Confirmed, Assigned | Accepted)
                | (Assigned, Rectifying)
                | (Rectifying, SelfChecked)
                | (SelfChecked, Accepted | Rectifying)
                | (Accepted, StruckOff)
                | (StruckOff, LookedBack)
                | (LookedBack, Closed)
        )
}

impl World {
    fn new() -> Self {
        let mut site = Site::new();
        site.births();
        Self {
            site,
            chains: BTreeMap::new(),
            register: BTreeMap::new(),
            seq: 3,
        }
    }

    fn play(ops: &[Op]) -> Self {
        let mut world = Self::new();
        for op in ops {
            world.op(op);
        }
        world
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Trip => {
                for mpa in [1.3, 1.3, 0.8, 0.8] {
                    self.site.now += 40_000;
                    let seq = self.seq;
                    self.seq = self.seq.wrapping_add(1);
                    let out = self.site.send(DDATA, seq, &[pressure(mpa)]).clone();
                    self.take(&out, None);
                }
            }
            Op::Wait(ms) => {
                let out = self.site.wait(*ms).clone();
                self.take(&out, None);
            }
            Op::Policy(which) => {
                let due = self.site.wait(0).clone();
                self.take(&due, None);
                let out = self.site.input(Kept::Policy(policy(*which))).clone();
                assert_eq!(out, [], "another policy decides nothing by itself");
            }
            Op::Step {
                who,
                hazard,
                step,
                fill,
            } => self.step(*who, *hazard, *step, *fill),
            Op::Report { who, owner, what } => self.report(*who, *owner, *what),
        }
    }

    fn act(&mut self, who: &Person, reason: String, action: Action) -> Result<Outputs, Refusal> {
        self.site.now += 1_000;
        // What is due comes first, so that what a person looks at is what he acts on.
        let due = self.site.wait(0).clone();
        self.take(&due, None);
        let action = OperatorAction {
            actor: who.login.to_string(),
            reason,
            idempotency_key: None,
            who: Some(who.clone()),
            scope: Some(scope()),
            action,
        };
        let out = self.site.input(Kept::Action(action)).clone();
        match &out[..] {
            [Output::Refused(refusal)] => Err(refusal.clone()),
            _ => {
                assert!(matches!(out[0], Output::LogAction(_)), "{out:?}");
                self.take(&out, Some(who));
                Ok(out)
            }
        }
    }

    fn step(&mut self, who: usize, hazard: usize, step_at: usize, fill: u8) {
        let who = person(who);
        let out = self.site.wait(1_000).clone();
        self.take(&out, None);
        let mut live: Vec<HazardSummary> = self.register.values().cloned().collect();
        live.sort_by_key(|hazard| std::cmp::Reverse(hazard.changed));
        let Some(hazard) = live.get(hazard % live.len().max(1)).cloned() else {
            return;
        };
        let now = UtcMillis(self.site.now + 1_000);
        let policy = self.site.pipeline.policy().clone();
        let allowed = allowed_steps(&hazard, &who, &scope(), now, &policy);
        let any = StepKind::ALL[step_at % StepKind::ALL.len()];
        let onward = [
            StepKind::Close,
            StepKind::LookBack,
            StepKind::StrikeOff,
            StepKind::Accept,
            StepKind::SelfCheck,
            StepKind::Start,
            StepKind::Assign,
            StepKind::Confirm,
        ];
        let onward = onward.into_iter().find(|step| allowed.contains(step));
        let kind = match (onward, allowed.get(step_at % allowed.len().max(1))) {
            (Some(onward), _) if step_at.is_multiple_of(2) && fill < 200 => onward,
            (_, Some(kind)) if fill < 200 => *kind,
            _ => any,
        };
        let (step, reason) = step(kind, &hazard, now, fill);
        let expect = Some(hazard.events + u32::from(fill == 255));
        let action = Action::Hazard {
            hazard: hazard.id.clone(),
            expect,
            step: Box::new(step),
        };
        let result = self.act(&who, reason, action);
        let gone = hazard.status == HazardStatus::Closed;
        match result {
            _ if gone => assert_eq!(result.unwrap_err().code, "unknown_hazard"),
            Err(refusal) if fill == 255 => assert_eq!(refusal.code, "changed"),
            Ok(_) => assert!(
                allowed.contains(&kind) && fill != 255,
                "{kind:?} of {who:?} was taken although it was not offered: {hazard:#?}"
            ),
            Err(refusal) => {
                // A rejected one may have made room for others.
                let offered = allowed.contains(&kind) && hazard.status != HazardStatus::Rejected;
                assert!(
                    !offered || !is_well_filled(kind, fill, &hazard),
                    "{kind:?} of {who:?} was offered and is refused: {refusal:?} {hazard:#?}"
                );
                assert!(!refusal.message.is_empty() && !refusal.message_zh.is_empty());
            }
        }
    }

    fn report(&mut self, who: usize, owner: usize, what: u8) {
        let who = person(who);
        let (equipment, unit) = [
            (Some("boiler"), None),
            (Some("reg-9"), None),
            (None, Some("mall")),
        ][owner];
        let intake = Intake {
            equipment: equipment.map(Into::into),
            unit: unit.map(Into::into),
            rule: what.is_multiple_of(3).then(|| "REG-INSPECTION-OVERDUE".into()),
            since: what.is_multiple_of(3).then_some(UtcMillis(T0 - DAY)),
            source: HazardSource::Inspection,
            category: "management".into(),
            title_zh: String::new(),
            title_en: String::new(),
            description: format!("finding {}", what % 7),
            grade: if what.is_multiple_of(5) {
                Grade::Major
            } else {
                Grade::General
            },
            severity: None,
            clause: String::new(),
            found_at: None,
            reporter: None,
            attachments: Vec::new(),
            fixed: (what % 11 == 1).then(|| OnTheSpot {
                rectifier: "somebody".into(),
                text: "done".into(),
                attachments: photo(),
            }),
            by_machine: false,
            repeat: None,
            round: 0,
        };
        // What the adapter looks up in its store: the same condition may be on record and over.
        let mut intake = intake;
        let now = UtcMillis(self.site.now + 1_000);
        while let Some(known) = HazardId::of_intake(&intake, now).and_then(|id| self.register.get(&id))
            && !known.is_open()
        {
            intake.round += 1;
        }
        let result = self.act(
            &who,
            String::new(),
            Action::OpenHazard {
                intake: Box::new(intake),
            },
        );
        if !who.sees(&scope()) || who.role == Role::Department {
            assert!(result.is_err(), "{who:?} reported");
        }
    }

    /// Everything that must hold of every event, whatever led to it.
    fn take(&mut self, out: &Outputs, who: Option<&Person>) {
        for output in out {
            let Output::Hazard { event, summary } = output else {
                continue;
            };
            let before = self.register.insert(summary.id.clone(), (**summary).clone());
            let chain = self.chains.entry(summary.id.clone()).or_default();
            chain.push((**event).clone());
            // The fold of the events is what is shown.
            assert_eq!(verify_chain(chain).as_ref(), Ok(&**summary));
            if let Some(before) = &before {
                assert!(is_a_move(before.status, summary.status), "{before:#?} {event:#?}");
                assert!(event.at >= before.changed, "time goes back: {event:#?}");
            }
            match (&event.actor, who) {
                (Actor::Machine, _) => {
                    let before = before
                        .as_ref()
                        .map_or(HazardStatus::Suspected, |before| before.status);
                    assert_eq!(before, summary.status, "the machine moves nothing on");
                }
                (Actor::Person(login), Some(who)) => {
                    assert_eq!(**login, *who.login);
                    assert_eq!(event.who.as_deref(), Some(who));
                    assert!(who.sees(&scope()), "{who:?} does not see it");
                    assert_ne!(who.role, Role::Department);
                }
                (Actor::Person(_), None) => panic!("nobody acted: {event:#?}"),
            }
            self.holds(event, summary, before.as_ref());
        }
        let mut open = BTreeMap::new();
        for hazard in self.register.values().filter(|hazard| hazard.is_open()) {
            let key = (hazard.equipment.clone(), hazard.rule.clone());
            assert_eq!(open.insert(key, ()), None, "two are open: {hazard:#?}");
        }
        for hazard in self.register.values().filter(|hazard| !hazard.status.is_final()) {
            let known = self.site.pipeline.hazard(&hazard.id);
            assert_eq!(known, Some(hazard), "the core knows it as it is shown");
        }
    }

    fn holds(&self, event: &HazardEvent, summary: &HazardSummary, before: Option<&HazardSummary>) {
        let rectified = |login: &str| {
            self.chains[&summary.id].iter().any(|event| {
                let works = matches!(
                    event.kind,
                    HazardEventKind::RectificationStarted { .. }
                        | HazardEventKind::Progress { .. }
                        | HazardEventKind::SelfChecked { .. }
                );
                works && event.actor == Actor::Person(login.into())
            })
        };
        match &event.kind {
            HazardEventKind::Accepted { attachments, .. } => {
                let Actor::Person(login) = &event.actor else {
                    panic!()
                };
                assert!(!rectified(login), "{login} accepts his own work");
                assert!(summary.grade == Grade::General || !attachments.is_empty());
            }
            HazardEventKind::LookedBack { passed, .. } => {
                let Actor::Person(login) = &event.actor else {
                    panic!()
                };
                assert!(!rectified(login));
                assert!(!passed || summary.handling.relapses == 0);
            }
            HazardEventKind::Assigned { assignment, .. } if summary.grade == Grade::Major => {
                let Assignment {
                    person,
                    measures,
                    funds,
                    emergency_plan,
                    deadline,
                    ..
                } = &**assignment;
                for text in [person, measures, funds, emergency_plan] {
                    assert!(!text.is_empty(), "not all five are in place: {assignment:?}");
                }
                assert!(deadline.is_some());
            }
            HazardEventKind::SelfChecked { attachments, .. } => assert!(!attachments.is_empty()),
            HazardEventKind::GradeChanged { from, .. } if *from == Grade::Major => {
                let role = event.who.as_ref().map(|who| who.role);
                assert_eq!(
                    role,
                    Some(Role::Regulator),
                    "only the regulator lowers a major one"
                );
            }
            HazardEventKind::FixedOnSpot { .. } => assert_eq!(summary.grade, Grade::General),
            HazardEventKind::Overdue { due } => {
                let before = before.unwrap();
                assert!(event.at >= *due && before.status != HazardStatus::SelfChecked);
            }
            HazardEventKind::ExtensionGranted { until, .. } => {
                assert!(Some(*until) > before.unwrap().handling.deadline);
            }
            HazardEventKind::Closed { .. } => assert!(summary.handling.strike_off.is_some()),
            _ => {}
        }
    }
}

/// The pipeline of a world, killed after input `cut` and put back from what a store would have.
fn goes_on(world: &World, cut: usize) -> Result<(), TestCaseError> {
    let catalog = world.site.pipeline.catalog().clone();
    let mut first = Pipeline::new(catalog.clone(), Settings::default());
    let mut register: BTreeMap<HazardId, HazardSummary> = BTreeMap::new();
    let mut second = Pipeline::new(catalog, Settings::default());
    for (fed, expected) in &world.site.fed[..=cut] {
        feed(&mut first, fed, &mut Outputs::new());
        for context in contexts(expected) {
            second.restore_context(context);
        }
        for output in expected {
            if let Output::Hazard { summary, .. } = output {
                register.insert(summary.id.clone(), (**summary).clone());
            }
        }
    }
    // As the store has it: the policy in force there.
    second.work_by(first.policy().clone(), UtcMillis(i64::MIN), &mut Outputs::new());
    for key in first.take_dirty(usize::MAX) {
        second.restore_node(&key, &first.snapshot(&key).unwrap()).unwrap();
    }
    let tick = Fed {
        input: Kept::Tick,
        ..world.site.fed[cut].0.clone()
    };
    feed(&mut second, &tick, &mut Outputs::new());
    prop_assert_eq!(second.restore_hazards(register.into_values()), vec![]);
    for (fed, expected) in &world.site.fed[cut + 1..] {
        let mut out = Outputs::new();
        feed(&mut second, fed, &mut out);
        prop_assert_eq!(&out, expected, "cut {} at {:?}", cut, fed);
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, ..config },
    }
}

proptest! {
    #![proptest_config(config(160))]

    #[test]
    fn no_state_that_the_guards_forbid_is_reached(ops in ops()) {
        World::play(&ops);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn the_same_inputs_under_the_same_policies_make_the_same_hazards_however_often_the_clock_ticks(ops in ops()) {
        let world = World::play(&ops);
        let mut again = Pipeline::new(world.site.pipeline.catalog().clone(), Settings::default());
        let mut register: BTreeMap<HazardId, HazardSummary> = BTreeMap::new();
        let mut take = |out: Outputs| {
            for output in out {
                if let Output::Hazard { summary, .. } = output {
                    register.insert(summary.id.clone(), *summary);
                }
            }
        };
        // Without the ticks of the first time.
        for (fed, _) in world.site.fed.iter().filter(|(fed, _)| !matches!(fed.input, Kept::Tick)) {
            let mut out = Outputs::new();
            feed(&mut again, fed, &mut out);
            take(out);
        }
        let mut out = Outputs::new();
        again.handle(Input::Tick, Position(0), UtcMillis(world.site.now), &mut out);
        take(out);
        prop_assert_eq!(&register, &world.register);
    }

    #[test]
    fn a_restart_anywhere_changes_no_hazard(ops in ops(), cut in any::<prop::sample::Index>()) {
        let world = World::play(&ops);
        goes_on(&world, cut.index(world.site.fed.len()))?;
    }
}

#[test]
fn random_people_come_through_the_whole_loop() {
    // Otherwise the properties above would say little.
    let mut seen: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut closed = 0;
    let mut state: u64 = 7;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for _ in 0..60 {
        let mut world = World::new();
        for _ in 0..140 {
            let op = match next(18) {
                0 => Op::Trip,
                1 => Op::Wait([60_000, DAY, 8 * DAY, 35 * DAY][next(4) as usize]),
                2 => Op::Report {
                    who: next(12) as usize,
                    owner: next(3) as usize,
                    what: next(256) as u8,
                },
                _ => Op::Step {
                    who: next(12) as usize,
                    hazard: next(2) as usize,
                    step: next(64) as usize,
                    fill: next(256) as u8,
                },
            };
            world.op(&op);
        }
        for event in world.chains.values().flatten() {
            *seen.entry(event.kind.key()).or_default() += 1;
        }
        let done = |hazard: &&HazardSummary| hazard.status == HazardStatus::Closed;
        closed += world.register.values().filter(done).count();
    }
    for key in [
        "opened",
        "reported",
        "confirmed",
        "rejected",
        "assigned",
        "self_checked",
        "accepted",
        "acceptance_refused",
        "struck_off",
        "looked_back",
        "closed",
        "overdue",
        "escalated",
        "reminded",
        "look_back_due",
        "extension_granted",
        "fixed_on_spot",
        "grade_changed",
        "listed",
    ] {
        assert!(seen.contains_key(key), "{key} never happened: {seen:?}");
    }
    assert!(closed > 0, "{seen:?}");
}
