//! Steps of the closed loop in timelines. `EQUIPMENT RULE` is the newest hazard of the two; `*` is any rule. Who acts is
//! told by the beginning of the name: `site-`, `maint-`, `insp-`, `reg-`, `dept-`; others are administrators. All of it
//! happens at one mall in Haicheng.

use std::sync::Arc;
use vigil_core::UtcMillis;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::workflow::{Intake, OnTheSpot, Step};
use vigil_core::hazard::{Assignment, Attachment, HazardSource, MediaType};
use vigil_core::pack::Grade;
use vigil_core::people::{Person, Role, Scope};

/// What stands at the beginning of a line.
pub(crate) const VERBS: [&str; 25] = [
    "report",
    "report-fixed",
    "assign",
    "assign-poorly",
    "interim",
    "start",
    "progress",
    "self-check",
    "self-check-bare",
    "ask-acceptance",
    "accept",
    "refuse",
    "extend",
    "grant",
    "deny",
    "out-of-use",
    "make-major",
    "make-general",
    "list",
    "delist",
    "on-the-spot",
    "strike-off",
    "look-back",
    "look-back-fails",
    "close",
];

const DAY: i64 = 86_400_000;

pub(crate) fn photo() -> Attachment {
    Attachment {
        name: "现场.jpg".into(),
        size: 9,
        sha256: ContentHash::of(b"a picture"),
        media_type: MediaType::Jpeg,
    }
}

/// The mall, who maintains and inspects its equipment, and where it is.
pub(crate) fn scope() -> Scope {
    Scope {
        use_unit: Some("mall".into()),
        maintenance_unit: Some("lifts-ltd".into()),
        inspection_body: Some("ti".into()),
        area: "210381".into(),
    }
}

pub(crate) fn person(name: &str) -> Person {
    let (role, unit, area) = match name.split('-').next() {
        Some("site") => (Role::Site, Some("mall"), None),
        Some("maint") => (Role::Maintainer, Some("lifts-ltd"), None),
        Some("insp") => (Role::InspectionBody, Some("ti"), None),
        Some("reg") => (Role::Regulator, None, Some("2103")),
        Some("dept") => (Role::Department, None, Some("21")),
        _ => (Role::Administrator, None, None),
    };
    Person {
        login: name.into(),
        role,
        unit: unit.map(Into::into),
        areas: area.into_iter().map(Into::into).collect(),
    }
}

pub(crate) fn step(verb: &str, now: UtcMillis) -> Option<Step> {
    let attachments = vec![photo()];
    Some(match verb {
        "assign" => Step::Assign {
            assignment: Assignment {
                unit: Some("mall".into()),
                person: "王工".into(),
                leader: "李总".into(),
                deadline: Some(UtcMillis(now.0 + 10 * DAY)),
                measures: "更换".into(),
                funds: "2 万元".into(),
                emergency_plan: "停梯".into(),
            },
        },
        "assign-poorly" => Step::Assign {
            assignment: Assignment {
                person: "王工".into(),
                ..Assignment::default()
            },
        },
        "interim" => Step::Interim,
        "start" => Step::Start,
        "progress" => Step::Progress { percent: 50 },
        "self-check" => Step::SelfCheck { attachments },
        "self-check-bare" => Step::SelfCheck {
            attachments: Vec::new(),
        },
        "ask-acceptance" => Step::RequestAcceptance,
        "accept" => Step::Accept { attachments },
        "refuse" => Step::RefuseAcceptance {
            attachments: Vec::new(),
        },
        "extend" => Step::RequestExtension {
            until: UtcMillis(now.0 + 20 * DAY),
        },
        "grant" => Step::GrantExtension { until: None },
        "deny" => Step::RefuseExtension,
        "out-of-use" => Step::RecommendOutOfUse,
        "make-major" => Step::ChangeGrade { grade: Grade::Major },
        "make-general" => Step::ChangeGrade {
            grade: Grade::General,
        },
        "list" => Step::List {
            case: "海挂督〔2026〕1号".into(),
            deadline: None,
        },
        "delist" => Step::Delist,
        "on-the-spot" => Step::FixOnSpot {
            rectifier: "王工".into(),
            attachments,
        },
        "strike-off" => Step::StrikeOff {
            number: String::new(),
            rules_made: String::new(),
        },
        "look-back" => Step::LookBack {
            passed: true,
            attachments,
        },
        "look-back-fails" => Step::LookBack {
            passed: false,
            attachments,
        },
        "close" => Step::Close,
        _ => return None,
    })
}

pub(crate) fn intake(equipment: &str, category: &str, description: &str, fixed: bool) -> Intake {
    Intake {
        equipment: Some(Arc::from(equipment)),
        unit: None,
        rule: None,
        since: None,
        source: HazardSource::Inspection,
        category: category.into(),
        title_zh: String::new(),
        title_en: String::new(),
        description: description.into(),
        grade: Grade::General,
        severity: None,
        clause: String::new(),
        found_at: None,
        reporter: None,
        attachments: Vec::new(),
        fixed: fixed.then(|| OnTheSpot {
            rectifier: "王工".into(),
            text: "当场改正".into(),
            attachments: vec![photo()],
        }),
        by_machine: false,
        repeat: None,
        round: 0,
    }
}
