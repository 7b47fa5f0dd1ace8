//! Words of supervision.

use super::super::page::Page;
use crate::view::Time;
use vigil_core::supervision::{CaseKind, CaseStatus, CaseStepKind};

impl Page {
    /// The day of an instant where the gateway stands.
    pub(crate) fn date(&self, at: &Time) -> String {
        self.times.full(at.0).chars().take(10).collect()
    }

    /// What an authority does.
    pub(crate) fn case_kind(&self, key: &str) -> &'static str {
        CaseKind::from_key(key).map_or("", |kind| self.pick(kind.title_zh(), kind.title_en()))
    }

    /// Where a case stands.
    pub(crate) fn case_status(&self, key: &str) -> &'static str {
        CaseStatus::from_key(key).map_or("", |status| self.pick(status.title_zh(), status.title_en()))
    }

    /// What is waited for.
    pub(crate) fn case_timer(&self, key: &str) -> &'static str {
        match key {
            "filing" => self.pick("备案", "filing"),
            "publication" => self.pick("公布", "publication"),
            "meeting" => self.pick("约谈", "interview"),
            "deadline" => self.pick("督办期限", "deadline"),
            "extension_decision" => self.pick("延期审批", "decision on more time"),
            "delisting_publication" => self.pick("摘牌公布", "publication of the delisting"),
            _ => "",
        }
    }

    /// What happened to a case.
    pub(crate) fn case_event(&self, key: &str) -> &'static str {
        match key {
            "issued" => self.pick("下达", "issued"),
            "reminded" => self.pick("到期提醒", "reminder"),
            "overdue" => self.pick("逾期", "overdue"),
            "escalated" => self.pick("逾期上报", "told to the next level"),
            key => CaseStepKind::from_key(key).map_or("", |step| {
                let guard = step.guard();
                self.pick(guard.zh, guard.en)
            }),
        }
    }

    /// What the loop of a hazard knows of a case.
    pub(crate) fn listing(&self, state: &str) -> &'static str {
        match state {
            "listing" => self.pick("正在挂牌", "being listed"),
            "listed" => self.pick("已挂牌", "listed"),
            "delisting" => self.pick("正在摘牌", "being delisted"),
            "delisted" => self.pick("已摘牌", "delisted"),
            "refused" => self.pick("未能挂牌", "refused by its loop"),
            _ => "",
        }
    }

    /// A role by its key.
    pub(crate) fn role_key(&self, key: &str) -> &'static str {
        vigil_core::people::Role::from_key(key).map_or("", |role| self.role(&role))
    }
}
