//! From cells to a record: every cell is read at the door, and what was changed or refused is said.

use super::category::{LiftCode, category, category_named, kind_of, lift_code};
use super::cell::{Cell, plain};
use super::codes;
use super::date::read_date;
use super::field::{Field, Kind};
use super::finding::{Finding, Level, Rule, Words};
use super::measure::measure;
use super::record::Record;
use super::text::is_nothing;
use super::words::{Conclusion, PlaceType, UseState};

/// What a row says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRow {
    /// Facts that could be read.
    pub record: Record,
    /// What was wrong with cells.
    pub findings: Vec<Finding>,
}

/// Reads a row: `(field, unit in the head of its column, cell)` for every column that was matched.
#[must_use]
pub fn read_row<'c>(cells: impl IntoIterator<Item = (Field, Option<&'c str>, &'c Cell)>) -> ReadRow {
    let mut row = ReadRow::default();
    for (field, unit, cell) in cells {
        if let Err(finding) = read_cell(field, unit, cell, &mut row.record, &mut row.findings) {
            row.findings.push(*finding);
        }
    }
    settle_lift(&mut row);
    row
}

/// Reads one cell into `record`; what was corrected on the way is added to `findings`.
///
/// # Errors
/// The cell cannot be read: the fact is left out, and the finding says why.
pub fn read_cell(
    field: Field,
    unit: Option<&str>,
    cell: &Cell,
    record: &mut Record,
    findings: &mut Vec<Finding>,
) -> Result<(), Box<Finding>> {
    let text = cell.text();
    if let Cell::Error(error) = cell {
        return Err(unreadable(
            field,
            error,
            Level::Unsure,
            Words::new("公式出错", "a formula has failed"),
            Words::new("请改为数值后重新导入", "replace it by its value"),
        ));
    }
    if is_nothing(&text) {
        return Ok(());
    }
    if text.chars().count() > field.longest() {
        return Err(unreadable(
            field,
            &text,
            Level::Refused,
            Words::new(
                format!("内容过长（最多 {} 字）", field.longest()),
                format!("too long (at most {} characters)", field.longest()),
            ),
            Words::new("请缩短", "shorten it"),
        ));
    }
    let value = read_text(field, unit, cell, &text)?;
    if value.corrected {
        // What was typed, not what became of it.
        let typed = match cell {
            Cell::Text(typed) => typed.as_str(),
            _ => text.as_str(),
        };
        findings.push(
            Finding::new(
                value.rule,
                Level::Corrected,
                field,
                typed,
                Words::new("写法不规范", "not written as it should be"),
                Words::new(format!("已改为 {}", value.text), format!("now {}", value.text)),
            )
            .propose(&*value.text),
        );
    }
    record.set(field, value.text);
    Ok(())
}

/// A value in canonical form.
struct Value {
    text: String,
    /// Whether a person would want to know that it was rewritten: codes and widths, not forms of a date.
    corrected: bool,
    rule: Rule,
}

impl Value {
    fn as_is(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            corrected: false,
            rule: Rule::Cell,
        }
    }

    fn corrected(text: impl Into<String>, rule: Rule) -> Self {
        Self {
            text: text.into(),
            corrected: true,
            rule,
        }
    }
}

fn read_text(field: Field, unit: Option<&str>, cell: &Cell, text: &str) -> Result<Value, Box<Finding>> {
    let refuse = |zh: String, en: String, fix_zh: &str, fix_en: &str| {
        Err(unreadable(
            field,
            text,
            Level::Refused,
            Words::new(zh, en),
            Words::new(fix_zh, fix_en),
        ))
    };
    // The apostrophe before what is no formula is a sign of the spreadsheet, and nothing anybody typed.
    let typed = matches!(cell, Cell::Text(typed) if typed.trim().trim_start_matches('\'') != text);
    match field.kind() {
        Kind::Text(_) => Ok(if typed {
            Value::corrected(text, Rule::Cell)
        } else {
            Value::as_is(text)
        }),
        Kind::Code | Kind::RegistrationNo | Kind::Uscc => {
            if cell.lost_digits(text) {
                return refuse(
                    "该编码被表格软件当作数字保存，末尾数字已丢失".to_owned(),
                    "the spreadsheet kept this code as a number and lost its last digits".to_owned(),
                    "请将该列设为文本格式后重新填写",
                    "format the column as text and enter the code again",
                );
            }
            Ok(read_code(field, cell, text))
        }
        Kind::Category => read_category(field, text),
        Kind::Area => Ok(match text.get(0..6) {
            // A statistical code begins with the area.
            Some(area)
                if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) && codes::area_code(area) =>
            {
                Value::corrected(area, Rule::Dq06)
            }
            _ => Value::as_is(text),
        }),
        Kind::Date(ends) => match (cell, read_date(text, ends)) {
            (Cell::Date(date), _) => Ok(Value::as_is(date.to_string())),
            (_, Ok(read)) => Ok(Value::as_is(read.date.to_string())),
            (_, Err(error)) => refuse(
                format!("不是可识别的日期：{text}"),
                format!("{text}: {error}"),
                "请写成 2026-05-01",
                "write 2026-05-01",
            ),
        },
        Kind::Number(wanted) => match measure(text, unit, wanted) {
            Some(number) if number.is_finite() && number >= 0.0 => Ok(Value::as_is(plain(number))),
            _ => refuse(
                format!("不是以 {wanted} 为单位的数值：{text}"),
                format!("{text} is not a number in {wanted}"),
                "请填写数值，可带单位",
                "enter a number, with its unit if it has another",
            ),
        },
        Kind::Degrees => match text.trim_end_matches(['°', '℃', 'C']).trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number.abs() <= 2_000.0 => Ok(Value::as_is(plain(number))),
            _ => refuse(
                format!("不是数值：{text}"),
                format!("{text} is not a number"),
                "请填写数值",
                "enter a number",
            ),
        },
        Kind::Count => {
            let bare = text.trim_end_matches(['层', '站', '门', '个']);
            match bare.parse::<f64>() {
                Ok(count) if (0.0..=1_000.0).contains(&count) && count.fract() == 0.0 => {
                    Ok(Value::as_is(plain(count)))
                }
                _ => refuse(
                    format!("不是整数：{text}"),
                    format!("{text} is not a whole number"),
                    "请填写整数",
                    "enter a whole number",
                ),
            }
        }
        Kind::Grade => {
            let bare = text.trim_end_matches('级').trim();
            let words = ["一", "二", "三", "四", "五"];
            let grade = words.iter().position(|word| *word == bare).map(|at| at + 1);
            match grade.or_else(|| bare.parse().ok()) {
                Some(grade @ 1..=5) => Ok(Value::as_is(grade.to_string())),
                _ => refuse(
                    format!("安全状况等级为 1 至 5：{text}"),
                    format!("{text}: a safety grade is 1 to 5"),
                    "请填写 1 至 5",
                    "enter 1 to 5",
                ),
            }
        }
        Kind::State => word(field, text, UseState::read(text).map(UseState::key)),
        Kind::Conclusion => word(field, text, Conclusion::read(text).map(Conclusion::key)),
        Kind::Place => word(field, text, PlaceType::read(text).map(PlaceType::key)),
        Kind::YesNo => {
            let said = match text.to_lowercase().as_str() {
                "是" | "y" | "yes" | "true" | "1" | "√" => Some("yes"),
                "否" | "n" | "no" | "false" | "0" | "×" => Some("no"),
                _ => None,
            };
            word(field, text, said)
        }
    }
}

fn word(field: Field, text: &str, key: Option<&'static str>) -> Result<Value, Box<Finding>> {
    key.map(Value::as_is).ok_or_else(|| {
        let known: Vec<(&str, &str)> = match field.kind() {
            Kind::State => UseState::ALL
                .iter()
                .map(|one| (one.title_zh(), one.title_en()))
                .collect(),
            Kind::Conclusion => Conclusion::ALL
                .iter()
                .map(|one| (one.title_zh(), one.title_en()))
                .collect(),
            Kind::Place => PlaceType::ALL
                .iter()
                .map(|one| (one.title_zh(), one.title_en()))
                .collect(),
            _ => vec![("是", "yes"), ("否", "no")],
        };
        let join = |words: Vec<&str>, with| words.join(with);
        unreadable(
            field,
            text,
            Level::Refused,
            Words::new(
                format!("无法识别：{text}"),
                format!("{text} is not one of the words known"),
            ),
            Words::new(
                format!(
                    "请填写：{}",
                    join(known.iter().map(|(zh, _)| *zh).collect(), "、")
                ),
                format!(
                    "one of: {}",
                    join(known.iter().map(|(_, en)| *en).collect(), ", ")
                ),
            ),
        )
    })
}

fn read_code(field: Field, cell: &Cell, text: &str) -> Value {
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_uppercase();
    let rule = match field {
        Field::EquipmentCode => Rule::Dq03,
        Field::RegistrationCode => Rule::Dq04,
        Field::RegistrationNo => Rule::Dq01,
        _ => Rule::Dq07,
    };
    let canonical = match field.kind() {
        Kind::RegistrationNo => codes::registration_no(&bare).map_or(bare, |number| number.canonical),
        Kind::Uscc => match codes::uscc(&bare) {
            codes::Uscc::Mended(mended) => mended,
            _ => bare,
        },
        _ => bare,
    };
    match cell {
        Cell::Text(typed) if *typed != canonical => Value::corrected(canonical, rule),
        _ => Value::as_is(canonical),
    }
}

/// A catalogue code, a code with its name, or a name.
fn read_category(field: Field, text: &str) -> Result<Value, Box<Finding>> {
    let bare: String = text
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_uppercase();
    if category(&bare).is_some() || (bare.len() == 4 && kind_of(&bare) == Some('3')) {
        return Ok(Value::as_is(bare));
    }
    if let Some(named) = category_named(text) {
        return Ok(Value::as_is(named.code));
    }
    Err(unreadable(
        field,
        text,
        Level::Refused,
        Words::new(
            format!("特种设备目录中没有该类别：{text}"),
            format!("{text} is not in the catalogue of special equipment"),
        ),
        Words::new(
            "请填写四位类别代码，如 3110",
            "enter the four characters of the catalogue, such as 3110",
        ),
    ))
}

/// Old lift codes become those of today where that is certain (DQ05).
fn settle_lift(row: &mut ReadRow) {
    let code = row.record.text(Field::Category).to_owned();
    if !code.starts_with('3') {
        return;
    }
    let migrated = lift_code(
        &code,
        row.record.text(Field::Name),
        row.record.date(Field::Manufactured),
    );
    let finding = |level, fix: Words| {
        Finding::new(
            Rule::Dq05,
            level,
            Field::Category,
            &code,
            Words::new("2014 年前的电梯类别代码", "a lift code of before 2014"),
            fix,
        )
    };
    match migrated {
        LiftCode::Current => {}
        LiftCode::Migrated(today) => {
            row.record.set(Field::Category, today);
            let fix = Words::new(format!("已改为 {today}"), format!("now {today}"));
            row.findings.push(finding(Level::Corrected, fix).propose(today));
        }
        LiftCode::Doubtful(candidates) if category(&code).is_some() => {
            let list = candidates.join(" / ");
            let fix = Words::new(
                format!("请核对设备后选用：{list}"),
                format!("look at the machine and choose: {list}"),
            );
            row.findings.push(finding(Level::Unsure, fix).propose(list));
        }
        LiftCode::Doubtful(candidates) => {
            let list = candidates.join(" / ");
            let fix = Words::new(
                format!("请核对设备后填写现行代码 {list}"),
                format!("look at the machine and enter the code of today {list}"),
            );
            // A code that is in no catalogue cannot stand in the register.
            row.record.set(Field::Category, "");
            row.findings.push(finding(Level::Refused, fix).propose(list));
        }
    }
}

fn unreadable(field: Field, found: &str, level: Level, what: Words, fix: Words) -> Box<Finding> {
    Box::new(Finding::new(Rule::Cell, level, field, found, what, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(field: Field, cell: Cell) -> (Option<String>, Vec<(Rule, Level)>) {
        let row = read_row([(field, None, &cell)]);
        let found = row
            .findings
            .iter()
            .map(|finding| (finding.rule, finding.level))
            .collect();
        (row.record.get(field).map(str::to_owned), found)
    }

    fn text(field: Field, text: &str) -> (Option<String>, Vec<(Rule, Level)>) {
        one(field, Cell::Text(text.to_owned()))
    }

    #[test]
    fn cells_are_read_into_canonical_form() {
        for (field, typed, canonical) in [
            (Field::RatedLoad, "1吨", "1000"),
            (Field::RatedLoad, "1,050 kg", "1050"),
            (Field::RatedSpeed, "1.75m/s", "1.75"),
            (Field::RatedPressure, "10bar", "1"),
            (Field::RatedPressure, "1.0 MPa", "1"),
            (Field::RatedEvaporation, "4蒸吨", "4"),
            (Field::Volume, "500L", "0.5"),
            (Field::DesignLife, "15年", "15"),
            (Field::InsuredAmount, "50万元", "500000"),
            (Field::Floors, "32层", "32"),
            (Field::SafetyGrade, "三级", "3"),
            (Field::State, "在用", "in_use"),
            (Field::InspectionConclusion, "符合要求", "passed"),
            (Field::PlaceType, "商场", "mall"),
            (Field::NextInspection, "2026年5月", "2026-05-31"),
            (Field::LastInspection, "2026年5月", "2026-05-01"),
            (Field::Category, "3110 曳引驱动乘客电梯", "3110"),
            (Field::Category, "叉车", "5110"),
            (Field::Category, "4d00", "4D00"),
            (Field::Retrofit, "是", "yes"),
            (Field::Longitude, "122.75°", "122.75"),
        ] {
            assert_eq!(
                text(field, typed),
                (Some(canonical.to_owned()), vec![]),
                "{typed}"
            );
        }
        assert_eq!(
            one(Field::Category, Cell::Number(3110.0)),
            (Some("3110".into()), vec![])
        );
        assert_eq!(
            one(Field::NextInspection, Cell::Number(46_143.0)).0.as_deref(),
            Some("2026-05-01")
        );
    }

    #[test]
    fn what_is_certain_is_corrected_and_said() {
        for (field, typed, canonical, rule) in [
            (
                Field::RegistrationNo,
                "梯11宁a12345（22）",
                "梯11宁A12345(22)",
                Rule::Dq01,
            ),
            (
                Field::EquipmentCode,
                "３１１０ 1001 9201 50001",
                "31101001920150001",
                Rule::Dq03,
            ),
            (
                Field::UseUnitUscc,
                "9135O100M000100Y43",
                "91350100M000100Y43",
                Rule::Dq07,
            ),
            (Field::Area, "210381001002", "210381", Rule::Dq06),
            (Field::Category, "3600", "3320", Rule::Dq05),
            (Field::Name, " １号 梯", "1号 梯", Rule::Cell),
        ] {
            assert_eq!(
                text(field, typed),
                (Some(canonical.to_owned()), vec![(rule, Level::Corrected)]),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_refused() {
        for (field, typed) in [
            (Field::NextInspection, "下个月"),
            (Field::RatedLoad, "很重"),
            (Field::RatedLoad, "-5"),
            (Field::RatedPressure, "10 m/s"),
            (Field::State, "坏了"),
            (Field::Category, "9999"),
            (Field::Category, "3990"),
            (Field::SafetyGrade, "6"),
            (Field::Floors, "2.5"),
            (Field::EquipmentCode, "3.11011E+16"),
        ] {
            let (value, findings) = text(field, typed);
            assert_eq!(value, None, "{typed}");
            assert!(
                findings.iter().any(|(_, level)| *level == Level::Refused),
                "{typed}: {findings:?}"
            );
        }
        let lost = one(Field::EquipmentCode, Cell::Number(3.110_100_192_015e16));
        assert_eq!(
            lost,
            (None, vec![(Rule::Cell, Level::Refused)]),
            "a code as a number has lost digits"
        );
        let long = text(Field::Name, &"长".repeat(201));
        assert_eq!(long, (None, vec![(Rule::Cell, Level::Refused)]));
    }

    #[test]
    fn a_unit_in_the_head_of_a_column_counts_where_the_cell_has_none() {
        let cell = Cell::Number(1.6);
        let row = read_row([(Field::RatedLoad, Some("t"), &cell)]);
        assert_eq!(row.record.get(Field::RatedLoad), Some("1600"));
    }

    proptest! {
        #[test]
        fn what_was_read_reads_the_same_again(at in 0..Field::ALL.len(), typed in "\\PC{0,40}") {
            let field = Field::ALL[at];
            let (Some(first), _) = text(field, &typed) else { return Ok(()) };
            prop_assume!(!first.starts_with('\''));
            let (second, findings) = text(field, &first);
            prop_assert_eq!(second, Some(first));
            prop_assert!(!findings.iter().any(|(_, level)| *level == Level::Corrected), "{:?}", findings);
        }

        #[test]
        fn no_number_breaks_a_cell(at in 0..Field::ALL.len(), number in any::<f64>()) {
            one(Field::ALL[at], Cell::Number(number));
        }
    }
}
