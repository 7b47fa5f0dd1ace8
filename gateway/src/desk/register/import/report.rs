//! The cleaning report and the template, as tables.

use super::plan::Plan;
use crate::sheet::{Column, Table};
use vigil_core::register::{Conclusion, Field, Kind, Outcome, PlaceType, UseState};

/// Every finding of every row: where, what is wrong, the fix. `zh` chooses the language.
#[must_use]
pub fn report(plan: &Plan, zh: bool) -> Table {
    let pick = |(a, b): (&str, &str)| if zh { a.to_owned() } else { b.to_owned() };
    let column = |title: (&str, &str), width| Column {
        title: pick(title),
        width,
        ..Column::default()
    };
    let columns = vec![
        column(("行", "row"), 8),
        column(("设备", "equipment"), 24),
        column(("名称", "name"), 20),
        column(("规则", "rule"), 8),
        column(("轻重", "weight"), 12),
        column(("列", "column"), 20),
        column(("原内容", "found"), 24),
        column(("问题", "what is wrong"), 40),
        column(("处理", "what to do"), 40),
        column(("更正值", "corrected or proposed"), 24),
        column(("导入结果", "outcome"), 12),
    ];
    let mut rows = Vec::new();
    for row in &plan.rows {
        for finding in &row.findings {
            let field = finding
                .field
                .map_or("", |field| if zh { field.title_zh() } else { field.title_en() });
            // The head as it stands in the file, where the fact has a column.
            let head = plan
                .columns
                .iter()
                .find(|column| column.field.is_some() && column.field == finding.field);
            rows.push(vec![
                row.row.to_string(),
                row.id.clone(),
                row.name.clone(),
                finding.rule.key().to_owned(),
                pick(finding.level.titles()),
                head.map_or_else(|| field.to_owned(), |head| head.header.clone()),
                finding.found.clone(),
                if zh {
                    finding.what.zh.clone()
                } else {
                    finding.what.en.clone()
                },
                if zh {
                    finding.fix.zh.clone()
                } else {
                    finding.fix.en.clone()
                },
                finding.proposed.clone().unwrap_or_default(),
                pick(match (&row.outcome, row.is_refused()) {
                    (_, true) => ("不导入", "not taken"),
                    (Outcome::New, _) => ("新增", "new"),
                    (Outcome::Changed(_), _) => ("更新", "changed"),
                    (Outcome::Unchanged, _) => ("不变", "unchanged"),
                }),
            ]);
        }
    }
    Table {
        name: pick(("清理报告", "cleaning report")),
        columns,
        rows,
    }
}

/// An empty register to fill in: text columns, choices where words are fixed.
#[must_use]
pub fn template(zh: bool) -> Table {
    let words = |field: Field| -> Vec<String> {
        let pick = |a: &str, b: &str| if zh { a.to_owned() } else { b.to_owned() };
        match field.kind() {
            Kind::State => UseState::ALL
                .iter()
                .map(|one| pick(one.title_zh(), one.title_en()))
                .collect(),
            Kind::Conclusion => Conclusion::ALL
                .iter()
                .map(|one| pick(one.title_zh(), one.title_en()))
                .collect(),
            Kind::Place => PlaceType::ALL
                .iter()
                .map(|one| pick(one.title_zh(), one.title_en()))
                .collect(),
            Kind::YesNo => vec![pick("是", "yes"), pick("否", "no")],
            Kind::Grade => (1..=5).map(|grade| grade.to_string()).collect(),
            _ => Vec::new(),
        }
    };
    let note = |field: Field| match field.kind() {
        Kind::Date(_) => "2026-05-01".to_owned(),
        Kind::Category => "3110".to_owned(),
        Kind::Area => "GB/T 2260: 210381".to_owned(),
        Kind::RegistrationNo => "梯11辽C12345(22)".to_owned(),
        _ => String::new(),
    };
    let columns = Field::ALL.iter().map(|&field| {
        let title = if zh { field.title_zh() } else { field.title_en() };
        let unit = field.unit();
        Column {
            title: match unit {
                "" => title.to_owned(),
                unit => format!("{title}({unit})"),
            },
            note: note(field),
            choices: words(field),
            width: (title.chars().count() as u16 * 2 + 4).clamp(12, 28),
        }
    });
    Table {
        name: if zh {
            "特种设备台账".to_owned()
        } else {
            "register".to_owned()
        },
        columns: columns.collect(),
        rows: Vec::new(),
    }
}
