//! The fold over a case's events: what is known of it.

use super::{CaseEvent, CaseEventKind, CaseFault, CaseKind, CaseStep, CaseStepKind, Order, Timer};
use crate::hash::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// 已下达.
    Issued,
    /// 已公布.
    Published,
    /// 已约谈.
    Held,
    /// 验收合格.
    Accepted,
    /// 已摘牌.
    Delisted,
    /// 已办结.
    Closed,
    /// 已撤销.
    Withdrawn,
}

impl CaseStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Issued,
        Self::Published,
        Self::Held,
        Self::Accepted,
        Self::Delisted,
        Self::Closed,
        Self::Withdrawn,
    ];

    /// Whether it is still in force.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Issued | Self::Published | Self::Held | Self::Accepted)
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Published => "published",
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Delisted => "delisted",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Chinese.
    #[must_use]
    pub const fn title_zh(self) -> &'static str {
        match self {
            Self::Issued => "已下达",
            Self::Published => "已公布",
            Self::Held => "已约谈",
            Self::Accepted => "验收合格",
            Self::Delisted => "已摘牌",
            Self::Closed => "已办结",
            Self::Withdrawn => "已撤销",
        }
    }

    /// English.
    #[must_use]
    pub const fn title_en(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Published => "published",
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Delisted => "delisted",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The status behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }
}

/// Something was made known: when, where, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub on: UtcMillis,
    /// Where, or with whom.
    pub place: String,
    /// What it said.
    pub text: String,
    /// Who entered it.
    pub by: Arc<str>,
}

/// An interview that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// When.
    pub on: UtcMillis,
    /// Where.
    pub place: String,
    /// Who was there.
    pub attendees: String,
    /// What was said and promised.
    pub text: String,
}

/// More time is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The deadline wanted.
    pub until: UtcMillis,
    /// Who asked.
    pub by: Arc<str>,
    /// By when it is to be decided.
    pub due: UtcMillis,
}

/// 验收报告.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// When it was inspected on site.
    pub on: UtcMillis,
    /// Who inspected it.
    pub inspectors: String,
    /// Their conclusion.
    pub text: String,
    /// Who entered it.
    pub by: Arc<str>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: UtcMillis,
    /// Who ended it.
    pub by: Arc<str>,
    /// Why.
    pub text: String,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its number.
    pub number: Arc<str>,
    /// What was issued.
    pub order: Order,
    /// When.
    pub issued_at: UtcMillis,
    /// By whom.
    pub issued_by: Arc<str>,
    /// Where it stands.
    pub status: CaseStatus,
    /// By when it must be done.
    pub deadline: Option<UtcMillis>,
    /// When that was set.
    pub deadline_set: UtcMillis,
    /// 备案.
    pub filed: Option<Notice>,
    /// 公布.
    pub published: Option<Notice>,
    /// 约谈.
    pub held: Option<Meeting>,
    /// Entries of those who followed it up.
    pub follow_ups: u32,
    /// Answers of the unit.
    pub answers: u32,
    /// More time is asked for.
    pub extension: Option<Extension>,
    /// How often more time was given.
    pub extensions: u32,
    /// 验收报告.
    pub acceptance: Option<Acceptance>,
    /// How it ended.
    pub ended: Option<Ending>,
    /// 摘牌公布.
    pub delisting_published: Option<Notice>,
    /// The last reminder of each, days before.
    pub reminded: BTreeMap<Timer, u16>,
    /// What is late.
    pub late: BTreeSet<Timer>,
    /// Level of the last escalation; 0 = none.
    pub escalation: u8,
    /// Days behind the deadline of the last escalation.
    pub escalated_days: u16,
    /// Events so far.
    pub events: u32,
    /// Time of the last.
    pub changed: UtcMillis,
    /// Hash of the last.
    pub head: ContentHash,
}

impl Case {
    /// What the first event makes.
    ///
    /// # Errors
    /// It does not issue a case, or nobody has issued it.
    pub(super) fn opened(event: &CaseEvent) -> Result<Self, CaseFault> {
        let CaseEventKind::Issued { number, order } = &event.kind else {
            return Err(CaseFault::Step);
        };
        let who = event.who.as_ref().ok_or(CaseFault::Actor)?;
        Ok(Self {
            number: number.clone(),
            issued_at: event.at,
            issued_by: who.login.clone(),
            status: CaseStatus::Issued,
            deadline: order.deadline,
            deadline_set: event.at,
            order: (**order).clone(),
            filed: None,
            published: None,
            held: None,
            follow_ups: 0,
            answers: 0,
            extension: None,
            extensions: 0,
            acceptance: None,
            ended: None,
            delisting_published: None,
            reminded: BTreeMap::new(),
            late: BTreeSet::new(),
            escalation: 0,
            escalated_days: 0,
            events: 1,
            changed: event.at,
            head: event.hash,
        })
    }

    /// What a further event makes of it.
    ///
    /// # Errors
    /// The state does not allow it; nothing has changed then.
    pub(super) fn apply(&mut self, event: &CaseEvent) -> Result<(), CaseFault> {
        if event.kind.by_machine() != event.who.is_none() {
            return Err(CaseFault::Actor);
        }
        match &event.kind {
            CaseEventKind::Issued { .. } => return Err(CaseFault::Step),
            CaseEventKind::Stepped { step, text, due } => {
                let guard = step.kind().guard();
                if !guard.kinds.contains(&self.order.kind) || !guard.from.contains(&self.status) {
                    return Err(CaseFault::Step);
                }
                self.apply_step(event, step, text, *due)?;
            }
            CaseEventKind::Reminded { timer, days_left, .. } => {
                self.reminded.insert(*timer, *days_left);
            }
            CaseEventKind::Overdue { timer, .. } => {
                if !self.late.insert(*timer) {
                    return Err(CaseFault::Step);
                }
            }
            CaseEventKind::Escalated { level, days } => {
                if !self.late.contains(&Timer::Deadline) {
                    return Err(CaseFault::Step);
                }
                (self.escalation, self.escalated_days) = (*level, *days);
            }
        }
        self.events += 1;
        self.changed = event.at;
        self.head = event.hash;
        Ok(())
    }

    fn apply_step(
        &mut self,
        event: &CaseEvent,
        step: &CaseStep,
        text: &str,
        due: Option<UtcMillis>,
    ) -> Result<(), CaseFault> {
        let by = || {
            event
                .who
                .as_ref()
                .map(|who| who.login.clone())
                .unwrap_or_default()
        };
        let notice = |on: &UtcMillis, place: &String| {
            Some(Notice {
                on: *on,
                place: place.clone(),
                text: text.to_owned(),
                by: by(),
            })
        };
        match step {
            CaseStep::File { on, office } => {
                self.filed = notice(on, office);
                self.settle(Timer::Filing);
            }
            CaseStep::Publish { on, place } => {
                self.published = notice(on, place);
                self.status = CaseStatus::Published;
                self.settle(Timer::Publication);
            }
            CaseStep::Meet {
                on, place, attendees, ..
            } => {
                self.held = Some(Meeting {
                    on: *on,
                    place: place.clone(),
                    attendees: attendees.clone(),
                    text: text.to_owned(),
                });
                self.status = CaseStatus::Held;
                self.settle(Timer::Meeting);
            }
            CaseStep::FollowUp { .. } => self.follow_ups += 1,
            CaseStep::Answer { .. } => self.answers += 1,
            CaseStep::RequestExtension { until } => {
                self.extension = Some(Extension {
                    until: *until,
                    by: by(),
                    due: due.ok_or(CaseFault::Step)?,
                });
            }
            CaseStep::GrantExtension { until } => {
                let asked = self.extension.take().ok_or(CaseFault::Step)?;
                self.deadline = Some(until.unwrap_or(asked.until));
                self.deadline_set = event.at;
                self.extensions += 1;
                self.settle(Timer::ExtensionDecision);
                self.settle(Timer::Deadline);
                (self.escalation, self.escalated_days) = (0, 0);
            }
            CaseStep::RefuseExtension => {
                self.extension.take().ok_or(CaseFault::Step)?;
                self.settle(Timer::ExtensionDecision);
            }
            CaseStep::ReportAcceptance { on, inspectors, .. } => {
                self.acceptance = Some(Acceptance {
                    on: *on,
                    inspectors: inspectors.clone(),
                    text: text.to_owned(),
                    by: by(),
                });
                self.status = CaseStatus::Accepted;
                self.extension = None;
                self.settle(Timer::ExtensionDecision);
            }
            CaseStep::Delist | CaseStep::Close | CaseStep::Withdraw => {
                self.status = match step.kind() {
                    CaseStepKind::Delist => CaseStatus::Delisted,
                    CaseStepKind::Close => CaseStatus::Closed,
                    _ => CaseStatus::Withdrawn,
                };
                self.extension = None;
                self.ended = Some(Ending {
                    at: event.at,
                    by: by(),
                    text: text.to_owned(),
                });
            }
            CaseStep::PublishDelisting { on, place } => {
                if self.delisting_published.is_some() {
                    return Err(CaseFault::Step);
                }
                self.delisting_published = notice(on, place);
                self.settle(Timer::DelistingPublication);
            }
        }
        Ok(())
    }

    /// What was waited for has come, or is to come at another time.
    fn settle(&mut self, timer: Timer) {
        self.late.remove(&timer);
        self.reminded.remove(&timer);
    }

    /// Whether its deadline has passed while it was in force.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.status.is_open() && !self.late.is_empty() || self.late.contains(&Timer::DelistingPublication)
    }

    /// Whether it lists hazards: what the loop of each is told.
    #[must_use]
    pub fn lists_hazards(&self) -> bool {
        self.order.kind == CaseKind::Listed && !self.order.subject.hazards.is_empty()
    }
}
