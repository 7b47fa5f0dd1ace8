//! The register compared with the simulator's ground truth.

use super::stage::Stage;
use crate::config::Language;
use crate::store::{HazardCursor, HazardFilter};
use anyhow::Context as _;
use std::fmt::Write as _;
use vigil_core::hazard::HazardSummary;
use vigil_simulator::run::RunReport;
use vigil_simulator::truth::{self, Claim, Must, Opened, Row, Truth};

/// What was found, and whether it is what had to be found.
pub(super) struct Verdict {
    title: String,
    hazards: Vec<HazardSummary>,
    compared: truth::Verdict,
    /// What the nodes did, when the story is over.
    report: Option<RunReport>,
    /// The gateway had committed everything when it was asked.
    quiet: bool,
}

impl Verdict {
    /// Asks the register as the API does.
    pub(super) async fn of(
        stage: &Stage,
        title: &str,
        truth: &Truth,
        report: Option<RunReport>,
        quiet: bool,
    ) -> anyhow::Result<Self> {
        let mut hazards: Vec<HazardSummary> = Vec::new();
        loop {
            let after = hazards.last().map(HazardCursor::behind);
            let filter = HazardFilter {
                after,
                limit: 1_000,
                ..HazardFilter::default()
            };
            let page = stage
                .running
                .app
                .store
                .hazards(&filter)
                .await
                .context("reading the register")?;
            let last = page.len() < 1_000;
            hazards.extend(page);
            if last {
                break;
            }
        }
        hazards.reverse();
        let opened: Vec<Opened> = hazards.iter().map(opened).collect();
        Ok(Self {
            title: title.to_owned(),
            compared: truth.compare(&opened),
            hazards,
            report,
            quiet,
        })
    }

    pub(super) fn ok(&self) -> bool {
        self.compared.ok() && self.quiet && self.report.as_ref().is_none_or(|report| report.settled)
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "ok": self.ok(),
            "story": self.title,
            "rows": self.compared.rows,
            "unclaimed": self.compared.unclaimed,
            "hazards": self.hazards,
            "quiet": self.quiet,
            "nodes": self.report,
        })
    }

    /// One line per claim, with the verdict first.
    pub(super) fn table(&self, stage: &Stage) -> String {
        let zh = stage.language == Language::Zh;
        let mut text = String::new();
        let mut line = |line: String| {
            // Writing to a string cannot fail.
            writeln!(text, "{}", line.trim_end()).unwrap_or(());
        };
        line(String::new());
        line(if zh {
            "隐患登记簿与仿真真值对照".into()
        } else {
            "The register and the simulator's ground truth".into()
        });
        line(format!(
            "{:<6}{:<10}{:<28}{:<16}{:<16}",
            "", "", "", "expected", "found"
        ));
        for row in &self.compared.rows {
            line(self.row(row));
        }
        for extra in &self.compared.unclaimed {
            line(format!(
                "{:<6}{:<10}{:<28}{:<16}{}",
                "FAIL", extra.equipment, extra.rule, "none", "1: nobody claimed it"
            ));
        }
        let expected: u32 = self.compared.rows.iter().map(expected).sum();
        let wrong = self.compared.rows.iter().filter(|row| !row.ok).count() + self.compared.unclaimed.len();
        line(String::new());
        line(if zh {
            format!(
                "应开 {expected} 条，实开 {} 条，不符 {wrong} 处",
                self.hazards.len()
            )
        } else {
            format!(
                "{expected} expected, {} opened, {wrong} wrong",
                self.hazards.len()
            )
        });
        if let Some(report) = &self.report {
            let sum = |get: fn(&vigil_simulator::node::NodeReport) -> u64| {
                report.nodes.iter().map(get).sum::<u64>()
            };
            let (data, acked, resent, dropped) = (
                sum(|n| n.data),
                sum(|n| n.acked),
                sum(|n| n.resent),
                sum(|n| n.dropped),
            );
            let (simulated, elapsed) = (report.simulated_ms / 1_000, report.elapsed_ms as f64 / 1_000.0);
            line(if zh {
                format!(
                    "模拟 {simulated} 秒，用时 {elapsed:.1} 秒；消息 {data}，已确认 {acked}，重发 {resent}，丢弃 {dropped}"
                )
            } else {
                format!(
                    "{simulated} s simulated in {elapsed:.1} s; {data} messages, {acked} acknowledged, {resent} sent again, {dropped} dropped"
                )
            });
            if !report.settled {
                line(if zh {
                    "FAIL 节点仍有未确认的消息".into()
                } else {
                    "FAIL nodes still hold what was not acknowledged".into()
                });
            }
            for node in &report.nodes {
                for problem in &node.problems {
                    line(format!("     {}: {problem}", node.node));
                }
            }
        }
        if !self.quiet {
            line(if zh {
                "FAIL 网关没有安静下来".into()
            } else {
                "FAIL the gateway did not become quiet".into()
            });
        }
        line(match (self.ok(), zh) {
            (true, true) => "结论：一致".into(),
            (true, false) => "verdict: equal".into(),
            (false, true) => "结论：不一致".into(),
            (false, false) => "verdict: NOT equal".into(),
        });
        text
    }

    fn row(&self, row: &Row) -> String {
        let mark = if row.ok { "ok" } else { "FAIL" };
        let (equipment, rule, expected, why) = match &row.claim {
            Claim::Must(must) => (&must.equipment, &must.rule, wanted(must), &must.why),
            Claim::MustNot(pattern) => (&pattern.equipment, &pattern.rule, "none".to_owned(), &pattern.why),
        };
        let found = match &row.claim {
            Claim::Must(must) => found(&self.hazards, must),
            Claim::MustNot(_) if row.ok => "none".to_owned(),
            Claim::MustNot(_) => row.found.clone(),
        };
        let fault = if row.ok {
            String::new()
        } else {
            format!(" — {}", row.found)
        };
        format!("{mark:<6}{equipment:<10}{rule:<28}{expected:<16}{found:<16}{why}{fault}")
    }
}

fn opened(hazard: &HazardSummary) -> Opened {
    Opened {
        equipment: hazard.equipment.to_string(),
        rule: hazard.rule.to_string(),
        late: hazard.late,
        severity: Some(format!("{:?}", hazard.severity)),
    }
}

fn expected(row: &Row) -> u32 {
    match &row.claim {
        Claim::Must(must) => must.count,
        Claim::MustNot(_) => 0,
    }
}

fn wanted(must: &Must) -> String {
    let late = match must.late {
        Some(true) => " late",
        Some(false) => " live",
        None => "",
    };
    format!("{} {}{late}", must.count, must.severity.as_deref().unwrap_or(""))
        .trim_end()
        .to_owned()
}

fn found(hazards: &[HazardSummary], must: &Must) -> String {
    let all: Vec<&HazardSummary> = hazards
        .iter()
        .filter(|h| *h.equipment == *must.equipment && *h.rule == *must.rule)
        .collect();
    match all.first() {
        None => "0".to_owned(),
        Some(first) => {
            let late = if first.late { "late" } else { "live" };
            format!("{} {:?} {late}", all.len(), first.severity)
        }
    }
}
