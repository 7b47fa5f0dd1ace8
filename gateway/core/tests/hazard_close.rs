//! Closing: not while the hazard stands under listed supervision, whoever asks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use vigil_core::UtcMillis;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::policy::Policy;
use vigil_core::hazard::workflow::{StepKind, allowed_steps, may};
use vigil_core::hazard::{Handling, HazardId, HazardStatus, HazardSummary};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Person, Role, Scope};

/// A major hazard that went round: all that is left is to close it.
fn looked_back(listed: Option<&str>) -> HazardSummary {
    HazardSummary {
        id: HazardId("HZ-1".into()),
        equipment: "boiler".into(),
        rule: "R".into(),
        episode: UtcMillis(1),
        status: HazardStatus::LookedBack,
        grade: Grade::Major,
        severity: Severity::S1,
        opened_at: UtcMillis(2),
        late: false,
        condition_active: false,
        trips: 1,
        events: 12,
        changed: UtcMillis(9),
        head: ContentHash::default(),
        title_zh: "超压".into(),
        title_en: "overpressure".into(),
        clause: "GB 45067-2024".into(),
        handling: Box::new(Handling {
            listed: listed.map(Into::into),
            struck_off_at: Some(UtcMillis(5)),
            look_backs: 2,
            ..Handling::default()
        }),
    }
}

fn scope() -> Scope {
    Scope {
        use_unit: Some("acme".into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: Some("look".into()),
        area: "210381".into(),
    }
}

fn closers() -> Vec<Person> {
    let person = |role, unit: Option<&str>, areas: &[&str]| Person {
        login: format!("{role:?}").into(),
        role,
        unit: unit.map(Into::into),
        areas: areas.iter().map(|area| (*area).into()).collect(),
    };
    let cast = [
        person(Role::Site, Some("acme"), &[]),
        person(Role::Maintainer, Some("fix"), &[]),
        person(Role::InspectionBody, Some("look"), &[]),
        person(Role::Regulator, None, &["2103"]),
        person(Role::Administrator, None, &[]),
    ];
    let roles = StepKind::Close.guard().roles(Grade::Major);
    cast.into_iter()
        .filter(|person| roles.contains(&person.role))
        .collect()
}

#[test]
fn a_listed_hazard_is_delisted_before_it_is_closed() {
    let (scope, policy, now) = (scope(), Policy::builtin(), UtcMillis(1_000));
    let closers = closers();
    assert!(!closers.is_empty());
    for person in &closers {
        let listed = looked_back(Some("GP-1"));
        let refused = may(&listed, person, &scope, now, policy, StepKind::Close).unwrap_err();
        assert_eq!(refused.code, "still_listed", "{person:?}");
        assert!(refused.message_zh.contains("摘牌"), "{}", refused.message_zh);
        let steps = allowed_steps(&listed, person, &scope, now, policy);
        assert!(!steps.contains(&StepKind::Close), "{person:?}: {steps:?}");
        let delisted = looked_back(None);
        assert_eq!(
            may(&delisted, person, &scope, now, policy, StepKind::Close),
            Ok(())
        );
        let steps = allowed_steps(&delisted, person, &scope, now, policy);
        assert!(steps.contains(&StepKind::Close), "{person:?}: {steps:?}");
    }
}

#[test]
fn who_does_not_see_it_is_told_that_and_not_how_it_stands() {
    let (policy, now) = (Policy::builtin(), UtcMillis(1_000));
    let elsewhere = Scope {
        use_unit: Some("other".into()),
        area: "110101".into(),
        ..Scope::default()
    };
    for person in closers() {
        if person.role == Role::Administrator {
            continue;
        }
        let listed = looked_back(Some("GP-1"));
        let refused = may(&listed, &person, &elsewhere, now, policy, StepKind::Close).unwrap_err();
        assert_eq!(refused.code, "not_in_scope", "{person:?}");
    }
}
