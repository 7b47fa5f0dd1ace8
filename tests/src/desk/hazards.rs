//! Hazards in every state of the loop, each with a chain the core has sealed and folded.

use super::Dice;
use super::equipment::Piece;
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::policy::Policy;
use vigil_core::hazard::{
    Actor, Assignment, HazardEvent, HazardEventKind, HazardId, HazardSource, HazardStatus, HazardSummary,
    Report, RuleCitation,
};
use vigil_core::input::Position;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Person, Role, Scope};
use vigil_protocol::time::UtcMillis;

const DAY_MS: i64 = 86_400_000;
/// Of the closed ones every so manieth keeps its whole chain.
pub const WHOLE_CHAIN: u64 = 20;

/// Rule, titles, clause, severity, grade.
type Cause = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Severity,
    Grade,
);

const CAUSES: &[Cause] = &[
    (
        "LIFT-ENTRAPMENT",
        "电梯困人",
        "Passengers trapped",
        "TSG T5002-2017",
        Severity::S2,
        Grade::General,
    ),
    (
        "LIFT-DOOR-LOCK",
        "门锁回路短接",
        "Door lock circuit bridged",
        "GB 45067-2024 4.2",
        Severity::S1,
        Grade::Major,
    ),
    (
        "LIFT-SPEED",
        "电梯超速",
        "Overspeed",
        "GB/T 24476-2023",
        Severity::S2,
        Grade::General,
    ),
    (
        "LIFT-DOOR-OPEN",
        "轿门长时间不关",
        "Car door stays open",
        "GB/T 24476-2023",
        Severity::S4,
        Grade::General,
    ),
    (
        "BLR-STEAM-P-HH",
        "锅炉超压",
        "Steam pressure too high",
        "TSG 11-2020 5.1",
        Severity::S1,
        Grade::Major,
    ),
    (
        "BLR-LEVEL-LL",
        "锅炉缺水",
        "Low water",
        "TSG 11-2020 5.3",
        Severity::S1,
        Grade::Major,
    ),
    (
        "PV-P-HH",
        "压力容器超压",
        "Vessel pressure too high",
        "TSG 21-2016 9.1",
        Severity::S2,
        Grade::General,
    ),
    (
        "PV-T-HH",
        "压力容器超温",
        "Vessel temperature too high",
        "TSG 21-2016 9.2",
        Severity::S3,
        Grade::General,
    ),
];
const REPORTED: &[(HazardSource, &str, &str)] = &[
    (
        HazardSource::Inspection,
        "检验发现制动器磨损，制动距离超标",
        "brake worn",
    ),
    (
        HazardSource::Patrol,
        "日管控发现紧急照明失效",
        "emergency light fails",
    ),
    (
        HazardSource::Campaign,
        "专项整治发现未张贴使用标志",
        "mark of use missing",
    ),
    (
        HazardSource::PublicReport,
        "群众反映运行异响、抖动",
        "noise and shaking",
    ),
    (
        HazardSource::Register,
        "超过定期检验有效期仍在使用",
        "used past its inspection",
    ),
    (HazardSource::Other, "安全管理人员证书过期", "certificate run out"),
];

/// A chain as it grows.
struct Chain<'a> {
    piece: &'a Piece,
    at: i64,
    events: Vec<HazardEvent>,
    state: Option<HazardSummary>,
    id: HazardId,
    position: u64,
}

impl Chain<'_> {
    /// Adds what somebody does a while later (`None`: the machine).
    fn add(&mut self, who: Option<&Person>, later_ms: i64, kind: HazardEventKind) {
        self.at += later_ms;
        let (seq, prev) = self
            .state
            .as_ref()
            .map_or((0, ContentHash::default()), |state| (state.events, state.head));
        let mut event = HazardEvent {
            hazard: self.id.clone(),
            seq,
            at: UtcMillis(self.at),
            actor: who.map_or(Actor::Machine, |who| Actor::Person(who.login.to_string())),
            kind,
            position: Position(self.position),
            prev,
            hash: ContentHash::default(),
            who: who.cloned().map(Box::new),
            scope: who.map(|_| Box::new(self.piece.scope.clone())),
        };
        event.hash = event.content_hash();
        match &mut self.state {
            None => self.state = Some(HazardSummary::open(&event).expect("it opens")),
            Some(state) => state
                .apply(&event)
                .unwrap_or_else(|fault| panic!("{:?} at {:?}: {fault}", event.kind, state.status)),
        }
        self.events.push(event);
    }
}

/// Who acts on the hazards of a piece.
struct Cast {
    site: Person,
    maintainer: Person,
    regulator: Person,
}

impl Cast {
    fn of(scope: &Scope) -> Self {
        let person = |login: &str, role, unit: &Option<Arc<str>>| Person {
            login: login.into(),
            role,
            unit: unit.clone(),
            areas: Vec::new(),
        };
        Self {
            site: person("officer", Role::Site, &scope.use_unit),
            maintainer: person("mechanic", Role::Maintainer, &scope.maintenance_unit),
            regulator: Person {
                areas: vec![scope.area.clone()],
                ..person("inspector", Role::Regulator, &None)
            },
        }
    }
}

/// Where the `n`th of `all` stands: nine tenths are over and done with, the newest are what is worked on.
fn standing(n: u64, all: u64, dice: &mut Dice) -> HazardStatus {
    if n < all - all / 12 {
        return if dice.below(20) == 0 {
            HazardStatus::Rejected
        } else {
            HazardStatus::Closed
        };
    }
    use HazardStatus as S;
    *dice.one(&[
        S::Suspected,
        S::Confirmed,
        S::Assigned,
        S::Rectifying,
        S::SelfChecked,
        S::Accepted,
        S::StruckOff,
        S::StruckOff,
        S::LookedBack,
        S::Closed,
    ])
}

/// The `n`th hazard of `all`, opened at `at`: its events from the first, and what they add up to.
///
/// # Panics
/// The core refuses a step.
#[must_use]
pub fn hazard(n: u64, all: u64, at: i64, now: i64, pieces: &[Piece]) -> (Vec<HazardEvent>, HazardSummary) {
    let mut dice = Dice::new(n ^ 0x5eed);
    let piece = &pieces[(n % pieces.len() as u64) as usize];
    let fits = |rule: &str| match &piece.category[..1] {
        "1" => rule.starts_with("BLR"),
        "2" => rule.starts_with("PV"),
        _ => rule.starts_with("LIFT"),
    };
    let causes: Vec<&Cause> = CAUSES.iter().filter(|cause| fits(cause.0)).collect();
    // Of one rule a piece has one open hazard: the newest of a piece follow each other through its rules.
    let cause = causes[(n / pieces.len() as u64) as usize % causes.len()];
    let target = standing(n, all, &mut dice);
    let cast = Cast::of(&piece.scope);
    let reported = dice.below(5) == 0;
    let rule: Arc<str> = match reported {
        true => format!("MANUAL-{:08x}", n as u32).into(),
        false => cause.0.into(),
    };
    let mut chain = Chain {
        id: HazardId::derive(&piece.id, &rule, UtcMillis(at)),
        piece,
        at,
        events: Vec::new(),
        state: None,
        position: n + 1,
    };
    open(&mut chain, reported, rule, cause, &cast, &mut dice);
    advance(&mut chain, target, &cast, now, &mut dice);
    (chain.events, chain.state.expect("it is open"))
}

fn open(chain: &mut Chain<'_>, reported: bool, rule: Arc<str>, cause: &Cause, cast: &Cast, dice: &mut Dice) {
    let (_, zh, en, clause, severity, grade) = *cause;
    let at = UtcMillis(chain.at);
    if !reported {
        let citation = RuleCitation {
            rule,
            title_zh: zh.into(),
            title_en: en.into(),
            pack: "bench".into(),
            pack_version: "1".into(),
            pack_hash: ContentHash::of(b"bench"),
            clause: clause.into(),
            source: "bench".into(),
            confidence: "proposal".into(),
            condition: String::new(),
        };
        let kind = HazardEventKind::Opened {
            equipment: chain.piece.id.clone(),
            citation: Box::new(citation),
            episode: at,
            tripped_at: at,
            late: dice.below(50) == 0,
            severity,
            grade,
            evidence: Vec::new(),
        };
        chain.add(None, 0, kind);
        return;
    }
    let (source, zh, en) = *dice.one(REPORTED);
    let rare = if dice.below(1_000) == 0 {
        "；钢丝绳断丝"
    } else {
        ""
    };
    let report = Report {
        owner: chain.piece.id.clone(),
        rule,
        episode: at,
        source,
        category: dice.one(&Policy::builtin().category).key.clone(),
        title_zh: zh.into(),
        title_en: en.into(),
        description: format!("{zh}{rare}，编号{}", dice.below(100_000)),
        severity: Severity::S3,
        grade: Grade::General,
        clause: "TSG 08-2017".into(),
        found_at: at,
        reporter: None,
        unit: None,
        attachments: Vec::new(),
        related: Vec::new(),
        repeat: None,
    };
    let kind = HazardEventKind::Reported {
        report: Box::new(report),
    };
    chain.add(Some(&cast.regulator), 0, kind);
}

/// Step by step to where it is to stand.
fn advance(chain: &mut Chain<'_>, target: HazardStatus, cast: &Cast, now: i64, dice: &mut Dice) {
    use HazardEventKind as K;
    use HazardStatus as S;
    let text = || "现场核实，照片见附件".to_owned();
    let hour = 3_600_000;
    if target == S::Suspected {
        return;
    }
    if target == S::Rejected {
        chain.add(Some(&cast.regulator), hour, K::Rejected { text: text() });
        return;
    }
    let major = chain
        .state
        .as_ref()
        .is_some_and(|state| state.grade == Grade::Major);
    let past_acceptance = matches!(target, S::Accepted | S::StruckOff | S::LookedBack | S::Closed);
    if past_acceptance && !major && dice.below(2) == 0 {
        let kind = K::FixedOnSpot {
            rectifier: "mechanic".to_owned(),
            text: text(),
            attachments: Vec::new(),
        };
        chain.add(Some(&cast.site), hour, kind);
    } else {
        chain.add(Some(&cast.site), hour, K::Confirmed { text: text() });
        if target == S::Confirmed {
            return;
        }
        rectify(chain, target, cast, now, dice);
        if !past_acceptance {
            return;
        }
        let kind = K::Accepted {
            text: text(),
            attachments: Vec::new(),
            condition_active: false,
        };
        chain.add(Some(&cast.regulator), hour, kind);
    }
    if target == S::Accepted {
        return;
    }
    let number = format!("XH-{:07}", chain.position).into();
    chain.add(
        Some(&cast.regulator),
        hour,
        K::StruckOff {
            number,
            rules_made: String::new(),
            text: String::new(),
        },
    );
    if target == S::StruckOff {
        return;
    }
    let look_back = K::LookedBack {
        round: 2,
        last: true,
        passed: true,
        text: text(),
        finding: None,
        attachments: Vec::new(),
        successor: None,
    };
    chain.add(Some(&cast.regulator), 2 * DAY_MS, look_back);
    if target == S::Closed {
        chain.add(Some(&cast.regulator), hour, K::Closed { text: String::new() });
    }
}

fn rectify(chain: &mut Chain<'_>, target: HazardStatus, cast: &Cast, now: i64, dice: &mut Dice) {
    use HazardEventKind as K;
    use HazardStatus as S;
    let hour = 3_600_000;
    // Of what is under way a tenth is behind its deadline.
    let behind = dice.below(10) == 0;
    let deadline = UtcMillis(match behind {
        true => chain.at + 2 * hour,
        false => now + (1 + dice.below(30) as i64) * DAY_MS,
    });
    let assignment = Assignment {
        unit: cast.maintainer.unit.clone(),
        person: "王强".to_owned(),
        leader: "李明".to_owned(),
        deadline: Some(deadline),
        measures: "更换磨损部件并复测".to_owned(),
        funds: "8000元".to_owned(),
        emergency_plan: "停梯并设置围栏".to_owned(),
    };
    let kind = K::Assigned {
        assignment: Box::new(assignment),
        text: String::new(),
    };
    chain.add(Some(&cast.site), hour, kind);
    let grade = chain.state.as_ref().map(|state| state.grade);
    if grade == Some(Grade::Major) && dice.below(50) == 0 && matches!(target, S::Assigned | S::Rectifying) {
        let case = format!("督〔2026〕{}号", chain.position).into();
        chain.add(
            Some(&cast.regulator),
            hour,
            K::Listed {
                case,
                deadline: None,
                text: String::new(),
            },
        );
    }
    if behind && matches!(target, S::Assigned | S::Rectifying) {
        chain.add(None, 3 * hour, K::Overdue { due: deadline });
    }
    if target == S::Assigned {
        return;
    }
    chain.add(
        Some(&cast.maintainer),
        hour,
        K::RectificationStarted { text: String::new() },
    );
    if target == S::Rectifying {
        return;
    }
    let kind = K::SelfChecked {
        text: "已更换，试运行正常".to_owned(),
        attachments: Vec::new(),
    };
    chain.add(Some(&cast.maintainer), DAY_MS, kind);
}
