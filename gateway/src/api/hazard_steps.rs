//! What a client sends to report a hazard or to take a step.

use super::problem::ApiError;
use crate::app::{App, attachments};
use crate::view::Time;
use crate::view::words::{GradeWords, HazardSourceWords, SeverityWords, StepWords};
use axum::http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::workflow::{Intake, OnTheSpot, Step, StepKind};
use vigil_core::hazard::{Assignment, Attachment, HazardSource};
use vigil_core::pack::{Grade, Severity};

/// Files named in one request.
const MOST_FILES: usize = 50;

/// A step of the closed loop. Which fields it takes besides `reason` depends on `action`; others are refused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HazardAction {
    /// What is done.
    #[schema(value_type = StepWords)]
    action: Option<StepKind>,
    /// Why, or what, in the person's words: required where `text_required` says so.
    #[serde(default)]
    reason: String,
    /// Files that show it, uploaded before: `attach`, `self_check`, `accept`, `refuse_acceptance`, `fix_on_spot`,
    /// `look_back`.
    attachments: Option<Vec<FileRef>>,
    /// `assign`: who, by when, with what.
    assignment: Option<AssignmentBody>,
    /// `progress`: 0 to 100.
    #[schema(maximum = 100)]
    percent: Option<u8>,
    /// `request_extension`, `grant_extension` (what was asked for, if it is missing): the new deadline.
    until: Option<Time>,
    /// `change_grade`: to which.
    #[schema(value_type = Option<GradeWords>)]
    grade: Option<Grade>,
    /// `list`: number of the supervision case.
    case: Option<String>,
    /// `list`: deadline of the case.
    deadline: Option<Time>,
    /// `fix_on_spot`: who rectified it; not who sends this.
    rectifier: Option<String>,
    /// `strike_off`: number in the log of strike-offs; one is made if it is missing.
    number: Option<String>,
    /// `strike_off`: rules and standards made because of it (制度成果), for the list of results.
    #[schema(max_length = 2000)]
    rules_made: Option<String>,
    /// `look_back`: it is still rectified.
    passed: Option<bool>,
}

/// A file that was uploaded before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRef {
    /// SHA-256 of its bytes, hex.
    #[schema(min_length = 64, max_length = 64)]
    sha256: String,
    /// Name, if another than it was uploaded under.
    name: Option<String>,
}

/// Who rectifies by when, and with what. A major hazard needs all five in place (五落实): `person`, `measures`, `funds`,
/// `deadline`, `emergency_plan`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentBody {
    /// Code of the unit made responsible: who uses or maintains the equipment.
    unit: Option<String>,
    /// 责任人.
    person: String,
    /// 责任领导.
    #[serde(default)]
    leader: String,
    /// 整改时限; the usual period if it is missing.
    deadline: Option<Time>,
    /// 整改措施.
    #[serde(default)]
    measures: String,
    /// 资金.
    #[serde(default)]
    funds: String,
    /// 应急预案.
    #[serde(default)]
    emergency_plan: String,
}

/// A hazard found without telemetry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HazardReport {
    /// Equipment id; or …
    pub(super) equipment: Option<String>,
    /// … code of the unit, if it is no equipment's.
    pub(super) unit: Option<String>,
    /// How it was found; not `telemetry` or `look_back`.
    #[schema(value_type = HazardSourceWords)]
    source: HazardSource,
    /// What it is about: key of a category.
    category: String,
    /// Title, Chinese; that of the category if it is missing.
    #[serde(default)]
    title_zh: String,
    /// Title, English; likewise.
    #[serde(default)]
    title_en: String,
    /// What was found.
    #[schema(min_length = 1, max_length = 2000)]
    description: String,
    /// General, or suspected major.
    #[schema(value_type = GradeWords)]
    grade: Grade,
    /// Seriousness; S1 for a major one and S3 for a general one if it is missing.
    #[schema(value_type = Option<SeverityWords>)]
    severity: Option<Severity>,
    /// Ground, such as a clause.
    #[serde(default)]
    clause: String,
    /// When it was found; now, if it is missing.
    found_at: Option<Time>,
    /// Who found or reported it; missing: anonymous.
    reporter: Option<String>,
    /// Files that show it, uploaded before.
    #[serde(default)]
    attachments: Vec<FileRef>,
    /// 立查立改: it was rectified where it was found. General hazards only.
    fixed: Option<FixedBody>,
}

/// Rectified where it was found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedBody {
    /// Who rectified it; not who sends this.
    rectifier: String,
    /// What was done.
    text: String,
    /// Files that show it.
    attachments: Vec<FileRef>,
}

fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn time(time: Option<Time>) -> Option<vigil_protocol::time::UtcMillis> {
    time.map(|time| time.0)
}

/// The files that are meant, if they are here.
pub(super) async fn files(app: &App, refs: &[FileRef]) -> Result<Vec<Attachment>, ApiError> {
    if refs.len() > MOST_FILES {
        return Err(bad(format!("attachments: at most {MOST_FILES}")));
    }
    let mut files = Vec::with_capacity(refs.len());
    for file in refs {
        let hash = ContentHash::from_hex(&file.sha256)
            .ok_or_else(|| bad("attachments: `sha256` is 64 lower-case hex digits"))?;
        let mut known = attachments::find(&app.desk, &hash).await?.ok_or_else(|| {
            bad(format!(
                "attachments: there is no file {}; upload it first: POST /api/v1/attachments",
                file.sha256
            ))
        })?;
        if let Some(name) = &file.name {
            known.name.clone_from(name);
        }
        files.push(known);
    }
    Ok(files)
}

impl HazardAction {
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The step, with the files it names.
    pub(super) async fn step(mut self, app: &App) -> Result<Step, ApiError> {
        let kind = self.action.ok_or_else(|| bad("missing field `action`"))?;
        let refs = self.attachments.take();
        let attachments = files(app, refs.as_deref().unwrap_or_default()).await?;
        let missing = |field: &str| bad(format!("`{}` needs the field `{field}`", kind.key()));
        let step = match kind {
            StepKind::Confirm => Step::Confirm,
            StepKind::Reject => Step::Reject,
            StepKind::Comment => Step::Comment,
            StepKind::Attach => Step::Attach { attachments },
            StepKind::Assign => {
                let assignment = self.assignment.take().ok_or_else(|| missing("assignment"))?;
                Step::Assign {
                    assignment: assignment.into(),
                }
            }
            StepKind::Interim => Step::Interim,
            StepKind::Start => Step::Start,
            StepKind::Progress => Step::Progress {
                percent: self.percent.take().ok_or_else(|| missing("percent"))?,
            },
            StepKind::SelfCheck => Step::SelfCheck { attachments },
            StepKind::RequestAcceptance => Step::RequestAcceptance,
            StepKind::Accept => Step::Accept { attachments },
            StepKind::RefuseAcceptance => Step::RefuseAcceptance { attachments },
            StepKind::RequestExtension => Step::RequestExtension {
                until: self.until.take().ok_or_else(|| missing("until"))?.0,
            },
            StepKind::GrantExtension => Step::GrantExtension {
                until: time(self.until.take()),
            },
            StepKind::RefuseExtension => Step::RefuseExtension,
            StepKind::RecommendOutOfUse => Step::RecommendOutOfUse,
            StepKind::ChangeGrade => Step::ChangeGrade {
                grade: self.grade.take().ok_or_else(|| missing("grade"))?,
            },
            StepKind::List => Step::List {
                case: self.case.take().ok_or_else(|| missing("case"))?,
                deadline: time(self.deadline.take()),
            },
            StepKind::Delist => Step::Delist,
            StepKind::FixOnSpot => Step::FixOnSpot {
                rectifier: self.rectifier.take().ok_or_else(|| missing("rectifier"))?,
                attachments,
            },
            StepKind::StrikeOff => Step::StrikeOff {
                number: self.number.take().unwrap_or_default(),
                rules_made: self.rules_made.take().unwrap_or_default(),
            },
            StepKind::LookBack => Step::LookBack {
                passed: self.passed.take().ok_or_else(|| missing("passed"))?,
                attachments,
            },
            StepKind::Close => Step::Close,
        };
        let takes_files = matches!(
            kind,
            StepKind::Attach
                | StepKind::SelfCheck
                | StepKind::Accept
                | StepKind::RefuseAcceptance
                | StepKind::FixOnSpot
                | StepKind::LookBack
        );
        self.nothing_left(kind, refs.is_some() && !takes_files)?;
        Ok(step)
    }

    /// What a step does not take is a mistake, not something to pass over.
    fn nothing_left(&self, kind: StepKind, files: bool) -> Result<(), ApiError> {
        let left = [
            ("attachments", files),
            ("assignment", self.assignment.is_some()),
            ("percent", self.percent.is_some()),
            ("until", self.until.is_some()),
            ("grade", self.grade.is_some()),
            ("case", self.case.is_some()),
            ("deadline", self.deadline.is_some()),
            ("rectifier", self.rectifier.is_some()),
            ("number", self.number.is_some()),
            ("rules_made", self.rules_made.is_some()),
            ("passed", self.passed.is_some()),
        ];
        match left.into_iter().find(|(_, left)| *left) {
            None => Ok(()),
            Some((field, _)) => Err(bad(format!("`{}` takes no field `{field}`", kind.key()))),
        }
    }
}

impl From<AssignmentBody> for Assignment {
    fn from(body: AssignmentBody) -> Self {
        Self {
            unit: body.unit.map(Into::into),
            person: body.person,
            leader: body.leader,
            deadline: time(body.deadline),
            measures: body.measures,
            funds: body.funds,
            emergency_plan: body.emergency_plan,
        }
    }
}

impl HazardReport {
    /// What the core is asked, with the files that are named.
    pub(super) async fn intake(self, app: &App) -> Result<Intake, ApiError> {
        let attachments = files(app, &self.attachments).await?;
        let fixed = match self.fixed {
            None => None,
            Some(fixed) => Some(OnTheSpot {
                rectifier: fixed.rectifier,
                text: fixed.text,
                attachments: files(app, &fixed.attachments).await?,
            }),
        };
        Ok(Intake {
            equipment: self.equipment.map(Arc::from),
            unit: self.unit.map(Arc::from),
            rule: None,
            since: None,
            source: self.source,
            category: self.category.into(),
            title_zh: self.title_zh,
            title_en: self.title_en,
            description: self.description,
            grade: self.grade,
            severity: self.severity,
            clause: self.clause,
            found_at: time(self.found_at),
            reporter: self.reporter,
            attachments,
            fixed,
            by_machine: false,
            repeat: None,
            round: 0,
        })
    }
}
