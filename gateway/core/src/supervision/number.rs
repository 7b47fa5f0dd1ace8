//! Numbers of cases: a pattern, and a count that belongs to whatever the rest of it says.

use super::Order;
use super::policy::SupervisionPolicy;
use crate::hazard::calendar::day_of;
use vigil_protocol::time::UtcMillis;

/// Where a number is counted, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The pattern with everything filled in but the count: numbers of one series are counted together.
    pub series: String,
    /// Least digits of the count.
    pub digits: usize,
}

impl Numbering {
    /// The `n`-th number of the series.
    #[must_use]
    pub fn number(&self, n: u64) -> String {
        let width = self.digits;
        self.series.replace("{n}", &format!("{n:0width$}"))
    }
}

/// How a case of this order, issued now, is numbered.
#[must_use]
pub fn numbering(order: &Order, now: UtcMillis, policy: &SupervisionPolicy) -> Numbering {
    let form = policy.form(order.kind);
    let area = match &*order.scope.area {
        "" => "000000",
        area => area,
    };
    let level = policy
        .level
        .iter()
        .find(|level| level.key == order.level)
        .map_or("", |level| &level.zh);
    Numbering {
        series: form
            .number
            .replace(
                "{year}",
                &year_of(day_of(now, policy.utc_offset_minutes)).to_string(),
            )
            .replace("{area}", area)
            .replace("{level}", level),
        digits: usize::from(form.digits.min(9)),
    }
}

/// The civil year of a day counted from 1970-01-01.
fn year_of(day: i64) -> i64 {
    // Days to the civil calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    // The year of that reckoning begins in March.
    yoe + era * 400 + i64::from(doy >= 306)
}

#[cfg(test)]
mod tests {
    use super::year_of;

    #[test]
    fn a_year_begins_on_its_first_of_january() {
        for (day, year) in [
            (0, 1970),
            (-1, 1969),
            (364, 1970),
            (365, 1971),
            (20_453, 2025),
            (20_454, 2026),
            (20_512, 2026),
            (20_513, 2026),
        ] {
            assert_eq!(year_of(day), year, "{day}");
        }
    }
}
