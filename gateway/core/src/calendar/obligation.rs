//! What the law asks for at intervals.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Something that has to be done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// 定期检验 (for boilers: 外部检验).
    PeriodicInspection,
    /// 内部检验.
    InternalInspection,
    /// 自行检测.
    SelfTest,
    /// 年度检查.
    AnnualCheck,
    /// 安全阀校验.
    SafetyValveCalibration,
    /// 压力表检定.
    GaugeVerification,
    /// 限速器校验.
    GovernorCalibration,
    /// 125% 制动试验.
    BrakeTest,
    /// 保险到期.
    Insurance,
    /// 作业人员证.
    OperatorCertificate,
    /// 报检: a month before the inspection is due.
    InspectionRequest,
    /// 设计使用年限.
    DesignLife,
}

impl Obligation {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 12] = [
        Self::PeriodicInspection,
        Self::InternalInspection,
        Self::InspectionRequest,
        Self::SelfTest,
        Self::AnnualCheck,
        Self::SafetyValveCalibration,
        Self::GaugeVerification,
        Self::GovernorCalibration,
        Self::BrakeTest,
        Self::Insurance,
        Self::OperatorCertificate,
        Self::DesignLife,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::PeriodicInspection => "periodic_inspection",
            Self::InternalInspection => "internal_inspection",
            Self::SelfTest => "self_test",
            Self::AnnualCheck => "annual_check",
            Self::SafetyValveCalibration => "safety_valve_calibration",
            Self::GaugeVerification => "gauge_verification",
            Self::GovernorCalibration => "governor_calibration",
            Self::BrakeTest => "brake_test",
            Self::Insurance => "insurance",
            Self::OperatorCertificate => "operator_certificate",
            Self::InspectionRequest => "inspection_request",
            Self::DesignLife => "design_life",
        }
    }

    /// By its key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// In Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::PeriodicInspection => ("定期检验", "periodic inspection"),
            Self::InternalInspection => ("内部检验", "internal inspection"),
            Self::SelfTest => ("自行检测", "self-test"),
            Self::AnnualCheck => ("年度检查", "annual check"),
            Self::SafetyValveCalibration => ("安全阀校验", "safety valve calibration"),
            Self::GaugeVerification => ("压力表检定", "gauge verification"),
            Self::GovernorCalibration => ("限速器校验", "governor calibration"),
            Self::BrakeTest => ("125%制动试验", "125 % brake test"),
            Self::Insurance => ("保险到期", "insurance expiry"),
            Self::OperatorCertificate => ("作业人员证到期", "operator certificate"),
            Self::InspectionRequest => ("申报检验", "inspection request"),
            Self::DesignLife => ("设计使用年限届满", "end of design life"),
        }
    }
}

/// How a due date stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The day has passed.
    Overdue,
    /// Within 30 days.
    Within30,
    /// Within 60 days.
    Within60,
    /// Later.
    Later,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Overdue, Self::Within30, Self::Within60, Self::Later];

    /// How `due` stands on `today`: on its day it is due, the day after overdue.
    #[must_use]
    pub fn of(due: Date, today: Date) -> Self {
        match (due - today).get_days() {
            ..0 => Self::Overdue,
            0..=30 => Self::Within30,
            31..=60 => Self::Within60,
            _ => Self::Later,
        }
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Within30 => "within_30",
            Self::Within60 => "within_60",
            Self::Later => "later",
        }
    }

    /// By its key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// Due dates of this standing on a day: from, to (inclusive).
    #[must_use]
    pub fn range(self, today: Date) -> (Option<Date>, Option<Date>) {
        let day = |days: i32| today.checked_add(jiff::Span::new().days(days)).ok();
        match self {
            Self::Overdue => (None, day(-1)),
            Self::Within30 => (Some(today), day(30)),
            Self::Within60 => (day(31), day(60)),
            Self::Later => (day(61), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_is_due_on_itself_and_overdue_the_day_after() {
        let today = date(2026, 6, 1);
        for (due, standing) in [
            (date(2026, 5, 31), Standing::Overdue),
            (today, Standing::Within30),
            (date(2026, 7, 1), Standing::Within30),
            (date(2026, 7, 2), Standing::Within60),
            (date(2026, 7, 31), Standing::Within60),
            (date(2026, 8, 1), Standing::Later),
        ] {
            assert_eq!(Standing::of(due, today), standing, "{due}");
            for other in Standing::ALL {
                let (from, to) = other.range(today);
                let inside = from.is_none_or(|from| from <= due) && to.is_none_or(|to| due <= to);
                assert_eq!(inside, other == standing, "{due} in {other:?}");
            }
        }
    }

    #[test]
    fn every_obligation_survives_its_key() {
        for one in Obligation::ALL {
            assert_eq!(Obligation::from_key(one.key()), Some(one));
        }
    }
}
