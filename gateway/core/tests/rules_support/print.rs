//! Outputs in one short, stable line each. Times are seconds since the start.
//!
//! ```text
//! 45 hazard boiler-1 BLR-FLAME opened S2 general episode 45 tripped 45 [flame_failure_alarm true@45]
//! 45 alarm boiler-1 BLR-FLAME B S2 since 45: flame_failure_alarm true
//! 90 gap boiler-1 offline 45..90
//! ```

use super::START;
use vigil_core::UtcMillis;
use vigil_core::hazard::{Actor, EvidenceReading, HazardEventKind};
use vigil_core::output::{CommandKind, Output};
use vigil_core::pack::Grade;
use vigil_core::sample::Reading;

/// The line, or nothing for what every message causes.
pub(crate) fn line(output: &Output, now: UtcMillis) -> Option<String> {
    let text = match output {
        Output::AlarmEvent(event) => {
            let detail = event.detail.split(';').next().unwrap_or("").trim();
            let by = event
                .actor
                .as_ref()
                .map(|actor| format!(" by {actor}"))
                .unwrap_or_default();
            format!(
                "alarm {} {} {} {:?} at {}{by}: {detail}",
                event.equipment,
                event.rule,
                event.state.letter(),
                event.severity,
                seconds(event.source_at),
            )
        }
        Output::Hazard { event, summary } => {
            let what = match &event.kind {
                HazardEventKind::Opened {
                    episode,
                    tripped_at,
                    late,
                    severity,
                    grade,
                    evidence,
                    ..
                } => format!(
                    "opened{} {severity:?} {} episode {} tripped {} {}",
                    if *late { " late" } else { "" },
                    if *grade == Grade::Major {
                        "major"
                    } else {
                        "general"
                    },
                    seconds(*episode),
                    seconds(*tripped_at),
                    readings(evidence),
                ),
                HazardEventKind::Recurred {
                    tripped_at,
                    late,
                    severity,
                    evidence,
                } => format!(
                    "recurred{} {severity:?} tripped {} {}",
                    if *late { " late" } else { "" },
                    seconds(*tripped_at),
                    readings(evidence),
                ),
                HazardEventKind::Returned { at, .. } => format!("returned {}", seconds(*at)),
                HazardEventKind::Confirmed { text } => {
                    format!("confirmed by {}: {text}", actor(&event.actor))
                }
                HazardEventKind::Rejected { text } => format!("rejected by {}: {text}", actor(&event.actor)),
                HazardEventKind::Commented { text } => format!("comment by {}: {text}", actor(&event.actor)),
                kind => format!("{} by {}{}", kind.key(), actor(&event.actor), details(kind)),
            };
            format!("hazard {} {} {what}", summary.equipment, summary.rule)
        }
        Output::Gap(gap) => {
            let quantity = gap
                .quantity
                .map(|quantity| format!(" {}", quantity.key()))
                .unwrap_or_default();
            let filled = gap
                .filled_to
                .map(|to| format!(" filled {}", seconds(to)))
                .unwrap_or_default();
            let reason = format!("{:?}", gap.reason).to_lowercase();
            let to = gap.to.map(seconds).unwrap_or_default();
            format!(
                "gap {}{quantity} {reason} {}..{to}{filled}",
                gap.equipment,
                seconds(gap.from)
            )
        }
        Output::Refused(refusal) => format!("refused {}", refusal.code),
        Output::DeadLetter(letter) => format!("dead letter {}", letter.reason),
        Output::Duplicate { node } => format!("duplicate {node}"),
        Output::Command(command) => match command.kind {
            CommandKind::Rebirth => format!("rebirth asked of {}/{}", command.group, command.node),
            CommandKind::JournalResend { from, to, .. } => {
                format!("resend asked of {}/{}: {from}..{to}", command.group, command.node)
            }
            CommandKind::Time => format!("time told to {}/{}", command.group, command.node),
            CommandKind::JournalAck { .. } => return None,
        },
        _ => return None,
    };
    // What is due is done at its own time, even if nobody asked until later.
    let at = match output {
        Output::AlarmEvent(event) => event.at,
        Output::Hazard { event, .. } => event.at,
        _ => now,
    };
    Some(format!("{} {text}", seconds(at)))
}

/// What is worth a look besides what it is and who did it.
fn details(kind: &HazardEventKind) -> String {
    use HazardEventKind as K;
    match kind {
        K::Assigned { assignment, .. } => format!(
            ": {} {} by {}",
            assignment.unit.as_deref().unwrap_or("-"),
            assignment.person,
            assignment.deadline.map(seconds).unwrap_or_default()
        ),
        K::Reminded { about, days_left, .. } => format!(": {about:?}, {days_left} days left"),
        K::Escalated { level, days } => format!(": level {level}, {days} days late"),
        K::Repeated { repeat, severity } => format!(": time {}, {severity:?}", repeat.count + 1),
        K::Relapsed { tripped_at, .. } => format!(": tripped {}", seconds(*tripped_at)),
        K::LookBackDue { round, relapses } => format!(": round {round}, {relapses} relapses"),
        K::LookedBack {
            round,
            passed,
            finding,
            successor,
            ..
        } => format!(
            ": round {round} {}, {} relapses{}",
            if *passed { "passed" } else { "failed" },
            finding.map_or(0, |finding| finding.relapses),
            if successor.is_some() {
                ", another goes on"
            } else {
                ""
            }
        ),
        K::ExtensionRequested { until, .. } | K::ExtensionGranted { until, .. } => {
            format!(": until {}", seconds(*until))
        }
        K::GradeChanged { from, to, .. } => format!(": {from:?} to {to:?}"),
        K::Reported { report } => format!(
            ": {:?} {:?} {}",
            report.source, report.severity, report.description
        ),
        kind => kind.text().map(|text| format!(": {text}")).unwrap_or_default(),
    }
}

fn actor(actor: &Actor) -> &str {
    match actor {
        Actor::Machine => "machine",
        Actor::Person(name) => name,
    }
}

fn readings(evidence: &[EvidenceReading]) -> String {
    let written = evidence.iter().map(|reading| {
        let value = match reading.reading {
            Reading::Number(number) => format!("{}", (number * 1e4).round() / 1e4),
            Reading::Bool(on) => on.to_string(),
            Reading::Code { key, raw } => {
                format!("{}({})", raw.as_str(), key.map_or("unknown", |key| key.key()))
            }
            Reading::NoData(reason) => format!("no-data({})", reason.key()),
        };
        let quality = if reading.quality.is_good() || matches!(reading.reading, Reading::NoData(_)) {
            String::new()
        } else {
            format!("!{}", reading.quality.key())
        };
        format!(
            "{} {value}{quality}@{}",
            reading.quantity.key(),
            seconds(reading.at)
        )
    });
    format!("[{}]", written.collect::<Vec<_>>().join(", "))
}

pub(crate) fn seconds(at: UtcMillis) -> String {
    format!("{}", (at.0 - START.0) as f64 / 1000.0)
}
