//! The checker: what must hold after any accident. Strict, and itself tested with logs that are wrong.
//!
//! Three witnesses are compared: what the simulation measured, what the nodes' journals kept, and what the gateway
//! has on disk.

use crate::journals::JournalEnd;
use crate::register::{ReadingKey, Register};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use vigil_core::hazard::verify_chain;
use vigil_simulator::truth::{Opened, Truth};

/// What must have come of a run.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The scenario's ground truth.
    pub truth: &'a Truth,
    /// Whether hazards must be live or late as the truth says. Not after kills: what was under way is then found late.
    pub lateness: bool,
    /// The nodes' journals.
    pub journals: &'a [JournalEnd],
    /// Every reading taken, when nothing was killed that takes them.
    pub readings: Option<&'a BTreeMap<ReadingKey, u32>>,
}

/// What was counted, and everything that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Messages the nodes' journals ever held.
    pub journaled: u64,
    /// Of those, in the log.
    pub logged: u64,
    /// Of those, not in the log.
    pub lost: u64,
    /// In the log more than once.
    pub duplicate: u64,
    /// Readings compared one by one.
    pub readings: u64,
    /// Hazards in the register.
    pub hazards: u64,
    /// Hazards the truth asks for and the register lacks, or has too often.
    pub missed: u64,
    /// Hazards in the register that nobody asked for.
    pub wrong: u64,
    /// Everything wrong, in words.
    pub problems: Vec<String>,
}

impl Findings {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds the counts and problems of another check.
    pub fn add(&mut self, other: Self) {
        self.journaled += other.journaled;
        self.logged += other.logged;
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.readings += other.readings;
        self.hazards += other.hazards;
        self.missed += other.missed;
        self.wrong += other.wrong;
        self.problems.extend(other.problems);
    }

    fn problem(&mut self, text: String) {
        // Enough to understand; a hopeless log would fill the screen.
        if self.problems.len() < 40 {
            self.problems.push(text);
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "journaled {}  in the log {}  lost {}  duplicate {}  readings compared {}  hazards {}  missed {}  false {}",
            self.journaled,
            self.logged,
            self.lost,
            self.duplicate,
            self.readings,
            self.hazards,
            self.missed,
            self.wrong
        )?;
        for problem in &self.problems {
            writeln!(f, "  WRONG {problem}")?;
        }
        Ok(())
    }
}

/// Compares what is on disk with what must be there.
#[must_use]
pub fn check(register: &Register, expected: &Expected<'_>) -> Findings {
    let mut findings = Findings::default();
    if register.integrity != "ok" {
        findings.problem(format!("the database is damaged: {}", register.integrity));
    }
    check_journals(register, expected.journals, &mut findings);
    if let Some(readings) = expected.readings {
        check_readings(register, readings, &mut findings);
    }
    check_truth(register, expected, &mut findings);
    check_chains(register, &mut findings);
    findings
}

/// Every message a node ever kept is in the log exactly once, and nothing else is.
fn check_journals(register: &Register, journals: &[JournalEnd], findings: &mut Findings) {
    let mut logged: BTreeMap<(&str, u64), Vec<u64>> = BTreeMap::new();
    for row in &register.log {
        if let Some((epoch, seq)) = row.journal {
            logged.entry((&row.node, epoch)).or_default().push(seq);
        }
    }
    if journals.is_empty() {
        findings.problem("no node kept a journal: nothing was checked".to_owned());
    }
    for journal in journals {
        let (node, epoch) = (journal.node.as_str(), journal.epoch);
        let seqs = logged.remove(&(node, epoch)).unwrap_or_default();
        let distinct: BTreeSet<u64> = seqs.iter().copied().collect();
        let missing: Vec<u64> = (0..journal.next).filter(|seq| !distinct.contains(seq)).collect();
        let twice = seqs.len() as u64 - distinct.len() as u64;
        findings.journaled += journal.next;
        findings.logged += distinct.len() as u64;
        findings.lost += (missing.len() as u64).saturating_sub(journal.dropped);
        findings.duplicate += twice;
        if missing.len() as u64 != journal.dropped {
            let some = &missing[..missing.len().min(8)];
            findings.problem(format!(
                "{node}: {} messages are not in the log: {some:?} …",
                missing.len()
            ));
        }
        if twice > 0 {
            findings.problem(format!("{node}: {twice} messages are in the log twice"));
        }
        if let Some(beyond) = distinct.range(journal.next..).next() {
            findings.problem(format!(
                "{node}: the log has message {beyond}, the node never wrote it"
            ));
        }
        if journal.first != journal.next {
            findings.problem(format!(
                "{node}: {} of {} were never acknowledged",
                journal.first, journal.next
            ));
        }
        if journal.next == 0 {
            findings.problem(format!("{node}: its journal was never used"));
        }
    }
    for (node, epoch) in logged.keys() {
        findings.problem(format!(
            "the log has messages of {node} in epoch {epoch}, which no journal knows"
        ));
    }
}

/// The log holds every reading that was taken, exactly once, as it was taken.
fn check_readings(register: &Register, taken: &BTreeMap<ReadingKey, u32>, findings: &mut Findings) {
    let logged = register.readings();
    findings.readings = taken.values().map(|times| u64::from(*times)).sum();
    for (key, times) in taken {
        let there = logged.get(key).copied().unwrap_or(0);
        if there != *times {
            findings.problem(format!(
                "reading {key:?} was taken {times} times and is {there} times in the log"
            ));
        }
    }
    for key in logged.keys().filter(|key| !taken.contains_key(*key)) {
        findings.problem(format!("reading {key:?} is in the log and was never taken"));
    }
}

/// The register is the truth: nothing missed, nothing twice, nothing invented.
fn check_truth(register: &Register, expected: &Expected<'_>, findings: &mut Findings) {
    let opened: Vec<Opened> = register
        .hazards
        .iter()
        .map(|hazard| Opened {
            equipment: hazard.equipment.clone(),
            rule: hazard.rule.clone(),
            late: hazard.late,
            severity: Some(hazard.severity.clone()),
        })
        .collect();
    let mut truth = expected.truth.clone();
    if !expected.lateness {
        for must in &mut truth.must {
            must.late = None;
        }
    }
    let verdict = truth.compare(&opened);
    findings.hazards = opened.len() as u64;
    for row in verdict.rows.iter().filter(|row| !row.ok) {
        match row.claim {
            vigil_simulator::truth::Claim::Must(_) => findings.missed += 1,
            vigil_simulator::truth::Claim::MustNot(_) => findings.wrong += 1,
        }
    }
    findings.wrong += verdict.unclaimed.len() as u64;
    for line in verdict
        .to_string()
        .lines()
        .filter(|line| line.starts_with("FAIL"))
    {
        findings.problem(format!("hazards: {line}"));
    }
}

/// Every hazard is its chain, and every chain speaks of messages that are in the log.
fn check_chains(register: &Register, findings: &mut Findings) {
    let positions: BTreeSet<i64> = register.log.iter().map(|row| row.position).collect();
    for hazard in &register.hazards {
        match verify_chain(&hazard.events) {
            Err(error) => findings.problem(format!("{}: its chain is broken: {error}", hazard.id)),
            Ok(summary) => {
                let same = *summary.equipment == *hazard.equipment
                    && *summary.rule == *hazard.rule
                    && summary.episode.0 == hazard.episode
                    && summary.late == hazard.late
                    && summary.head.to_string() == hazard.head;
                if !same {
                    findings.problem(format!(
                        "{}: the register and its chain differ: {summary:?}",
                        hazard.id
                    ));
                }
            }
        }
        for event in &hazard.events {
            if !positions.contains(&(event.position.0 as i64)) {
                findings.problem(format!(
                    "{} event {}: position {} is not in the log",
                    hazard.id, event.seq, event.position.0
                ));
            }
        }
    }
}
