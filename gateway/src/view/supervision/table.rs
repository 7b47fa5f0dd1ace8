//! The cases of a list as a table.

use super::SupervisionCase;
use crate::app::App;
use crate::desk::cases::{self, CaseFilter, CasesError, StoredCase};
use crate::sheet::{Column, Table};
use crate::view::time::Time;
use vigil_core::output::Refusal;
use vigil_core::people::Person;
use vigil_core::supervision::Notice;
use vigil_core::supervision::policy::SupervisionPolicy;

/// Cases in one exported table, which is made in memory.
const EXPORTED: usize = 20_000;

/// The cases of a list as a table: all of them, or none.
///
/// # Errors
/// There are too many; the database cannot be read.
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
    let rules = app.rules.now();
    let mut filter = CaseFilter {
        after: None,
        limit: 1_000,
        ..filter.clone()
    };
    let mut rows = Vec::new();
    loop {
        let page = cases::cases(&app.desk, person, &filter).await?;
        rows.extend(
            page.cases
                .iter()
                .map(|stored| table_row(&rules.supervision, stored, zh)),
        );
        if rows.len() > EXPORTED {
            return Err(too_many());
        }
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
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

fn too_many() -> CasesError {
    let refusal = Refusal::new(
        "too_many_rows",
        format!("a table has at most {EXPORTED} cases: filter for fewer"),
        format!("一次最多导出 {EXPORTED} 项督办事项，请筛选后再导出"),
    );
    refusal.into()
}

fn table_row(policy: &SupervisionPolicy, stored: &StoredCase, zh: bool) -> Vec<String> {
    let case = &stored.case;
    let view = SupervisionCase::of(policy, stored);
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
