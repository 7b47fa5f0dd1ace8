//! What the register forbids and the equipment did nevertheless becomes a hazard: once for each episode.

use crate::app::{ActError, App};
use crate::desk::watch::HazardOpener;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::pin::Pin;
use vigil_core::hazard::workflow::Intake;
use vigil_core::hazard::{HazardId, HazardSource};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::people::Person;
use vigil_core::register::StateFinding;
use vigil_protocol::time::UtcMillis;

/// In whose name the register is compared with telemetry; the event itself is the machine's.
const ACTOR: &str = "vigil";

/// Asks the engine to open them.
#[derive(Clone, Debug)]
pub struct RegisterHazards(pub App);

impl HazardOpener for RegisterHazards {
    fn open<'o>(
        &'o self,
        equipment: &'o str,
        finding: &'o StateFinding,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'o>> {
        Box::pin(self.ask(equipment, finding))
    }
}

impl RegisterHazards {
    async fn ask(&self, equipment: &str, finding: &StateFinding) -> Option<String> {
        let app = &self.0;
        let intake = self.intake(equipment, finding);
        // Opened before, and the answer was lost: whatever has become of it, it is this one.
        if let Some(id) = HazardId::of_intake(&intake, app.clock.now()) {
            match app.store.hazard(&id.0).await {
                Ok(None) => {}
                Ok(Some(known)) => return Some(known.id.0.to_string()),
                Err(error) => {
                    tracing::error!(%error, equipment, "register: it is not known whether a hazard was opened");
                    return None;
                }
            }
        }
        let action = OperatorAction {
            actor: ACTOR.to_owned(),
            reason: String::new(),
            idempotency_key: None,
            who: Some(Person::administrator(ACTOR)),
            scope: Some(app.scope_of(equipment)),
            action: Action::OpenHazard {
                intake: Box::new(intake),
            },
        };
        let opened = match app.engine.act(action).await {
            Ok(acted) => acted.hazard.map(|hazard| hazard.id),
            // One of the same rule is open: this condition is dealt with there.
            Err(ActError::Refused(refusal)) if refusal.code == "already_open" => refusal.hazard,
            Err(error) => {
                tracing::error!(%error, equipment, rule = finding.condition.rule(), "register: no hazard was opened; it is tried again");
                None
            }
        };
        opened.map(|id| id.0.to_string())
    }

    fn intake(&self, equipment: &str, finding: &StateFinding) -> Intake {
        let (condition, app) = (finding.condition, &self.0);
        let (zh, en) = condition.titles();
        Intake {
            equipment: Some(equipment.into()),
            unit: None,
            rule: Some(condition.rule().into()),
            since: Some(begin_of(finding.since, &app.config.web.timezone)),
            source: HazardSource::Register,
            category: app.engine.policy().category_of(condition.rule()).into(),
            title_zh: zh.to_owned(),
            title_en: en.to_owned(),
            // The hours run are the evidence, in both languages: who reads it later may read either.
            description: format!("{}\n{}", finding.what.zh, finding.what.en),
            grade: condition.grade(),
            severity: Some(condition.severity()),
            clause: condition.clause().to_owned(),
            found_at: None,
            reporter: None,
            attachments: Vec::new(),
            fixed: None,
            by_machine: true,
            repeat: None,
            round: 0,
        }
    }
}

/// The first instant of a day where the gateway stands.
fn begin_of(day: Date, timezone: &str) -> UtcMillis {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let begin = day
        .to_zoned_datetime(zone)
        .map(|at| at.timestamp().as_millisecond());
    UtcMillis(begin.unwrap_or_default())
}
