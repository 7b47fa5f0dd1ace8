//! What is wrong with a record, in words people can act on.

use super::field::Field;
use serde::Serialize;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident $key:literal $zh:literal $en:literal;)*) => {
        /// The rule a finding comes from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Rule { $($(#[$doc])* #[serde(rename = $key)] $variant),* }

        impl Rule {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// `DQ01` … `DQ13`, or `CELL`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            /// What it looks at, in Chinese and English.
            #[must_use]
            pub const fn titles(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($zh, $en)),* }
            }
        }
    };
}

rules! {
    /// A cell that cannot be read.
    Cell "CELL" "单元格无法识别" "cell cannot be read";
    /// 使用登记证编号.
    Dq01 "DQ01" "使用登记证编号格式" "form of the registration number";
    /// Its digits against the category.
    Dq02 "DQ02" "登记证前缀与类别不符" "registration number against category";
    /// 设备代码.
    Dq03 "DQ03" "设备代码位数" "form of the equipment code";
    /// 注册代码.
    Dq04 "DQ04" "注册代码位数" "form of the old registration code";
    /// Lift codes of before 2014.
    Dq05 "DQ05" "2014年前电梯类别代码" "lift code of before 2014";
    /// GB/T 2260.
    Dq06 "DQ06" "行政区划代码" "area code";
    /// GB 32100.
    Dq07 "DQ07" "统一社会信用代码校验" "credit code's check character";
    /// Order of dates.
    Dq08 "DQ08" "日期先后" "order of dates";
    /// State against telemetry.
    Dq09 "DQ09" "状态与遥测不符" "state against telemetry";
    /// Twice in the register.
    Dq10 "DQ10" "重复" "duplicate";
    /// Inspection.
    Dq11 "DQ11" "检验日期缺失或超期" "inspection missing or overdue";
    /// Design life.
    Dq12 "DQ12" "超过设计使用年限" "past its design life";
    /// Registration after 30 days of running.
    Dq13 "DQ13" "投用三十日未登记" "running 30 days without registration";
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The row cannot be taken as it is.
    Refused,
    /// It is taken, and must be put right.
    Wrong,
    /// Somebody should look at it.
    Unsure,
    /// It was certain what was meant, and is so now.
    Corrected,
}

/// The same sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Words {
    /// Both sentences.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How much it weighs.
    pub level: Level,
    /// The fact it is about.
    pub field: Option<Field>,
    /// What stands there.
    pub found: String,
    /// What stands there now, or could: certain for [`Level::Corrected`], a proposal otherwise.
    pub proposed: Option<String>,
    /// What is wrong.
    pub what: Words,
    /// What to do.
    pub fix: Words,
}

impl Finding {
    /// A finding about a fact.
    #[must_use]
    pub fn new(rule: Rule, level: Level, field: Field, found: &str, what: Words, fix: Words) -> Self {
        Self {
            rule,
            level,
            field: Some(field),
            // Enough to recognise it: a report is no place for a novel.
            found: found.chars().take(120).collect(),
            proposed: None,
            what,
            fix,
        }
    }

    /// With what should stand there.
    #[must_use]
    pub fn propose(mut self, text: impl Into<String>) -> Self {
        self.proposed = Some(text.into());
        self
    }
}

impl Level {
    /// In Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Refused => ("不能导入", "not taken"),
            Self::Wrong => ("须更正", "to be corrected"),
            Self::Unsure => ("须核对", "to be checked"),
            Self::Corrected => ("已自动更正", "corrected"),
        }
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Wrong => "wrong",
            Self::Unsure => "unsure",
            Self::Corrected => "corrected",
        }
    }
}
