//! Who may take which step of a case, when, with what: one table.

use super::{CaseKind, CaseStatus, CaseStepKind};
use crate::people::Role;

use CaseKind::{Circular, Interview, Listed};
use CaseStatus as S;

/// What a step demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseGuard {
    /// Which step.
    pub step: CaseStepKind,
    /// What it is, Chinese.
    pub zh: &'static str,
    /// What it is, English.
    pub en: &'static str,
    /// Of cases of these kinds.
    pub kinds: &'static [CaseKind],
    /// In these states.
    pub from: &'static [CaseStatus],
    /// By these.
    pub roles: &'static [Role],
    /// With words.
    pub text: bool,
    /// With a file.
    pub evidence: bool,
}

/// Who issues, decides and delists.
pub(super) const ISSUERS: &[Role] = &[Role::Regulator, Role::Administrator];
const JUDGES: &[Role] = &[Role::InspectionBody, Role::Regulator, Role::Administrator];
const UNITS: &[Role] = &[Role::Site, Role::Maintainer];
const ASKERS: &[Role] = &[Role::Site, Role::Maintainer, Role::Regulator, Role::Administrator];

const OPEN: &[CaseStatus] = &[S::Issued, S::Published, S::Held, S::Accepted];
const RUNNING: &[CaseStatus] = &[S::Issued, S::Published, S::Held];
const ALL: &[CaseKind] = &[Listed, Interview, Circular];

macro_rules! guards {
    ($($step:ident $zh:literal $en:literal $kinds:expr, $from:expr, $roles:expr, $text:literal, $evidence:literal;)+) => {
        static GUARDS: [CaseGuard; CaseStepKind::ALL.len()] = [$(
            CaseGuard {
                step: CaseStepKind::$step, zh: $zh, en: $en, kinds: $kinds, from: $from, roles: $roles,
                text: $text, evidence: $evidence,
            },
        )+];
    };
}

#[rustfmt::skip] // a table: kinds, states, roles, words needed, file needed
guards! {
    File "备案" "file with the safety-committee office" &[Listed], OPEN, ISSUERS, false, false;
    Publish "公布" "publish" &[Listed, Circular], &[S::Issued], ISSUERS, true, false;
    Meet "举行约谈" "hold the interview" &[Interview], &[S::Issued], ISSUERS, true, false;
    FollowUp "跟踪督办" "follow up" ALL, OPEN, JUDGES, true, false;
    Answer "报告整改情况" "answer" ALL, OPEN, UNITS, true, false;
    RequestExtension "申请延期" "ask for more time" ALL, RUNNING, ASKERS, true, false;
    GrantExtension "批准延期" "give more time" ALL, RUNNING, ISSUERS, false, false;
    RefuseExtension "不予延期" "give no more time" ALL, RUNNING, ISSUERS, true, false;
    ReportAcceptance "提交验收报告" "report the acceptance" &[Listed], &[S::Published], JUDGES, true, true;
    Delist "摘牌" "delist" &[Listed], &[S::Accepted], ISSUERS, true, false;
    PublishDelisting "公布摘牌" "publish the delisting" &[Listed], &[S::Delisted], ISSUERS, false, false;
    Close "办结" "close" &[Interview, Circular], &[S::Published, S::Held], ISSUERS, true, false;
    Withdraw "撤销" "withdraw" ALL, OPEN, ISSUERS, true, false;
}

impl CaseStepKind {
    /// Every step, in the order in which pages offer them.
    pub const ALL: [Self; 13] = [
        Self::File,
        Self::Publish,
        Self::Meet,
        Self::FollowUp,
        Self::Answer,
        Self::RequestExtension,
        Self::GrantExtension,
        Self::RefuseExtension,
        Self::ReportAcceptance,
        Self::Delist,
        Self::PublishDelisting,
        Self::Close,
        Self::Withdraw,
    ];

    /// What it demands.
    #[must_use]
    pub const fn guard(self) -> &'static CaseGuard {
        &GUARDS[self as usize]
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Publish => "publish",
            Self::Meet => "meet",
            Self::FollowUp => "follow_up",
            Self::Answer => "answer",
            Self::RequestExtension => "request_extension",
            Self::GrantExtension => "grant_extension",
            Self::RefuseExtension => "refuse_extension",
            Self::ReportAcceptance => "report_acceptance",
            Self::Delist => "delist",
            Self::PublishDelisting => "publish_delisting",
            Self::Close => "close",
            Self::Withdraw => "withdraw",
        }
    }

    /// The step behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.key() == key)
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseStatus, CaseStepKind, ISSUERS, Role};

    #[test]
    fn the_table_is_in_order_and_departments_do_nothing() {
        for step in CaseStepKind::ALL {
            let guard = step.guard();
            assert_eq!(guard.step, step);
            assert_eq!(CaseStepKind::from_key(step.key()), Some(step));
            assert!(!guard.roles.contains(&Role::Department), "{step:?}");
            assert!(!guard.kinds.is_empty() && !guard.from.is_empty(), "{step:?}");
            let done = [CaseStatus::Closed, CaseStatus::Withdrawn];
            assert!(!guard.from.iter().any(|from| done.contains(from)), "{step:?}");
        }
    }

    #[test]
    fn only_authorities_end_a_case_and_a_unit_only_answers_and_asks() {
        for step in [CaseStepKind::Delist, CaseStepKind::Close, CaseStepKind::Withdraw] {
            assert_eq!(step.guard().roles, ISSUERS);
        }
        let units = CaseStepKind::ALL.into_iter().filter(|step| {
            let roles = step.guard().roles;
            roles.contains(&Role::Site) || roles.contains(&Role::Maintainer)
        });
        let units: Vec<_> = units.collect();
        assert_eq!(units, [CaseStepKind::Answer, CaseStepKind::RequestExtension]);
    }
}
