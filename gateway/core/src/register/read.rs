//! From cells to a record: every cell is read at the door, and what was changed or refused is said.

use super::category::{LiftCode, category, category_named, kind_of, lift_code};
use super::codes;
use super::date::read_date;
use super::field::{Field, Kind};
use super::finding::{Finding, Level, Rule, Words};
use super::record::Record;
use super::text::{is_nothing, tidy};
use super::words::{Conclusion, PlaceType, UseState};
use jiff::civil::Date;

/// A cell as a spreadsheet or CSV gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// A date by its format.
    Date(Date),
    /// A formula that failed, such as `#N/A`.
    Error(String),
}

/// What a row says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRow {
    /// Facts that could be read.
    pub record: Record,
    /// What was wrong with cells.
    pub findings: Vec<Finding>,
}

/// A number of this size has lost digits on its way through a spreadsheet.
const EXACT: f64 = 1e15;

impl Cell {
    /// The cell as tidied text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => tidy(text),
            Self::Number(number) => plain(*number),
            Self::Date(date) => date.to_string(),
            Self::Error(error) => error.clone(),
        }
    }
}

/// The shortest decimal.
fn plain(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number}")
    }
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
            if lost_digits(cell, text) {
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

/// Whether a spreadsheet made a number of a long code.
fn lost_digits(cell: &Cell, text: &str) -> bool {
    match cell {
        Cell::Number(number) => number.abs() >= EXACT,
        _ => {
            let (mantissa, exponent) = match text.split_once(['E', 'e']) {
                Some((mantissa, exponent)) if exponent.starts_with('+') => (mantissa, exponent),
                _ => return false,
            };
            mantissa.parse::<f64>().is_ok() && exponent.parse::<i32>().is_ok_and(|power| power >= 10)
        }
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

/// A number in `wanted`; the unit stands in the text, or in the head of the column, or is the wanted one.
fn measure(text: &str, head: Option<&str>, wanted: &str) -> Option<f64> {
    let bare = text.replace([',', ' '], "");
    let end = bare
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(bare.len());
    let (digits, unit) = bare.split_at(end);
    let number: f64 = digits.parse().ok()?;
    let unit = if unit.is_empty() {
        head.unwrap_or(wanted)
    } else {
        unit
    };
    Some(number * factor(unit, wanted)?)
}

/// How many `wanted` one `unit` is.
fn factor(unit: &str, wanted: &str) -> Option<f64> {
    let unit = unit.to_lowercase().replace(['²', ' '], "").replace('³', "3");
    let unit = unit.trim_end_matches("(表压)").trim_end_matches("表压");
    let table: &[(&str, f64)] = match wanted {
        "MPa" => &[
            ("mpa", 1.0),
            ("兆帕", 1.0),
            ("kpa", 1e-3),
            ("bar", 0.1),
            ("kgf/cm2", 0.098_066_5),
            ("kgf/cm", 0.098_066_5),
            ("公斤", 0.098_066_5),
        ],
        "kg" => &[
            ("kg", 1.0),
            ("千克", 1.0),
            ("公斤", 1.0),
            ("t", 1_000.0),
            ("吨", 1_000.0),
        ],
        "m/s" => &[("m/s", 1.0), ("米/秒", 1.0), ("m/min", 1.0 / 60.0)],
        "t/h" => &[
            ("t/h", 1.0),
            ("吨/小时", 1.0),
            ("吨/时", 1.0),
            ("蒸吨", 1.0),
            ("吨", 1.0),
            ("t", 1.0),
            ("kg/h", 1e-3),
        ],
        "MW" => &[("mw", 1.0), ("兆瓦", 1.0), ("kw", 1e-3)],
        "m³" => &[
            ("m3", 1.0),
            ("m", 1.0),
            ("立方米", 1.0),
            ("立方", 1.0),
            ("l", 1e-3),
            ("升", 1e-3),
        ],
        "℃" => &[("℃", 1.0), ("°c", 1.0), ("c", 1.0), ("度", 1.0)],
        "a" => &[("a", 1.0), ("年", 1.0), ("y", 1.0)],
        "CNY" => &[("cny", 1.0), ("元", 1.0), ("万元", 10_000.0), ("万", 10_000.0)],
        _ => return None,
    };
    table
        .iter()
        .find(|(known, _)| *known == unit)
        .map(|(_, factor)| *factor)
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
