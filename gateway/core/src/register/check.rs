//! The data-cleaning rules that need one record only, each a function. DQ09 and DQ13 need telemetry (see
//! [`super::judge`]), DQ10 other records (see [`super::identities`]), DQ05 is settled when the row is read.

use super::codes;
use super::field::Field;
use super::finding::{Finding, Level, Rule, Words};
use super::record::Record;
use super::{category, registration_word};
use jiff::civil::Date;

/// What is wrong with a record on a day.
#[must_use]
pub fn check(record: &Record, today: Date) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(dq01(record));
    found.extend(dq02(record));
    found.extend(dq03(record));
    found.extend(dq04(record));
    found.extend(dq06(record));
    found.extend(dq07(record));
    found.extend(dq08(record, today));
    found.extend(dq11(record, today));
    found.extend(dq12(record, today));
    found
}

/// 0 to 100: what the facts can be relied on. Each basic fact that is missing costs 4, a finding that must be put
/// right 10, one to look at 3, a cell that could not be taken 20; what was corrected costs nothing.
#[must_use]
pub fn score(record: &Record, findings: &[Finding]) -> u8 {
    let missing = BASIC.iter().filter(|field| record.get(**field).is_none()).count();
    let lift = record.text(Field::Category).starts_with('3') && record.get(Field::MaintenanceUnit).is_none();
    let weight = |finding: &Finding| match finding.level {
        Level::Refused => 20,
        Level::Wrong => 10,
        Level::Unsure => 3,
        Level::Corrected => 0,
    };
    let lost: usize = findings.iter().map(weight).sum::<usize>() + 4 * (missing + usize::from(lift));
    u8::try_from(100_usize.saturating_sub(lost)).unwrap_or(0)
}

/// What every record should hold.
const BASIC: &[Field] = &[
    Field::Name,
    Field::Category,
    Field::RegistrationNo,
    Field::EquipmentCode,
    Field::FactoryNo,
    Field::Location,
    Field::Area,
    Field::UseUnit,
    Field::UseUnitUscc,
    Field::SafetyOfficer,
    Field::Manufacturer,
    Field::Manufactured,
    Field::FirstUse,
    Field::NextInspection,
    Field::State,
];

/// 使用登记证编号 has the form of TSG 08.
fn dq01(record: &Record) -> Option<Finding> {
    let text = record.get(Field::RegistrationNo)?;
    // Certificates of before 2014 bear the registration code.
    if codes::registration_no(text).is_some() || codes::registration_code(text) {
        return None;
    }
    Some(Finding::new(
        Rule::Dq01,
        Level::Wrong,
        Field::RegistrationNo,
        text,
        Words::new(
            "使用登记证编号格式不对",
            "this is not the form of a registration number",
        ),
        Words::new(
            "对照登记证填写，形如 梯11辽C12345(22)",
            "copy it from the certificate; its form is 梯11辽C12345(22)",
        ),
    ))
}

/// The number's first three characters belong to the category.
fn dq02(record: &Record) -> Option<Finding> {
    let (text, code) = (record.get(Field::RegistrationNo)?, record.get(Field::Category)?);
    let number = codes::registration_no(text)?;
    if number.fits(code) {
        return None;
    }
    let wanted = registration_word(code).map(|word| format!("{word}{}", code.get(1..3).unwrap_or_default()));
    let name = category(code).map_or("", |category| category.name_zh);
    let wanted = wanted.unwrap_or_default();
    Some(Finding::new(
        Rule::Dq02,
        Level::Wrong,
        Field::RegistrationNo,
        text,
        Words::new(
            format!("登记证前缀与类别 {code} {name} 不符（应为 {wanted}）"),
            format!("the number does not belong to category {code} (it would begin with {wanted})"),
        ),
        Words::new(
            "核对登记证与类别代码，更正其一",
            "compare certificate and category, and correct one of them",
        ),
    ))
}

/// 设备代码: 17 characters, 18 when the registrar gave it; of the same kind as the category.
fn dq03(record: &Record) -> Option<Finding> {
    let text = record.get(Field::EquipmentCode)?;
    let wrong = |what: Words| {
        let fix = Words::new(
            "对照铭牌或登记证填写 17 位（登记机关给出的为 18 位）代码",
            "copy the 17 characters from the nameplate or certificate (18 if the registrar gave them)",
        );
        Some(Finding::new(
            Rule::Dq03,
            Level::Wrong,
            Field::EquipmentCode,
            text,
            what,
            fix,
        ))
    };
    if !codes::equipment_code(text) {
        let length = text.chars().count();
        return wrong(Words::new(
            format!("设备代码应为 17 或 18 位、含类别与年份（现为 {length} 位）"),
            format!(
                "an equipment code has 17 or 18 characters with category and year (this one has {length})"
            ),
        ));
    }
    match (text.get(0..4), record.get(Field::Category)) {
        (Some(base), Some(code)) if !codes::same_kind(base, code) => wrong(Words::new(
            format!("设备代码以 {base} 开头，与类别 {code} 不是同一种类"),
            format!("the code begins with {base}, which is another kind of equipment than {code}"),
        )),
        _ => None,
    }
}

/// 注册代码: 20 digits.
fn dq04(record: &Record) -> Option<Finding> {
    let text = record.get(Field::RegistrationCode)?;
    if codes::registration_code(text) {
        return None;
    }
    let length = text.chars().count();
    Some(Finding::new(
        Rule::Dq04,
        Level::Wrong,
        Field::RegistrationCode,
        text,
        Words::new(
            format!("注册代码应为 20 位：类别 4 + 区划 6 + 年月 6 + 序号 4（现为 {length} 位）"),
            format!(
                "a registration code has 20 digits: category 4, area 6, year and month 6, serial 4 (this one has {length})"
            ),
        ),
        Words::new("对照旧登记证填写", "copy it from the old certificate"),
    ))
}

/// Area: six digits of a province that exists.
fn dq06(record: &Record) -> Option<Finding> {
    let text = record.get(Field::Area).unwrap_or_default();
    if codes::area_code(text) {
        return None;
    }
    let what = if text.is_empty() {
        Words::new(
            "缺少行政区划代码：监察机构看不到该设备",
            "there is no area code: no regulator sees this equipment",
        )
    } else {
        Words::new("不是 6 位行政区划代码", "this is not a six-digit area code")
    };
    let fix = Words::new(
        "填写 GB/T 2260 六位代码，如 210381",
        "enter the six digits of GB/T 2260, such as 210381",
    );
    Some(Finding::new(
        Rule::Dq06,
        Level::Wrong,
        Field::Area,
        text,
        what,
        fix,
    ))
}

/// Unified social credit codes: their check characters hold.
fn dq07(record: &Record) -> Vec<Finding> {
    let fields = [
        Field::UseUnitUscc,
        Field::OwnerUnitUscc,
        Field::MaintenanceUnitUscc,
        Field::InspectionBodyUscc,
    ];
    let mut found = Vec::new();
    for field in fields {
        let Some(text) = record.get(field) else { continue };
        let what = match codes::uscc(text) {
            codes::Uscc::Valid => continue,
            codes::Uscc::CheckFails(check) => Words::new(
                format!("校验位不符：若前 17 位无误，末位应为 {check}"),
                format!("the check character does not hold: if the first 17 are right, the last is {check}"),
            ),
            codes::Uscc::Mended(_) | codes::Uscc::Malformed => Words::new(
                "应为 18 位数字与大写字母（不含 I、O、S、V、Z）",
                "18 digits and capital letters (no I, O, S, V, Z)",
            ),
        };
        let fix = Words::new("对照营业执照更正", "correct it from the business licence");
        found.push(Finding::new(Rule::Dq07, Level::Wrong, field, text, what, fix));
    }
    found
}

/// Dates come one after the other: made, installed, used, inspected, to be inspected; and what was done was not done
/// tomorrow.
fn dq08(record: &Record, today: Date) -> Vec<Finding> {
    let order = [
        Field::Manufactured,
        Field::Installed,
        Field::FirstUse,
        Field::LastInspection,
        Field::NextInspection,
    ];
    let pairs = [
        (Field::InsuredFrom, Field::InsuredTo),
        (Field::ValveCalibrated, Field::ValveDue),
        (Field::GaugeVerified, Field::GaugeDue),
        (Field::LastInternal, Field::NextInternal),
    ];
    let known: Vec<(Field, Date)> = order
        .iter()
        .filter_map(|field| Some((*field, record.date(*field)?)))
        .collect();
    let mut found: Vec<Finding> = known
        .windows(2)
        .filter_map(|pair| match pair {
            [(early, first), (late, second)] if first > second => {
                Some(out_of_order(*early, *first, *late, *second))
            }
            _ => None,
        })
        .collect();
    for field in order.into_iter().take(4) {
        if let Some(date) = record.date(field).filter(|date| *date > today) {
            found.push(Finding::new(
                Rule::Dq08,
                Level::Wrong,
                field,
                &date.to_string(),
                Words::new(
                    format!("{}（{date}）在今天之后", field.title_zh()),
                    format!("{} ({date}) is in the future", field.title_en()),
                ),
                Words::new("核对后更正", "look it up and correct it"),
            ));
        }
    }
    for (early, late) in pairs {
        if let (Some(first), Some(second)) = (record.date(early), record.date(late))
            && first > second
        {
            found.push(out_of_order(early, first, late, second));
        }
    }
    found
}

fn out_of_order(early: Field, first: Date, late: Field, second: Date) -> Finding {
    Finding::new(
        Rule::Dq08,
        Level::Wrong,
        late,
        &second.to_string(),
        Words::new(
            format!(
                "{}（{first}）晚于{}（{second}）",
                early.title_zh(),
                late.title_zh()
            ),
            format!(
                "{} ({first}) is after {} ({second})",
                early.title_en(),
                late.title_en()
            ),
        ),
        Words::new("核对后更正其一", "look them up and correct one of them"),
    )
}

/// The next inspection is known and not past.
fn dq11(record: &Record, today: Date) -> Option<Finding> {
    if !record.state().may_run() || matches!(record.text(Field::Category).chars().next(), Some('7' | 'F')) {
        return None;
    }
    let (what, fix, found) = match record.date(Field::NextInspection) {
        None => (
            Words::new("缺少下次检验日期", "the next inspection is not known"),
            Words::new(
                "对照检验报告或合格标志填写",
                "copy it from the inspection report or mark",
            ),
            String::new(),
        ),
        Some(due) if due < today => (
            Words::new(
                format!("超期未检：{due} 到期"),
                format!("inspection overdue since {due}"),
            ),
            Words::new(
                "已检验的请更新日期；未检验的应停止使用并申报检验",
                "if it was inspected, update the date; if not, stop using it and request inspection",
            ),
            due.to_string(),
        ),
        Some(_) => return None,
    };
    Some(Finding::new(
        Rule::Dq11,
        Level::Wrong,
        Field::NextInspection,
        &found,
        what,
        fix,
    ))
}

/// It is not past its design life, unless an assessment allows it.
fn dq12(record: &Record, today: Date) -> Option<Finding> {
    if !record.state().may_run() {
        return None;
    }
    let end = life_ends(record)?;
    let allowed = record
        .date(Field::LifeAssessedUntil)
        .is_some_and(|until| until >= today);
    (end < today && !allowed).then(|| {
        Finding::new(
            Rule::Dq12,
            Level::Wrong,
            Field::DesignLife,
            record.text(Field::DesignLife),
            Words::new(
                format!("{end} 已达到设计使用年限，无安全评估记录"),
                format!("its design life ended on {end}, and no assessment is recorded"),
            ),
            Words::new(
                "进行安全评估并办理变更登记，或报废注销",
                "have it assessed and the change registered, or scrap it",
            ),
        )
    })
}

/// Last day of the design life: from installation, else first use, else manufacture.
#[must_use]
pub(crate) fn life_ends(record: &Record) -> Option<Date> {
    let years = record
        .number(Field::DesignLife)
        .filter(|years| (1.0..=200.0).contains(years))?;
    let from = [Field::Installed, Field::FirstUse, Field::Manufactured];
    let from = from.iter().find_map(|field| record.date(*field))?;
    from.checked_add(jiff::Span::new().months((years * 12.0) as i64))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const TODAY: Date = date(2026, 6, 1);

    /// A record without fault.
    fn sound() -> Record {
        [
            (Field::Name, "1号梯"),
            (Field::Category, "3110"),
            (Field::RegistrationNo, "梯11辽C00012(20)"),
            (Field::EquipmentCode, "31101001920150001"),
            (Field::FactoryNo, "X-1"),
            (Field::Location, "海州街1号"),
            (Field::Area, "210381"),
            (Field::UseUnit, "某商场"),
            (Field::UseUnitUscc, "91350100M000100Y43"),
            (Field::MaintenanceUnit, "某电梯公司"),
            (Field::SafetyOfficer, "李工"),
            (Field::Manufacturer, "某制造厂"),
            (Field::Manufactured, "2015-01-01"),
            (Field::Installed, "2015-03-01"),
            (Field::FirstUse, "2015-04-01"),
            (Field::LastInspection, "2025-07-01"),
            (Field::NextInspection, "2026-07-01"),
            (Field::State, "in_use"),
            (Field::DesignLife, "15"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_sound_record_has_no_finding_and_the_full_score() {
        let record = sound();
        let findings = check(&record, TODAY);
        assert_eq!(findings, []);
        assert_eq!(score(&record, &findings), 100);
    }

    #[test]
    fn each_rule_finds_what_it_is_for_and_only_that() {
        for (field, text, rule) in [
            (Field::RegistrationNo, "T-12", Rule::Dq01),
            (Field::RegistrationNo, "梯31辽C00012(20)", Rule::Dq02),
            (Field::RegistrationNo, "锅11辽C00012(20)", Rule::Dq02),
            (Field::EquipmentCode, "3110100192015", Rule::Dq03),
            (Field::EquipmentCode, "11001001920150001", Rule::Dq03),
            (Field::RegistrationCode, "311064010520140800", Rule::Dq04),
            (Field::Area, "990381", Rule::Dq06),
            (Field::Area, "", Rule::Dq06),
            (Field::UseUnitUscc, "91350100M000100Y44", Rule::Dq07),
            (Field::MaintenanceUnitUscc, "x", Rule::Dq07),
            (Field::FirstUse, "2015-02-01", Rule::Dq08),
            (Field::LastInspection, "2026-06-02", Rule::Dq08),
            (Field::FirstUse, "2025-07-02", Rule::Dq08),
            (Field::NextInspection, "2026-05-31", Rule::Dq11),
            (Field::NextInspection, "", Rule::Dq11),
            (Field::DesignLife, "10", Rule::Dq12),
        ] {
            let mut record = sound();
            record.set(field, text);
            let findings = check(&record, TODAY);
            let rules: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, [rule], "{field:?} = {text:?}: {findings:#?}");
            assert!(!findings[0].what.zh.is_empty() && !findings[0].fix.en.is_empty());
            assert!(score(&record, &findings) < 100);
        }
    }

    #[test]
    fn what_stands_still_is_neither_overdue_nor_too_old() {
        for state in ["out_of_use", "scrapped", "cancelled"] {
            let mut record = sound();
            record.set(Field::State, state);
            record.set(Field::NextInspection, "2020-01-01");
            record.set(Field::DesignLife, "1");
            let rules: Vec<Rule> = check(&record, TODAY).iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, [Rule::Dq08], "{state}");
        }
    }

    #[test]
    fn an_assessment_lengthens_a_life_until_it_ends() {
        let mut record = sound();
        record.set(Field::DesignLife, "10");
        record.set(Field::LifeAssessedUntil, "2026-06-01");
        assert_eq!(check(&record, TODAY), []);
        assert_eq!(check(&record, date(2026, 6, 2)).len(), 1);
    }

    #[test]
    fn a_certificate_of_before_2014_may_bear_the_registration_code() {
        let mut record = sound();
        record.set(Field::RegistrationNo, "31106401052014080025");
        assert_eq!(check(&record, TODAY), []);
    }

    proptest! {
        #[test]
        fn a_score_is_between_0_and_100_whatever_a_record_holds(
            facts in proptest::collection::vec((0..Field::ALL.len(), "\\PC{0,20}"), 0..60)
        ) {
            let record: Record = facts.iter().map(|(at, text)| (Field::ALL[*at], text.as_str())).collect();
            let findings = check(&record, TODAY);
            prop_assert!(score(&record, &findings) <= 100);
        }
    }
}
