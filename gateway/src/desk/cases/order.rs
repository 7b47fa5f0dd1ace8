//! From what somebody typed to what is issued: what it is about, and whose that is.

use super::write::{Issue, done_before, issue};
use super::{CasesError, StoredCase, case, settle};
use crate::app::App;
use crate::desk::register::{RegisterError, scope_of, unit};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::HazardId;
use vigil_core::hazard::workflow::{StepKind, may};
use vigil_core::output::Refusal;
use vigil_core::people::{Person, Scope};
use vigil_core::supervision::{CaseKind, Order, Subject};
use vigil_protocol::time::UtcMillis;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Listed, interview or circular.
    pub kind: CaseKind,
    /// Key of a level.
    pub level: String,
    /// Name of the authority.
    pub issuer: String,
    /// What it is called.
    pub title: String,
    /// Why.
    pub grounds: String,
    /// What must be done.
    pub demands: String,
    /// Ids of hazards.
    pub hazards: Vec<String>,
    /// Equipment id; empty: none in particular.
    pub equipment: String,
    /// Code of a unit; empty: whose the rest is.
    pub unit: String,
    /// Area code, for a circular about nothing else.
    pub area: String,
    /// By when it must be done.
    pub deadline: Option<UtcMillis>,
    /// When an interview is to be held.
    pub meet_at: Option<UtcMillis>,
}

fn unknown(what: &'static str, what_zh: &str, id: &str) -> CasesError {
    let code = if what == "hazard" {
        "unknown_hazard"
    } else {
        "unknown_subject"
    };
    Refusal::new(
        code,
        format!("there is no {what} {id:?}"),
        format!("没有这个{what_zh}：{id}"),
    )
    .into()
}

fn registered(error: RegisterError) -> CasesError {
    match error {
        RegisterError::Store(error) => error.into(),
        other => Refusal::new("unknown_subject", other.to_string(), "没有这个单位或设备").into(),
    }
}

/// Issues a case, and tells the loops of the hazards it lists.
///
/// # Errors
/// What it is about is not there or not in scope; the rules do not allow it; the database.
pub async fn open(
    app: &App,
    person: &Person,
    draft: &Draft,
    key: Option<&str>,
) -> Result<StoredCase, CasesError> {
    let now = app.clock.now();
    let hash = ContentHash::of(format!("{}{draft:?}", person.login).as_bytes()).to_string();
    let key = key.map(|key| (key, hash.as_str()));
    if let Some(done) = done_before(&app.desk, key).await? {
        return Ok(done);
    }
    let (subject, scope) = subject(app, person, draft, now).await?;
    let order = Order {
        kind: draft.kind,
        level: draft.level.as_str().into(),
        issuer: draft.issuer.clone(),
        title: draft.title.clone(),
        grounds: draft.grounds.clone(),
        demands: draft.demands.clone(),
        subject,
        scope,
        deadline: draft.deadline,
        meet_at: draft.meet_at,
    };
    let rules = app.rules.now();
    let asked = Issue {
        person,
        order: &order,
        key,
        now,
        policy: &rules.supervision,
    };
    let stored = issue(&app.desk, &asked).await?;
    settle(app, stored.id).await?;
    case(&app.desk, person, stored.id).await
}

async fn subject(
    app: &App,
    person: &Person,
    draft: &Draft,
    now: UtcMillis,
) -> Result<(Subject, Scope), CasesError> {
    let mut subject = Subject::default();
    let mut scope: Option<Scope> = None;
    for id in &draft.hazards {
        let found = app.store.hazard(id).await?;
        let found = found.filter(|hazard| app.sees_hazard(&person.sight(), hazard));
        let hazard = found.ok_or_else(|| unknown("hazard", "隐患", id))?;
        let of = app.scope_of_hazard(&hazard);
        if draft.kind == CaseKind::Listed {
            // What its loop would refuse is not begun.
            may(&hazard, person, &of, now, &app.engine.policy(), StepKind::List)?;
        }
        scope = Some(match scope {
            None => of,
            Some(known) => common(known, &of)?,
        });
        subject.hazards.push(HazardId(id.as_str().into()));
        if draft.hazards.len() == 1 && !hazard.equipment.starts_with("unit:") {
            subject.equipment = Some(hazard.equipment.clone());
        }
    }
    if !draft.equipment.is_empty() {
        let id = &draft.equipment;
        let known = app.catalog.by_id.contains_key(id.as_str())
            || scope_of(&app.desk, id).await.map_err(registered)?.is_some();
        if !known || !app.sees(&person.sight(), id) {
            return Err(unknown("equipment", "设备", id));
        }
        let of = app.scope_of(id);
        scope = Some(match scope {
            None => of,
            Some(known) => common(known, &of)?,
        });
        subject.equipment = Some(id.as_str().into());
    }
    if !draft.unit.is_empty() {
        let code = &draft.unit;
        let found = unit(&app.desk, code).await.map_err(registered)?;
        let own = Some(code.as_str().into());
        match &scope {
            Some(scope) => {
                let parties = [&scope.use_unit, &scope.maintenance_unit, &scope.inspection_body];
                if !parties.contains(&&own) {
                    return Err(Refusal::new(
                        "unit_not_in_scope",
                        format!("unit {code} neither uses, maintains nor inspects it"),
                        format!("单位 {code} 与所选隐患或设备无关"),
                    )
                    .into());
                }
            }
            None => {
                let area = found.ok_or_else(|| unknown("unit", "单位", code))?.facts.area;
                scope = Some(Scope {
                    use_unit: own.clone(),
                    maintenance_unit: own.clone(),
                    inspection_body: own.clone(),
                    area: area.into(),
                });
            }
        }
        subject.unit = own;
    }
    let scope = scope.unwrap_or_else(|| Scope {
        area: draft.area.trim().into(),
        ..Scope::default()
    });
    if subject.unit.is_none() {
        subject.unit.clone_from(&scope.use_unit);
    }
    Ok((subject, scope))
}

/// One case is about one unit: others would read of each other.
fn common(known: Scope, other: &Scope) -> Result<Scope, CasesError> {
    if known.use_unit != other.use_unit || known.area != other.area {
        return Err(Refusal::new(
            "several_units",
            "a case is about one unit in one place: issue one for each",
            "一项督办只针对一个单位：不同单位的隐患请分别下达",
        )
        .into());
    }
    let same = |a: Option<_>, b: &Option<_>| a.filter(|a| Some(a) == b.as_ref());
    Ok(Scope {
        maintenance_unit: same(known.maintenance_unit, &other.maintenance_unit),
        inspection_body: same(known.inspection_body, &other.inspection_body),
        ..known
    })
}
