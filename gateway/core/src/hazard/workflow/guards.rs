//! The table.

use crate::hazard::HazardEventKind;
use crate::hazard::HazardStatus as S;
use crate::pack::Grade;
use crate::people::Role;
use serde::{Deserialize, Serialize};

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// It is real.
    Confirm,
    /// It is not.
    Reject,
    /// A remark.
    Comment,
    /// Files.
    Attach,
    /// Somebody is made responsible.
    Assign,
    /// What is done meanwhile.
    Interim,
    /// The work begins.
    Start,
    /// How far it is.
    Progress,
    /// Rectified, says the responsible unit.
    SelfCheck,
    /// Somebody should accept it.
    RequestAcceptance,
    /// Rectified, says somebody else.
    Accept,
    /// Not rectified.
    RefuseAcceptance,
    /// More time is needed.
    RequestExtension,
    /// More time is given.
    GrantExtension,
    /// No more time is given.
    RefuseExtension,
    /// Its use should stop.
    RecommendOutOfUse,
    /// Graded anew.
    ChangeGrade,
    /// 挂牌督办.
    List,
    /// 摘牌.
    Delist,
    /// 立查立改.
    FixOnSpot,
    /// 销号.
    StrikeOff,
    /// 回头看.
    LookBack,
    /// 闭环.
    Close,
}

/// What must show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Words will do.
    None,
    /// A photo or document, for a major hazard.
    Major,
    /// A photo or document.
    Always,
}

/// What a step demands.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Which step.
    pub step: StepKind,
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
    /// In these states.
    pub from: &'static [S],
    /// Who, for a general hazard; always within his scope.
    pub roles: &'static [Role],
    /// Who, for a major hazard.
    pub major_roles: &'static [Role],
    /// A unit's person only if his unit is the one made responsible.
    pub responsible_unit: bool,
    /// Something must be said.
    pub text: bool,
    /// What must show it.
    pub evidence: Evidence,
    /// Not for who took a hand in the rectification.
    pub apart_from_rectifiers: bool,
}

const ALL5: &[Role] = &[
    Role::Site,
    Role::Maintainer,
    Role::InspectionBody,
    Role::Regulator,
    Role::Administrator,
];
const WORKERS: &[Role] = &[Role::Site, Role::Maintainer, Role::Administrator];
const WORKERS_REGULATOR: &[Role] = &[Role::Site, Role::Maintainer, Role::Regulator, Role::Administrator];
const SITE_REGULATOR: &[Role] = &[Role::Site, Role::Regulator, Role::Administrator];
const REGULATORS: &[Role] = &[Role::Regulator, Role::Administrator];
const JUDGES: &[Role] = &[Role::InspectionBody, Role::Regulator, Role::Administrator];
const JUDGES_SITE: &[Role] = &[
    Role::Site,
    Role::InspectionBody,
    Role::Regulator,
    Role::Administrator,
];

/// Who may report a hazard.
pub const OPENERS: &[Role] = ALL5;

const BEFORE_ACCEPTED: &[S] = &[
    S::Suspected,
    S::Confirmed,
    S::Assigned,
    S::Rectifying,
    S::SelfChecked,
];
const OPEN: &[S] = &[
    S::Suspected,
    S::Confirmed,
    S::Assigned,
    S::Rectifying,
    S::SelfChecked,
    S::Accepted,
];
const NOT_FINAL: &[S] = &[
    S::Suspected,
    S::Confirmed,
    S::Assigned,
    S::Rectifying,
    S::SelfChecked,
    S::Accepted,
    S::StruckOff,
    S::LookedBack,
];
const NOT_CLOSED: &[S] = &[
    S::Suspected,
    S::Confirmed,
    S::Rejected,
    S::Assigned,
    S::Rectifying,
    S::SelfChecked,
    S::Accepted,
    S::StruckOff,
    S::LookedBack,
];

/// In the order of [`StepKind::ALL`].
const GUARDS: [Guard; StepKind::ALL.len()] = [
    Guard {
        step: StepKind::Confirm,
        zh: "确认",
        en: "confirm",
        from: &[S::Suspected],
        roles: ALL5,
        major_roles: ALL5,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Reject,
        zh: "判为误报",
        en: "reject",
        from: &[S::Suspected],
        roles: JUDGES_SITE,
        major_roles: JUDGES,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Comment,
        zh: "备注",
        en: "comment",
        from: NOT_CLOSED,
        roles: ALL5,
        major_roles: ALL5,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Attach,
        zh: "补充材料",
        en: "attach files",
        from: NOT_FINAL,
        roles: ALL5,
        major_roles: ALL5,
        responsible_unit: false,
        text: false,
        evidence: Evidence::Always,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Assign,
        zh: "下达整改",
        en: "assign",
        from: &[S::Confirmed, S::Assigned, S::Rectifying],
        roles: SITE_REGULATOR,
        major_roles: SITE_REGULATOR,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Interim,
        zh: "临时管控措施",
        en: "interim measure",
        from: BEFORE_ACCEPTED,
        roles: WORKERS_REGULATOR,
        major_roles: WORKERS_REGULATOR,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Start,
        zh: "开始整改",
        en: "begin rectification",
        from: &[S::Assigned],
        roles: WORKERS,
        major_roles: WORKERS,
        responsible_unit: true,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Progress,
        zh: "报告进度",
        en: "report progress",
        from: &[S::Rectifying],
        roles: WORKERS,
        major_roles: WORKERS,
        responsible_unit: true,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::SelfCheck,
        zh: "自验",
        en: "self-check",
        from: &[S::Rectifying],
        roles: WORKERS,
        major_roles: WORKERS,
        responsible_unit: true,
        text: true,
        evidence: Evidence::Always,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::RequestAcceptance,
        zh: "申请验收",
        en: "ask for acceptance",
        from: &[S::SelfChecked],
        roles: WORKERS,
        major_roles: WORKERS,
        responsible_unit: true,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Accept,
        zh: "验收合格",
        en: "accept",
        from: &[S::SelfChecked],
        roles: JUDGES_SITE,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: true,
        evidence: Evidence::Major,
        apart_from_rectifiers: true,
    },
    Guard {
        step: StepKind::RefuseAcceptance,
        zh: "验收不合格",
        en: "refuse acceptance",
        from: &[S::SelfChecked],
        roles: JUDGES_SITE,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: true,
    },
    Guard {
        step: StepKind::RequestExtension,
        zh: "申请延期",
        en: "ask for more time",
        from: &[S::Assigned, S::Rectifying],
        roles: WORKERS,
        major_roles: WORKERS,
        responsible_unit: true,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::GrantExtension,
        zh: "批准延期",
        en: "grant more time",
        from: &[S::Assigned, S::Rectifying],
        roles: REGULATORS,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::RefuseExtension,
        zh: "不予延期",
        en: "refuse more time",
        from: &[S::Assigned, S::Rectifying],
        roles: REGULATORS,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::RecommendOutOfUse,
        zh: "建议停用",
        en: "recommend out of use",
        from: OPEN,
        roles: JUDGES_SITE,
        major_roles: JUDGES_SITE,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::ChangeGrade,
        zh: "调整等级",
        en: "change the grade",
        from: BEFORE_ACCEPTED,
        roles: JUDGES_SITE,
        major_roles: &[Role::Regulator],
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::List,
        zh: "挂牌督办",
        en: "list for supervision",
        from: &[S::Confirmed, S::Assigned, S::Rectifying, S::SelfChecked],
        roles: REGULATORS,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::Delist,
        zh: "摘牌",
        en: "delist",
        from: &[
            S::Confirmed,
            S::Assigned,
            S::Rectifying,
            S::SelfChecked,
            S::Accepted,
            // A case is delisted when its hazards are struck off.
            S::StruckOff,
            S::LookedBack,
        ],
        roles: REGULATORS,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::FixOnSpot,
        zh: "立查立改",
        en: "fixed on the spot",
        from: &[S::Suspected, S::Confirmed],
        roles: JUDGES_SITE,
        major_roles: JUDGES_SITE,
        responsible_unit: false,
        text: true,
        evidence: Evidence::Always,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::StrikeOff,
        zh: "销号",
        en: "strike off",
        from: &[S::Accepted],
        roles: SITE_REGULATOR,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
    Guard {
        step: StepKind::LookBack,
        zh: "回头看",
        en: "look back",
        from: &[S::StruckOff],
        roles: JUDGES_SITE,
        major_roles: JUDGES,
        responsible_unit: false,
        text: true,
        evidence: Evidence::None,
        apart_from_rectifiers: true,
    },
    Guard {
        step: StepKind::Close,
        zh: "闭环",
        en: "close",
        from: &[S::LookedBack],
        roles: SITE_REGULATOR,
        major_roles: REGULATORS,
        responsible_unit: false,
        text: false,
        evidence: Evidence::None,
        apart_from_rectifiers: false,
    },
];

impl StepKind {
    /// Every step, in the order in which pages offer them.
    pub const ALL: [Self; 23] = [
        Self::Confirm,
        Self::Reject,
        Self::Comment,
        Self::Attach,
        Self::Assign,
        Self::Interim,
        Self::Start,
        Self::Progress,
        Self::SelfCheck,
        Self::RequestAcceptance,
        Self::Accept,
        Self::RefuseAcceptance,
        Self::RequestExtension,
        Self::GrantExtension,
        Self::RefuseExtension,
        Self::RecommendOutOfUse,
        Self::ChangeGrade,
        Self::List,
        Self::Delist,
        Self::FixOnSpot,
        Self::StrikeOff,
        Self::LookBack,
        Self::Close,
    ];

    /// What it demands.
    #[must_use]
    pub const fn guard(self) -> &'static Guard {
        &GUARDS[self as usize]
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Reject => "reject",
            Self::Comment => "comment",
            Self::Attach => "attach",
            Self::Assign => "assign",
            Self::Interim => "interim",
            Self::Start => "start",
            Self::Progress => "progress",
            Self::SelfCheck => "self_check",
            Self::RequestAcceptance => "request_acceptance",
            Self::Accept => "accept",
            Self::RefuseAcceptance => "refuse_acceptance",
            Self::RequestExtension => "request_extension",
            Self::GrantExtension => "grant_extension",
            Self::RefuseExtension => "refuse_extension",
            Self::RecommendOutOfUse => "recommend_out_of_use",
            Self::ChangeGrade => "change_grade",
            Self::List => "list",
            Self::Delist => "delist",
            Self::FixOnSpot => "fix_on_spot",
            Self::StrikeOff => "strike_off",
            Self::LookBack => "look_back",
            Self::Close => "close",
        }
    }

    /// The step behind an event; `None` for what the machine does.
    #[must_use]
    pub const fn of_event(kind: &HazardEventKind) -> Option<Self> {
        Some(match kind {
            HazardEventKind::Confirmed { .. } => Self::Confirm,
            HazardEventKind::Rejected { .. } => Self::Reject,
            HazardEventKind::Commented { .. } => Self::Comment,
            HazardEventKind::Attached { .. } => Self::Attach,
            HazardEventKind::Assigned { .. } => Self::Assign,
            HazardEventKind::InterimMeasure { .. } => Self::Interim,
            HazardEventKind::RectificationStarted { .. } => Self::Start,
            HazardEventKind::Progress { .. } => Self::Progress,
            HazardEventKind::SelfChecked { .. } => Self::SelfCheck,
            HazardEventKind::AcceptanceRequested { .. } => Self::RequestAcceptance,
            HazardEventKind::Accepted { .. } => Self::Accept,
            HazardEventKind::AcceptanceRefused { .. } => Self::RefuseAcceptance,
            HazardEventKind::ExtensionRequested { .. } => Self::RequestExtension,
            HazardEventKind::ExtensionGranted { .. } => Self::GrantExtension,
            HazardEventKind::ExtensionRefused { .. } => Self::RefuseExtension,
            HazardEventKind::OutOfUseRecommended { .. } => Self::RecommendOutOfUse,
            HazardEventKind::GradeChanged { .. } => Self::ChangeGrade,
            HazardEventKind::Listed { .. } => Self::List,
            HazardEventKind::Delisted { .. } => Self::Delist,
            HazardEventKind::FixedOnSpot { .. } => Self::FixOnSpot,
            HazardEventKind::StruckOff { .. } => Self::StrikeOff,
            HazardEventKind::LookedBack { .. } => Self::LookBack,
            HazardEventKind::Closed { .. } => Self::Close,
            _ => return None,
        })
    }

    /// Whoever does it takes a hand in the rectification.
    #[must_use]
    pub const fn rectifies(self) -> bool {
        matches!(self, Self::Start | Self::Progress | Self::SelfCheck)
    }
}

impl Guard {
    /// Who may, for a hazard of this grade.
    #[must_use]
    pub const fn roles(&self, grade: Grade) -> &'static [Role] {
        match grade {
            Grade::General => self.roles,
            Grade::Major => self.major_roles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, S, StepKind};
    use crate::pack::Grade;

    #[test]
    fn the_table_is_in_order_and_departments_do_nothing() {
        for step in StepKind::ALL {
            let guard = step.guard();
            assert_eq!(guard.step, step);
            for grade in [Grade::General, Grade::Major] {
                assert!(!guard.roles(grade).contains(&Role::Department), "{step:?}");
                assert!(
                    guard.roles(grade).contains(&Role::Regulator) || guard.responsible_unit,
                    "{step:?}"
                );
            }
            assert!(!guard.from.contains(&S::Closed), "{step:?}: closed is closed");
        }
    }

    #[test]
    fn who_rectifies_and_who_judges_are_kept_apart() {
        for step in [StepKind::Accept, StepKind::RefuseAcceptance, StepKind::LookBack] {
            assert!(step.guard().apart_from_rectifiers && !step.rectifies());
        }
        assert_eq!(StepKind::ChangeGrade.guard().major_roles, [Role::Regulator]);
    }
}
