//! Supervision cases, as lists and pages show them.

use super::case_steps::{CaseBlockedStep, blocked_steps};
use super::hazard::AttachedFile;
use super::time::Time;
use crate::app::App;
use crate::desk::cases::{self, CaseFilter, CaseHazard, CasesError, StoredCase};
use crate::sheet::{Column, Table};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::hazard::policy::Period;
use vigil_core::people::{Person, Scope};
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{
    Asking, Case, CaseEvent, CaseEventKind, CaseStep, Notice, Timer, allowed, verify, waiting,
};

/// A name in two languages, with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// Stable key.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Something that is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseDue {
    /// `filing`, `publication`, `meeting`, `deadline`, `extension_decision` or `delisting_publication`.
    pub timer: &'static str,
    /// By when.
    pub due: Time,
    /// It has passed.
    pub late: bool,
    /// The period it follows from still has to be verified.
    pub unverified: bool,
}

/// A case as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionCase {
    /// What it is addressed by.
    pub id: i64,
    /// Its number.
    pub number: String,
    /// `listed` (挂牌督办), `interview` (约谈) or `circular` (通报).
    pub kind: &'static str,
    /// Level of the authority.
    pub level: Named,
    /// `issued`, `published`, `held`, `accepted`, `delisted`, `closed` or `withdrawn`.
    pub status: &'static str,
    /// In force.
    pub open: bool,
    /// Something that was waited for is late.
    pub overdue: bool,
    /// What it is called.
    pub title: String,
    /// Name of the authority.
    pub issuer: String,
    /// When it was issued.
    pub issued_at: Time,
    /// Login of who issued it.
    pub issued_by: String,
    /// By when it must be done.
    pub deadline: Option<Time>,
    /// What is waited for, first come first.
    pub waiting: Vec<CaseDue>,
    /// Level it was escalated to; 0 = none.
    pub escalation: u8,
    /// Area code.
    pub area: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Equipment id.
    pub equipment: Option<String>,
    /// Ids of the hazards it is about.
    pub hazards: Vec<String>,
    /// Entries of those who followed it up.
    pub follow_ups: u32,
    /// Answers of the unit.
    pub answers: u32,
    /// How often more time was given.
    pub extensions: u32,
    /// Events so far; with quotes around it, the `ETag`.
    pub events: u32,
    /// Last event.
    pub changed: Time,
}

/// A page of cases.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionPage {
    /// The cases.
    pub cases: Vec<SupervisionCase>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<String>,
    /// How many there are in all, counted up to 10,000 and only on the first page.
    pub total: Option<u64>,
}

/// Something was made known.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseNotice {
    /// When.
    pub on: Time,
    /// Where, or with whom.
    pub place: String,
    /// What it said.
    pub text: String,
    /// Login of who entered it.
    pub by: String,
}

/// An interview that was held.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseMeeting {
    /// When.
    pub on: Time,
    /// Where.
    pub place: String,
    /// Who was there.
    pub attendees: String,
    /// What was said and promised.
    pub text: String,
}

/// The report that all is rectified.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseAcceptance {
    /// When it was inspected on site.
    pub on: Time,
    /// Who inspected it.
    pub inspectors: String,
    /// Their conclusion.
    pub text: String,
    /// Login of who entered it.
    pub by: String,
}

/// More time is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseExtension {
    /// The deadline wanted.
    pub until: Time,
    /// Login of who asked.
    pub by: String,
    /// By when it is to be decided.
    pub due: Time,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseEnding {
    /// When.
    pub at: Time,
    /// Login of who ended it.
    pub by: String,
    /// Why.
    pub text: String,
}

/// A hazard of a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseHazardView {
    /// Hazard id.
    pub id: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// Where it stands; `null`: it is not in the store.
    #[schema(value_type = Option<super::words::HazardStatusWords>)]
    pub status: Option<vigil_core::hazard::HazardStatus>,
    /// What its own loop knows: `named` (nothing to know), `listing`, `listed`, `delisting`, `delisted` or `refused`.
    pub state: String,
    /// Why its loop refused.
    pub why: String,
}

/// A step that can be taken now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseNextStep {
    /// Its key: the `action`.
    pub action: &'static str,
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
    /// It needs words.
    pub text_required: bool,
    /// It needs a file.
    pub evidence_required: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseHistory {
    /// 0, 1, 2 …
    pub seq: u32,
    /// When.
    pub at: Time,
    /// `issued`, the key of a step, `reminded`, `overdue` or `escalated`.
    pub event: &'static str,
    /// Login; `null`: the clock.
    pub actor: Option<String>,
    /// His role.
    pub role: Option<&'static str>,
    /// His unit.
    pub unit: Option<String>,
    /// What he said.
    pub text: String,
    /// When that was, if he says so.
    pub on: Option<Time>,
    /// Where, or with whom.
    pub place: Option<String>,
    /// Who took part.
    pub people: Option<String>,
    /// A deadline that is wanted or given.
    pub until: Option<Time>,
    /// What was waited for.
    pub timer: Option<&'static str>,
    /// When it was due.
    pub due: Option<Time>,
    /// Days left, or behind.
    pub days: Option<u16>,
    /// Files that came with it.
    pub attachments: Vec<AttachedFile>,
    /// Hash of the event, hex.
    pub hash: String,
}

/// Everything about a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionDetail {
    /// What lists show.
    #[serde(flatten)]
    pub case: SupervisionCase,
    /// Why.
    pub grounds: String,
    /// What must be done.
    pub demands: String,
    /// When an interview is to be held.
    pub meet_at: Option<Time>,
    /// 备案.
    pub filed: Option<CaseNotice>,
    /// 公布.
    pub published: Option<CaseNotice>,
    /// 约谈.
    pub held: Option<CaseMeeting>,
    /// More time is asked for.
    pub extension: Option<CaseExtension>,
    /// 验收报告.
    pub acceptance: Option<CaseAcceptance>,
    /// How it ended.
    pub ended: Option<CaseEnding>,
    /// 摘牌公布.
    pub delisting_published: Option<CaseNotice>,
    /// Its hazards, and what their loops know of it.
    pub listed_hazards: Vec<CaseHazardView>,
    /// What who asks can do now.
    pub next_steps: Vec<CaseNextStep>,
    /// What others can do now, or who asks later.
    pub blocked_steps: Vec<CaseBlockedStep>,
    /// Everything that happened.
    pub history: Vec<CaseHistory>,
    /// Every link of the chain was proven.
    pub verified: bool,
    /// Hash of the last event.
    pub head: String,
}

/// A period, as the rules have it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CasePeriod {
    /// Stable key.
    pub key: &'static str,
    /// Chinese.
    pub title_zh: String,
    /// English.
    pub title_en: String,
    /// So many days.
    pub days: u16,
    /// Working days, not calendar days.
    pub working_days: bool,
    /// Where it comes from.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
    /// It still has to be verified.
    pub unverified: bool,
}

/// The rules of supervision.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionRules {
    /// Levels of authority.
    pub levels: Vec<Named>,
    /// Periods.
    pub periods: Vec<CasePeriod>,
    /// Reminders, days before something is due.
    pub remind_before_days: Vec<u16>,
    /// Steps of escalation, days behind the deadline.
    pub escalate_after_days: Vec<u16>,
    /// Listings a district should have in a quarter.
    pub quota: u16,
    /// Where that comes from.
    pub quota_source: String,
}

/// Whether what is not sourced still has to be verified.
fn unverified(period: &Period) -> bool {
    period.confidence == "memory-low"
}

/// The rules, for people and programs.
#[must_use]
pub fn supervision_rules() -> SupervisionRules {
    let policy = SupervisionPolicy::builtin();
    let period = |(key, period): (&'static str, &Period)| CasePeriod {
        key,
        title_zh: period.title_zh.clone(),
        title_en: period.title_en.clone(),
        days: period.days,
        working_days: period.counted == vigil_core::hazard::policy::Counted::Working,
        source: period.source.clone(),
        confidence: period.confidence.clone(),
        unverified: unverified(period),
    };
    SupervisionRules {
        levels: policy.level.iter().map(|level| level_of(&level.key)).collect(),
        periods: policy.periods().into_iter().map(period).collect(),
        remind_before_days: policy.rounds.remind_before_days.clone(),
        escalate_after_days: policy.rounds.escalate_after_days.clone(),
        quota: policy.quota.count,
        quota_source: policy.quota.source.clone(),
    }
}

fn level_of(key: &str) -> Named {
    let known = SupervisionPolicy::builtin()
        .level
        .iter()
        .find(|level| *level.key == *key);
    Named {
        key: key.to_owned(),
        zh: known.map_or(key, |level| &level.zh).to_owned(),
        en: known.map_or(key, |level| &level.en).to_owned(),
    }
}

fn timer_period(policy: &SupervisionPolicy, timer: Timer) -> Option<&Period> {
    match timer {
        Timer::Filing => Some(&policy.filing),
        Timer::Publication => Some(&policy.publication),
        Timer::Meeting => Some(&policy.meeting),
        Timer::Deadline => None,
        Timer::ExtensionDecision => Some(&policy.extension_decision),
        Timer::DelistingPublication => Some(&policy.delisting_publication),
    }
}

fn text(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

impl From<&StoredCase> for SupervisionCase {
    fn from(stored: &StoredCase) -> Self {
        let case = &stored.case;
        let policy = SupervisionPolicy::builtin();
        let due = |(timer, at): (Timer, _)| CaseDue {
            timer: timer.key(),
            due: Time(at),
            late: case.late.contains(&timer),
            unverified: timer_period(policy, timer).is_some_and(unverified),
        };
        Self {
            id: stored.id,
            number: case.number.to_string(),
            kind: case.order.kind.key(),
            level: level_of(&case.order.level),
            status: case.status.key(),
            open: case.status.is_open(),
            overdue: case.is_overdue(),
            title: case.order.title.clone(),
            issuer: case.order.issuer.clone(),
            issued_at: case.issued_at.into(),
            issued_by: case.issued_by.to_string(),
            deadline: case.deadline.map(Into::into),
            waiting: waiting(case, policy).into_iter().map(due).collect(),
            escalation: case.escalation,
            area: case.order.scope.area.to_string(),
            unit: text(&case.order.subject.unit),
            equipment: text(&case.order.subject.equipment),
            hazards: case
                .order
                .subject
                .hazards
                .iter()
                .map(|id| id.0.to_string())
                .collect(),
            follow_ups: case.follow_ups,
            answers: case.answers,
            extensions: case.extensions,
            events: case.events,
            changed: case.changed.into(),
        }
    }
}

impl From<&Notice> for CaseNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            on: notice.on.into(),
            place: notice.place.clone(),
            text: notice.text.clone(),
            by: notice.by.to_string(),
        }
    }
}

impl From<CaseHazard> for CaseHazardView {
    fn from(hazard: CaseHazard) -> Self {
        let (title_zh, title_en) = hazard.title;
        Self {
            id: hazard.hazard.0.to_string(),
            title_zh,
            title_en,
            status: hazard.status,
            state: hazard.state,
            why: hazard.why,
        }
    }
}

impl From<&CaseEvent> for CaseHistory {
    fn from(event: &CaseEvent) -> Self {
        let mut view = Self {
            seq: event.seq,
            at: event.at.into(),
            event: event.kind.key(),
            actor: event.who.as_ref().map(|who| who.login.to_string()),
            role: event.who.as_ref().map(|who| who.role.key()),
            unit: event.who.as_ref().and_then(|who| text(&who.unit)),
            text: event.kind.text().to_owned(),
            on: None,
            place: None,
            people: None,
            until: None,
            timer: None,
            due: None,
            days: None,
            attachments: event.kind.attachments().iter().map(AttachedFile::from).collect(),
            hash: event.hash.to_string(),
        };
        match &event.kind {
            CaseEventKind::Issued { order, .. } => view.until = order.deadline.map(Into::into),
            CaseEventKind::Reminded {
                timer,
                due,
                days_left,
            } => {
                (view.timer, view.due, view.days) = (Some(timer.key()), Some(Time(*due)), Some(*days_left));
            }
            CaseEventKind::Overdue { timer, due } => {
                (view.timer, view.due) = (Some(timer.key()), Some(Time(*due)));
            }
            CaseEventKind::Escalated { level, days } => {
                (view.days, view.people) = (Some(*days), Some(level.to_string()));
            }
            CaseEventKind::Stepped { step, .. } => view.fill(step),
        }
        view
    }
}

impl CaseHistory {
    fn fill(&mut self, step: &CaseStep) {
        match step {
            CaseStep::File { on, office } => (self.on, self.place) = (Some(Time(*on)), Some(office.clone())),
            CaseStep::Publish { on, place } | CaseStep::PublishDelisting { on, place } => {
                (self.on, self.place) = (Some(Time(*on)), Some(place.clone()));
            }
            CaseStep::Meet {
                on, place, attendees, ..
            } => {
                (self.on, self.place) = (Some(Time(*on)), Some(place.clone()));
                self.people = Some(attendees.clone());
            }
            CaseStep::FollowUp { on, .. } => self.on = Some(Time(*on)),
            CaseStep::ReportAcceptance { on, inspectors, .. } => {
                (self.on, self.people) = (Some(Time(*on)), Some(inspectors.clone()));
            }
            CaseStep::RequestExtension { until } => self.until = Some(Time(*until)),
            CaseStep::GrantExtension { until } => self.until = until.map(Time),
            _ => {}
        }
    }
}

/// A page of cases.
///
/// # Errors
/// The database cannot be read.
pub async fn supervision(
    app: &App,
    person: &Person,
    filter: &CaseFilter,
) -> Result<SupervisionPage, CasesError> {
    let total = match filter.after {
        None => Some(cases::count(&app.desk, person, filter).await?),
        Some(_) => None,
    };
    let page = cases::cases(&app.desk, person, filter).await?;
    Ok(SupervisionPage {
        cases: page.cases.iter().map(SupervisionCase::from).collect(),
        next: page.next.map(|next| next.to_string()),
        total,
    })
}

/// Everything about a case, for who sees it; `acts_as` is who would take the next step.
///
/// # Errors
/// There is none, or it is out of scope; the database cannot be read.
pub async fn supervision_case(
    app: &App,
    id: i64,
    person: &Person,
    acts_as: &Person,
) -> Result<SupervisionDetail, CasesError> {
    let stored = cases::case(&app.desk, person, id).await?;
    let events = cases::case_events(&app.desk, id).await?;
    let hazards = cases::hazards_of_case(&app.desk, id).await?;
    let open: Vec<_> = hazards
        .iter()
        .filter(|one| one.status.is_none_or(|status| status.is_open()))
        .map(|one| one.hazard.clone())
        .collect();
    let case = &stored.case;
    let scope: &Scope = &case.order.scope;
    let asking = Asking {
        person: acts_as,
        scope,
        text: "",
        open_hazards: &open,
        now: app.clock.now(),
        policy: SupervisionPolicy::builtin(),
    };
    let next_steps = allowed(case, &asking).into_iter().map(|step| {
        let guard = step.guard();
        CaseNextStep {
            action: step.key(),
            zh: guard.zh,
            en: guard.en,
            text_required: guard.text,
            evidence_required: guard.evidence,
        }
    });
    let next_steps = next_steps.collect();
    Ok(SupervisionDetail {
        verified: verify(&events).is_ok_and(|folded| folded == *case),
        head: case.head.to_string(),
        grounds: case.order.grounds.clone(),
        demands: case.order.demands.clone(),
        meet_at: case.order.meet_at.map(Into::into),
        filed: case.filed.as_ref().map(Into::into),
        published: case.published.as_ref().map(Into::into),
        held: held(case),
        extension: case.extension.as_ref().map(|asked| CaseExtension {
            until: asked.until.into(),
            by: asked.by.to_string(),
            due: asked.due.into(),
        }),
        acceptance: case.acceptance.as_ref().map(|report| CaseAcceptance {
            on: report.on.into(),
            inspectors: report.inspectors.clone(),
            text: report.text.clone(),
            by: report.by.to_string(),
        }),
        ended: case.ended.as_ref().map(|ended| CaseEnding {
            at: ended.at.into(),
            by: ended.by.to_string(),
            text: ended.text.clone(),
        }),
        delisting_published: case.delisting_published.as_ref().map(Into::into),
        listed_hazards: hazards.into_iter().map(Into::into).collect(),
        next_steps,
        blocked_steps: blocked_steps(case, &asking),
        history: events.iter().map(CaseHistory::from).collect(),
        case: (&stored).into(),
    })
}

fn held(case: &Case) -> Option<CaseMeeting> {
    case.held.as_ref().map(|held| CaseMeeting {
        on: held.on.into(),
        place: held.place.clone(),
        attendees: held.attendees.clone(),
        text: held.text.clone(),
    })
}

/// Cases in one exported table.
const EXPORTED: usize = 10_000;

/// The cases of a list as a table.
///
/// # Errors
/// The database cannot be read.
pub async fn case_table(
    app: &App,
    person: &Person,
    filter: &CaseFilter,
    zh: bool,
) -> Result<Table, CasesError> {
    let pick = |zh_text: &str, en: &str| if zh { zh_text } else { en }.to_owned();
    let heads = [
        ("编号", "number", 24),
        ("类型", "kind", 10),
        ("级别", "level", 8),
        ("状态", "state", 10),
        ("标题", "title", 30),
        ("下达机关", "issuer", 20),
        ("下达时间", "issued (UTC)", 20),
        ("督办期限", "deadline (UTC)", 20),
        ("逾期", "overdue", 8),
        ("区划代码", "area", 10),
        ("单位代码", "unit", 20),
        ("设备", "equipment", 18),
        ("隐患", "hazards", 24),
        ("公布", "published", 28),
        ("跟踪督办次数", "follow-ups", 10),
        ("延期次数", "extensions", 8),
        ("验收报告", "acceptance", 28),
        ("摘牌或办结", "ended", 28),
    ];
    let mut filter = CaseFilter {
        after: None,
        limit: 1_000,
        ..filter.clone()
    };
    let mut rows = Vec::new();
    loop {
        let page = cases::cases(&app.desk, person, &filter).await?;
        rows.extend(page.cases.iter().map(|stored| table_row(stored, zh)));
        filter.after = page.next;
        if filter.after.is_none() || rows.len() >= EXPORTED {
            break;
        }
    }
    rows.truncate(EXPORTED);
    Ok(Table {
        name: pick("督办台账", "supervision"),
        columns: heads
            .into_iter()
            .map(|(zh, en, width)| Column {
                title: pick(zh, en),
                width,
                ..Column::default()
            })
            .collect(),
        rows,
    })
}

fn table_row(stored: &StoredCase, zh: bool) -> Vec<String> {
    let case = &stored.case;
    let view = SupervisionCase::from(stored);
    let pick = |zh_text: &str, en: &str| if zh { zh_text } else { en }.to_owned();
    let notice = |notice: &Option<Notice>| {
        let notice = notice.as_ref();
        notice.map_or_else(String::new, |one| format!("{} {}", Time(one.on), one.place))
    };
    vec![
        view.number,
        pick(case.order.kind.title_zh(), case.order.kind.title_en()),
        pick(&view.level.zh, &view.level.en),
        pick(case.status.title_zh(), case.status.title_en()),
        view.title,
        view.issuer,
        view.issued_at.to_string(),
        view.deadline.map(|at| at.to_string()).unwrap_or_default(),
        if view.overdue {
            pick("是", "yes")
        } else {
            String::new()
        },
        view.area,
        view.unit.unwrap_or_default(),
        view.equipment.unwrap_or_default(),
        view.hazards.join(" "),
        notice(&case.published),
        view.follow_ups.to_string(),
        view.extensions.to_string(),
        case.acceptance
            .as_ref()
            .map(|report| format!("{} {}", Time(report.on), report.inspectors))
            .unwrap_or_default(),
        case.ended
            .as_ref()
            .map(|ended| format!("{} {}", Time(ended.at), ended.text))
            .unwrap_or_default(),
    ]
}
