//! Records as a table people take with them.

use crate::app::App;
use crate::desk::duty::{DutyError, DutyFilter, DutyRow, list};
use crate::desk::today;
use crate::sheet::{Column, Table};
use std::sync::Arc;
use vigil_core::duty::{DutyKind, DutyPolicy, Verdict, conclude};
use vigil_core::lists::Tongue;
use vigil_core::people::Person;

/// Rows of a table at most.
pub const MOST: usize = 10_000;
const PAGE: u32 = 1_000;

/// Name of a verdict.
#[must_use]
pub const fn verdict(tongue: Tongue, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Found => tongue.pick("发现问题", "something found"),
        Verdict::NoData => tongue.pick("数据不完整", "data not complete"),
        Verdict::ZeroRisk => tongue.pick("零风险", "zero risk"),
    }
}

/// Name of one of the three.
#[must_use]
pub fn kind(policy: &DutyPolicy, tongue: Tongue, kind: DutyKind) -> &str {
    policy.get(kind).map_or("", |one| tongue.pick(&one.zh, &one.en))
}

/// Records of a filter, at most [`MOST`].
///
/// # Errors
/// The database cannot be read.
pub async fn table(
    app: &App,
    person: &Person,
    mut filter: DutyFilter,
    tongue: Tongue,
) -> Result<Table, DutyError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let policy = Arc::clone(&app.rules.now().duty);
    filter.limit = PAGE;
    let mut rows = Vec::new();
    while rows.len() < MOST {
        let page = list(&app.desk, person, &filter, today).await?;
        rows.extend(page.rows.iter().map(|row| cells(&policy, row, tongue)));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    rows.truncate(MOST);
    let column = |(zh, en, width): (&str, &str, u16)| Column {
        title: tongue.pick(zh, en).to_owned(),
        width,
        ..Column::default()
    };
    let columns = [
        ("编号", "No.", 8),
        ("类型", "Kind", 10),
        ("单位", "Unit", 24),
        ("区划代码", "Area code", 9),
        ("开始", "From", 11),
        ("结束", "To", 11),
        ("签署期限", "To be signed by", 11),
        ("版本", "Version", 6),
        ("结论", "Verdict", 12),
        ("在用设备", "Machines", 8),
        ("发现问题的设备", "With findings", 8),
        ("数据不完整的设备", "Without data", 8),
        ("报警", "Alarms", 8),
        ("新增隐患", "Hazards opened", 8),
        ("未闭环隐患", "Hazards open", 8),
        ("签署人", "Signed by", 12),
        ("签署内容哈希", "Hash signed", 30),
    ];
    Ok(Table {
        name: tongue.pick("日管控周排查月调度", "duty records").to_owned(),
        columns: columns.into_iter().map(column).collect(),
        rows,
    })
}

fn cells(policy: &DutyPolicy, row: &DutyRow, tongue: Tongue) -> Vec<String> {
    let findings = if row.has_findings { "x" } else { "" };
    vec![
        row.n.to_string(),
        kind(policy, tongue, row.kind).to_owned(),
        row.unit_name.clone(),
        row.area.clone(),
        row.from.to_string(),
        row.to.to_string(),
        row.due.to_string(),
        row.version.to_string(),
        verdict(tongue, conclude(row.verdict, findings)).to_owned(),
        row.machines.0.to_string(),
        row.machines.1.to_string(),
        row.machines.2.to_string(),
        row.counts.0.to_string(),
        row.counts.1.to_string(),
        row.counts.2.to_string(),
        row.signed_name.clone().unwrap_or_default(),
        row.hash.clone().unwrap_or_default(),
    ]
}
