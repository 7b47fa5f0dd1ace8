//! Ground truth: the hazards a scenario must and must not open, and the comparison with what was opened.

use std::fmt;

use serde::Serialize;

/// A hazard that must be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Must {
    /// Equipment id.
    pub equipment: String,
    /// Rule id.
    pub rule: String,
    /// Exactly so many.
    pub count: u32,
    /// Opened from late data or not; either when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<bool>,
    /// Severity it must have; any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What happens, for people.
    pub why: String,
}

/// Hazards that must not be opened, or (as `may`) that are neither asked for nor wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// Equipment id, or `*` for every piece.
    pub equipment: String,
    /// Rule id, `PREFIX-*`, or `*` for every rule.
    pub rule: String,
    /// Why, for people.
    pub why: String,
}

/// Everything a scenario claims. What is neither asked for nor tolerated is false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Must be opened.
    pub must: Vec<Must>,
    /// Must not be opened: the traps of the scenario, named. (Anything not in `must` or `may` is false anyway.)
    pub must_not: Vec<Pattern>,
    /// Side effects nobody asks for and nobody minds.
    pub may: Vec<Pattern>,
}

/// A hazard as found in a gateway's register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// Equipment id.
    pub equipment: String,
    /// Rule id.
    pub rule: String,
    /// Opened from late data.
    pub late: bool,
    /// Severity as written by the gateway (`S1`), when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Whether the claim holds.
    pub ok: bool,
    /// What was claimed.
    pub claim: Claim,
    /// What was found instead, empty when the claim holds.
    pub found: String,
}

/// What was claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// This had to be opened.
    Must(Must),
    /// This had not to be opened.
    MustNot(Pattern),
}

/// The comparison of a register with the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// One row per claim, in the order of the scenario.
    pub rows: Vec<Row>,
    /// Hazards nobody claimed and nobody tolerates.
    pub unclaimed: Vec<Opened>,
}

impl Pattern {
    /// Whether it speaks of this hazard.
    #[must_use]
    pub fn matches(&self, opened: &Opened) -> bool {
        let equipment = self.equipment == "*" || self.equipment == opened.equipment;
        let rule = match self.rule.strip_suffix('*') {
            Some(prefix) => opened.rule.starts_with(prefix),
            None => self.rule == opened.rule,
        };
        equipment && rule
    }
}

impl Must {
    fn concerns(&self, opened: &Opened) -> bool {
        self.equipment == opened.equipment && self.rule == opened.rule
    }

    /// What is wrong, or nothing.
    fn fault(&self, register: &[Opened]) -> Option<String> {
        let found: Vec<&Opened> = register.iter().filter(|opened| self.concerns(opened)).collect();
        if found.len() as u64 != u64::from(self.count) {
            return Some(format!("opened {} times instead of {}", found.len(), self.count));
        }
        if let Some(late) = self.late
            && let Some(wrong) = found.iter().find(|opened| opened.late != late)
        {
            return Some(format!("late = {} instead of {late}", wrong.late));
        }
        let wanted = self.severity.as_ref()?;
        let wrong = found
            .iter()
            .filter_map(|opened| opened.severity.as_ref())
            .find(|has| *has != wanted)?;
        Some(format!("severity {wrong} instead of {wanted}"))
    }
}

impl Truth {
    /// Compares a register with the truth.
    #[must_use]
    pub fn compare(&self, register: &[Opened]) -> Verdict {
        let claimed = |opened: &Opened| self.must.iter().any(|must| must.concerns(opened));
        let must = self.must.iter().map(|must| {
            let found = must.fault(register);
            Row {
                ok: found.is_none(),
                claim: Claim::Must(must.clone()),
                found: found.unwrap_or_default(),
            }
        });
        let must_not = self.must_not.iter().map(|pattern| {
            let wrong: Vec<String> = register
                .iter()
                .filter(|opened| pattern.matches(opened) && !claimed(opened))
                .map(|opened| format!("{} {}", opened.equipment, opened.rule))
                .collect();
            Row {
                ok: wrong.is_empty(),
                claim: Claim::MustNot(pattern.clone()),
                found: wrong.join(", "),
            }
        });
        let rows = must.chain(must_not).collect();
        let known = |opened: &Opened| {
            claimed(opened)
                || self
                    .may
                    .iter()
                    .chain(&self.must_not)
                    .any(|pattern| pattern.matches(opened))
        };
        Verdict {
            rows,
            unclaimed: register.iter().filter(|opened| !known(opened)).cloned().collect(),
        }
    }

    /// Hazards the scenario asks for, counted.
    #[must_use]
    pub fn expected(&self) -> u32 {
        self.must.iter().map(|must| must.count).sum()
    }
}

impl Verdict {
    /// Whether the register is exactly the truth.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.unclaimed.is_empty() && self.rows.iter().all(|row| row.ok)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let mark = if row.ok { "ok  " } else { "FAIL" };
            let (kind, equipment, rule, why) = match &row.claim {
                Claim::Must(must) => ("must    ", &must.equipment, &must.rule, &must.why),
                Claim::MustNot(pattern) => ("must not", &pattern.equipment, &pattern.rule, &pattern.why),
            };
            write!(f, "{mark} {kind} {equipment:<10} {rule:<26} {why}")?;
            if !row.found.is_empty() {
                write!(f, " — {}", row.found)?;
            }
            writeln!(f)?;
        }
        for opened in &self.unclaimed {
            let late = if opened.late { " (late)" } else { "" };
            writeln!(
                f,
                "FAIL nobody claimed {} {}{late}",
                opened.equipment, opened.rule
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Must, Opened, Pattern, Truth};

    fn truth() -> Truth {
        let must = |rule: &str, late, severity: Option<&str>| Must {
            equipment: "lift-1".into(),
            rule: rule.into(),
            count: 1,
            late,
            severity: severity.map(Into::into),
            why: String::new(),
        };
        let pattern = |equipment: &str, rule: &str| Pattern {
            equipment: equipment.into(),
            rule: rule.into(),
            why: String::new(),
        };
        Truth {
            must: vec![must("A", None, Some("S1")), must("B", Some(true), None)],
            must_not: vec![pattern("lift-2", "*"), pattern("*", "PV-*")],
            may: vec![pattern("lift-3", "A")],
        }
    }

    fn opened(equipment: &str, rule: &str, late: bool) -> Opened {
        Opened {
            equipment: equipment.into(),
            rule: rule.into(),
            late,
            severity: Some("S1".into()),
        }
    }

    fn verdict(register: &[Opened]) -> (bool, usize, usize) {
        let verdict = truth().compare(register);
        assert_eq!(
            verdict.ok(),
            verdict.rows.iter().all(|row| row.ok) && verdict.unclaimed.is_empty()
        );
        (
            verdict.ok(),
            verdict.rows.iter().filter(|row| !row.ok).count(),
            verdict.unclaimed.len(),
        )
    }

    #[test]
    fn the_register_must_be_the_truth_no_less_and_no_more() {
        let right = vec![opened("lift-1", "A", false), opened("lift-1", "B", true)];
        assert_eq!(verdict(&right), (true, 0, 0));
        let with = |extra: Opened| [right.clone(), vec![extra]].concat();
        assert_eq!(verdict(&right[..1]), (false, 1, 0), "one is missing");
        assert_eq!(
            verdict(&with(opened("lift-1", "A", false))),
            (false, 1, 0),
            "one is there twice"
        );
        assert_eq!(
            verdict(&with(opened("lift-2", "X", false))),
            (false, 1, 0),
            "a named trap"
        );
        assert_eq!(
            verdict(&with(opened("lift-9", "PV-P-H", false))),
            (false, 1, 0),
            "a trap by prefix"
        );
        assert_eq!(
            verdict(&with(opened("lift-3", "A", false))),
            (true, 0, 0),
            "tolerated"
        );
        assert_eq!(
            verdict(&with(opened("lift-3", "B", false))),
            (false, 0, 1),
            "nobody claimed it"
        );
    }

    #[test]
    fn lateness_and_severity_are_part_of_the_claim() {
        let mut register = vec![opened("lift-1", "A", false), opened("lift-1", "B", false)];
        assert_eq!(verdict(&register), (false, 1, 0));
        register[1].late = true;
        register[0].severity = Some("S2".into());
        assert_eq!(verdict(&register), (false, 1, 0));
        register[0].severity = None;
        assert_eq!(
            verdict(&register),
            (true, 0, 0),
            "a severity nobody told is no contradiction"
        );
    }

    #[test]
    fn the_verdict_reads_as_lines() {
        let text = truth()
            .compare(&[opened("lift-1", "A", false), opened("lift-5", "C", true)])
            .to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].starts_with("ok   must     lift-1     A"), "{text}");
        assert!(lines[1].contains("opened 0 times instead of 1"), "{text}");
        assert_eq!(lines[4], "FAIL nobody claimed lift-5 C (late)");
    }
}
