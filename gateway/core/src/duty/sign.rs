//! What an officer says, and when he may sign it.

use super::{DutyKind, Verdict};
use crate::hash::ContentHash;
use crate::output::Refusal;
use crate::people::{Person, Role};
use jiff::civil::Date;
use serde::Serialize;
use vigil_protocol::time::UtcMillis;

/// Longest text, characters.
const LONGEST: usize = 4_000;
const ACTORS: &[Role] = &[Role::Site];

/// What the officer has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Texts<'t> {
    /// What he found beside what telemetry did.
    pub findings: &'t str,
    /// What is done about all of it.
    pub measures: &'t str,
    /// Whatever else.
    pub remarks: &'t str,
}

/// A record as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordState<'r> {
    /// Whose it is.
    pub use_unit: &'r str,
    /// Last day of its period.
    pub to: Date,
    /// What telemetry and the register came to.
    pub verdict: Verdict,
    /// It is signed.
    pub signed: bool,
    /// There is no later version.
    pub latest: bool,
}

/// What is signed: the hash is over its JSON, fields in this order, no spaces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Content<'c> {
    /// Which of the three.
    pub kind: DutyKind,
    /// Whose it is.
    pub use_unit: &'c str,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Version.
    pub version: u32,
    /// Hash of the version it corrects.
    pub corrects: Option<&'c str>,
    /// What is corrected.
    pub why: &'c str,
    /// Officers the register names: JSON as stored.
    pub officers: &'c str,
    /// What telemetry and the register say: JSON as stored.
    pub prefill: &'c str,
    /// What it came to in the end.
    pub verdict: Verdict,
    /// What the officer found.
    pub findings: &'c str,
    /// What is done about it.
    pub measures: &'c str,
    /// Whatever else.
    pub remarks: &'c str,
    /// Login of who signed.
    pub signed_by: &'c str,
    /// His name.
    pub signed_name: &'c str,
    /// When.
    pub signed_at: UtcMillis,
}

impl Content<'_> {
    /// What a signature is about.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        // Texts and whole numbers only: writing cannot fail; were it to, nothing would match.
        ContentHash::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What a period came to once the officer has said his part: a machine's zero risk does not stand against what a person
/// found.
#[must_use]
pub fn conclude(prefill: Verdict, findings: &str) -> Verdict {
    if findings.trim().is_empty() {
        prefill
    } else {
        Verdict::Found
    }
}

fn own(record: &RecordState<'_>, person: &Person) -> Result<(), Refusal> {
    if person.role == Role::Site && person.unit.as_deref() == Some(record.use_unit) {
        return Ok(());
    }
    Err(Refusal::new(
        "not_responsible",
        "only people of the unit itself complete and sign its records",
        "只有本单位人员可以填写和签署本单位的记录",
    )
    .who(ACTORS))
}

fn short(texts: &Texts<'_>) -> Result<(), Refusal> {
    for (field_en, field_zh, text) in [
        ("findings", "发现的问题", texts.findings),
        ("measures", "采取的措施", texts.measures),
        ("remarks", "备注", texts.remarks),
    ] {
        if text.chars().count() > LONGEST {
            return Err(Refusal::new(
                "too_long",
                format!("{field_en}: at most {LONGEST} characters"),
                format!("{field_zh}：最多{LONGEST}字"),
            ));
        }
    }
    Ok(())
}

/// Whether somebody may write into a record.
///
/// # Errors
/// Why not.
pub fn may_edit(record: &RecordState<'_>, person: &Person, texts: &Texts<'_>) -> Result<(), Refusal> {
    own(record, person)?;
    if record.signed {
        return Err(Refusal::new(
            "signed",
            "it is signed and never changes: begin a correction, which is a new version",
            "记录已签署，不能修改；如需更正，请新建更正版本",
        ));
    }
    short(texts)
}

/// Whether somebody may sign a record with these texts, and what it then came to.
///
/// # Errors
/// Why not.
pub fn may_sign(
    record: &RecordState<'_>,
    person: &Person,
    texts: &Texts<'_>,
    today: Date,
) -> Result<Verdict, Refusal> {
    may_edit(record, person, texts)?;
    if record.to >= today {
        return Err(Refusal::new(
            "not_over",
            format!(
                "the period ends on {}: what it came to is not known yet",
                record.to
            ),
            format!("期间至{}结束，尚不能签署", record.to),
        ));
    }
    let verdict = conclude(record.verdict, texts.findings);
    match verdict {
        Verdict::Found if texts.measures.trim().is_empty() => Err(Refusal::new(
            "measures_required",
            "something was found: write what is done about it",
            "发现问题或隐患，须填写采取的措施",
        )),
        Verdict::NoData if texts.remarks.trim().is_empty() => Err(Refusal::new(
            "remarks_required",
            "data was not complete: write how that was checked otherwise",
            "监测数据不完整，须在备注中说明以何种方式检查",
        )),
        verdict => Ok(verdict),
    }
}

/// Whether somebody may begin a correction of a record.
///
/// # Errors
/// Why not.
pub fn may_correct(record: &RecordState<'_>, person: &Person, why: &str) -> Result<(), Refusal> {
    own(record, person)?;
    if !record.signed {
        return Err(Refusal::new(
            "not_signed",
            "it is not signed: change it as it is",
            "记录尚未签署，可直接修改",
        ));
    }
    if !record.latest {
        return Err(Refusal::new(
            "superseded",
            "there is a later version: go on with that one",
            "已有更新的版本，请在最新版本上更正",
        ));
    }
    match why.trim().chars().count() {
        0 => Err(Refusal::new(
            "reason_required",
            "say what is corrected, and why",
            "须说明更正的内容和原因",
        )),
        1..=LONGEST => Ok(()),
        _ => Err(Refusal::new(
            "too_long",
            format!("why: at most {LONGEST} characters"),
            format!("更正原因：最多{LONGEST}字"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, RecordState, Texts, may_correct, may_edit, may_sign};
    use crate::duty::{DutyKind, Verdict};
    use crate::people::{Person, Role};
    use jiff::civil::{Date, date};
    use vigil_protocol::time::UtcMillis;

    const TODAY: Date = date(2026, 6, 1);

    fn person(role: Role, unit: &str) -> Person {
        Person {
            login: "li".into(),
            role,
            unit: Some(unit.into()),
            areas: Vec::new(),
        }
    }

    fn record(verdict: Verdict) -> RecordState<'static> {
        RecordState {
            use_unit: "mall",
            to: date(2026, 5, 31),
            verdict,
            signed: false,
            latest: true,
        }
    }

    #[test]
    fn what_may_be_signed_is_what_has_been_answered() {
        let texts = |findings, measures, remarks| Texts {
            findings,
            measures,
            remarks,
        };
        use Verdict::{Found, NoData, ZeroRisk};
        #[rustfmt::skip] // a table
        let cases = [
            (ZeroRisk, texts("", "", ""), Ok(ZeroRisk)),
            (ZeroRisk, texts("门损坏", "", ""), Err("measures_required")),
            (ZeroRisk, texts("门损坏", "停用", ""), Ok(Found)),
            (NoData, texts("", "", ""), Err("remarks_required")),
            (NoData, texts("", "", " "), Err("remarks_required")),
            (NoData, texts("", "", "现场检查"), Ok(NoData)),
            (Found, texts("", "", "现场检查"), Err("measures_required")),
            (Found, texts("", "已报修", ""), Ok(Found)),
        ];
        for (verdict, texts, expected) in cases {
            let signed = may_sign(&record(verdict), &person(Role::Site, "mall"), &texts, TODAY);
            assert_eq!(
                signed.map_err(|refusal| refusal.code),
                expected,
                "{verdict:?} {texts:?}"
            );
        }
    }

    #[test]
    fn a_unit_signs_only_its_own_and_nobody_else_does() {
        let texts = Texts::default();
        let refused = |record: &RecordState<'_>, person: &Person| {
            may_sign(record, person, &texts, TODAY).unwrap_err().code
        };
        let zero = record(Verdict::ZeroRisk);
        for (role, unit) in [
            (Role::Site, "other"),
            (Role::Maintainer, "mall"),
            (Role::Regulator, "mall"),
            (Role::Administrator, "mall"),
        ] {
            assert_eq!(refused(&zero, &person(role, unit)), "not_responsible");
            let edited = may_edit(&zero, &person(role, unit), &texts);
            assert_eq!(edited.unwrap_err().code, "not_responsible");
        }
        let site = person(Role::Site, "mall");
        let signed = RecordState { signed: true, ..zero };
        assert_eq!(refused(&signed, &site), "signed");
        let today = RecordState { to: TODAY, ..zero };
        assert_eq!(refused(&today, &site), "not_over");
        let long = "x".repeat(4_001);
        let long = Texts {
            remarks: &long,
            ..texts
        };
        assert_eq!(may_edit(&zero, &site, &long).unwrap_err().code, "too_long");
    }

    #[test]
    fn only_the_latest_signed_version_is_corrected_and_with_a_reason() {
        let site = person(Role::Site, "mall");
        let zero = record(Verdict::ZeroRisk);
        let signed = RecordState { signed: true, ..zero };
        let old = RecordState {
            latest: false,
            ..signed
        };
        for (record, why, expected) in [
            (&zero, "x", Some("not_signed")),
            (&old, "x", Some("superseded")),
            (&signed, " ", Some("reason_required")),
            (&signed, "漏填", None),
        ] {
            let refused = may_correct(record, &site, why).err().map(|refusal| refusal.code);
            assert_eq!(refused, expected);
        }
    }

    #[test]
    fn another_word_is_another_hash() {
        let content = Content {
            kind: DutyKind::Daily,
            use_unit: "mall",
            from: TODAY,
            to: TODAY,
            version: 1,
            corrects: None,
            why: "",
            officers: "[]",
            prefill: "{}",
            verdict: Verdict::ZeroRisk,
            findings: "",
            measures: "",
            remarks: "a",
            signed_by: "li",
            signed_name: "李工",
            signed_at: UtcMillis(1),
        };
        assert_eq!(content.hash(), content.hash());
        let other = Content {
            remarks: "b",
            ..content
        };
        assert_ne!(content.hash(), other.hash());
        let later = Content {
            signed_at: UtcMillis(2),
            ..content
        };
        assert_ne!(content.hash(), later.hash());
    }
}
