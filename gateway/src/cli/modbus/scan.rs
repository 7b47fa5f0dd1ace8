//! `vigil modbus scan`.

use super::super::{complain, print};
use super::table::Table;
use super::{Target, address, duration, function, session};
use crate::modbus::{ReadError, Session};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::json;
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::time::Instant;
use vigil_core::modbus::{Block, Function, ReadFailure};

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which unit addresses answer.
    Units {
        #[command(flatten)]
        target: Target,
        /// First unit address.
        #[arg(long, default_value_t = 1)]
        from: u8,
        /// Last unit address.
        #[arg(long, default_value_t = 247)]
        to: u8,
        /// Stop after this time, whatever is left.
        #[arg(long, default_value = "300s", value_parser = duration)]
        within: Duration,
    },
    /// Which registers a device has.
    Registers {
        #[command(flatten)]
        target: Target,
        /// Unit address.
        #[arg(long, default_value_t = 1)]
        unit: u8,
        /// 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers.
        #[arg(long, default_value = "3", value_parser = function)]
        function: Function,
        /// First address.
        #[arg(long, default_value = "0", value_parser = address)]
        from: u16,
        /// Last address.
        #[arg(long, default_value = "999", value_parser = address)]
        to: u16,
        /// Stop after this time, whatever is left.
        #[arg(long, default_value = "300s", value_parser = duration)]
        within: Duration,
    },
}

/// Requests in a row that nobody answers, after which a scan of registers ends.
const GIVE_UP: u32 = 3;
/// Nearly all units are not there: waiting long for each would take very long.
const UNIT_DEADLINE: Duration = Duration::from_millis(250);

pub(super) async fn run(args: &ScanArgs) -> Result<bool, String> {
    match &args.what {
        What::Units {
            target,
            from,
            to,
            within,
        } => units(target, *from, *to, *within).await,
        What::Registers {
            target,
            unit,
            function,
            from,
            to,
            within,
        } => {
            if from > to {
                return Err(format!("--from {from} is above --to {to}"));
            }
            registers(target, *unit, *function, (*from, *to), *within).await
        }
    }
}

fn progress(length: u64, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(length)
    }
}

async fn units(target: &Target, from: u8, to: u8, within: Duration) -> Result<bool, String> {
    let link = target.link()?;
    let deadline = target.deadline.unwrap_or(UNIT_DEADLINE);
    let mut session = session(&link, deadline);
    let until = Instant::now() + within;
    let bar = progress(u64::from(to.saturating_sub(from)) + 1, target.json);
    let mut found = Vec::new();
    let mut complete = true;
    for unit in from..=to {
        if Instant::now() >= until {
            complete = false;
            complain(&format!("stopped before unit {unit}: --within is over"));
            break;
        }
        let begun = Instant::now();
        let mut result = session
            .read(unit, Function::HoldingRegisters.one(0), deadline)
            .await;
        // The late answer of the one before, perhaps.
        if let Err(ReadError::Read {
            failure: ReadFailure::Mismatch,
            ..
        }) = result
        {
            result = session
                .read(unit, Function::HoldingRegisters.one(0), deadline)
                .await;
        }
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        match result {
            Ok(_) => found.push((unit, ms, "holding register 0 is there".to_owned())),
            // A gateway speaks for a unit that is not there.
            Err(ReadError::Read {
                failure: ReadFailure::Exception(10 | 11),
                ..
            }) => {}
            Err(ReadError::Read {
                failure: failure @ ReadFailure::Exception(_),
                ..
            }) => {
                found.push((unit, ms, failure.to_string()));
            }
            Err(ReadError::Read { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if target.json {
        let units: Vec<_> = found
            .iter()
            .map(|(unit, ms, said)| json!({ "unit": unit, "ms": ms, "said": said }))
            .collect();
        print(&json!({ "link": link.to_string(), "complete": complete, "units": units }).to_string());
    } else if found.is_empty() {
        print(&format!("{link}: nobody answers as unit {from} to {to}"));
    } else {
        let mut table = Table::new(&["unit", "ms", "said"]);
        for (unit, ms, said) in &found {
            table.row([unit.to_string(), format!("{ms:.1}"), said.clone()]);
        }
        print(table.to_string().trim_end());
    }
    Ok(!found.is_empty())
}

/// Halves what is refused until it is one register.
async fn registers(
    target: &Target,
    unit: u8,
    function: Function,
    (from, to): (u16, u16),
    within: Duration,
) -> Result<bool, String> {
    let link = target.link()?;
    let mut session = session(&link, target.deadline());
    let until = Instant::now() + within;
    let bar = progress(u64::from(to - from) + 1, target.json);
    let mut scan = Scan {
        there: Vec::new(),
        unanswered: 0,
        problem: None,
    };
    // Some devices refuse large requests for whatever they do have.
    let size = if function.is_bits() { 256 } else { 64 };
    let mut waiting: Vec<Block> = (from..=to)
        .step_by(size)
        .filter_map(|start| Block::new(function, start, (to - start).saturating_add(1).min(size as u16)))
        .collect();
    waiting.reverse();
    while let Some(block) = waiting.pop() {
        if Instant::now() >= until {
            scan.problem = Some(format!("stopped at {:#06x}: --within is over", block.start));
            break;
        }
        match scan.ask(&mut session, unit, block, target.deadline()).await? {
            Next::Done => bar.inc(block.count.into()),
            Next::Halve => {
                let half = block.count / 2;
                waiting.extend(Block::new(function, block.start + half, block.count - half));
                waiting.extend(Block::new(function, block.start, half));
            }
            Next::GiveUp => break,
        }
    }
    bar.finish_and_clear();
    let ranges = scan.ranges();
    if target.json {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(first, last)| json!({ "first": first, "last": last }))
            .collect();
        let report = json!({
            "link": link.to_string(), "unit": unit, "function": function.code(), "ranges": ranges, "problem": scan.problem,
        });
        print(&report.to_string());
        return Ok(!ranges.is_empty());
    }
    if let Some(problem) = &scan.problem {
        complain(problem);
    }
    if ranges.is_empty() {
        print(&format!(
            "unit {unit} has no {}s from {from:#06x} to {to:#06x}",
            function.title_en()
        ));
        return Ok(false);
    }
    let mut table = Table::new(&["first", "last", "first hex", "last hex", "count"]);
    for (first, last) in &ranges {
        table.row([
            first.to_string(),
            last.to_string(),
            format!("{first:#06x}"),
            format!("{last:#06x}"),
            (u32::from(last - first) + 1).to_string(),
        ]);
    }
    print(&format!(
        "unit {unit}, {}s:\n{}",
        function.title_en(),
        table.to_string().trim_end()
    ));
    Ok(true)
}

struct Scan {
    there: Vec<Block>,
    unanswered: u32,
    problem: Option<String>,
}

enum Next {
    Done,
    Halve,
    GiveUp,
}

impl Scan {
    async fn ask(
        &mut self,
        session: &mut Session,
        unit: u8,
        block: Block,
        deadline: Duration,
    ) -> Result<Next, String> {
        match session.read(unit, block, deadline).await {
            Ok(_) => {
                self.unanswered = 0;
                self.there.push(block);
                Ok(Next::Done)
            }
            Err(ReadError::Read {
                failure: failure @ ReadFailure::Exception(code),
                ..
            }) => {
                self.unanswered = 0;
                if code == 1 {
                    self.problem = Some(format!("unit {unit}: {failure}"));
                    return Ok(Next::GiveUp);
                }
                Ok(if block.count > 1 { Next::Halve } else { Next::Done })
            }
            Err(error @ ReadError::Open { .. }) => Err(error.to_string()),
            Err(error) => {
                self.unanswered += 1;
                if self.unanswered >= GIVE_UP {
                    self.problem = Some(format!("given up: {error}"));
                    return Ok(Next::GiveUp);
                }
                Ok(Next::Done)
            }
        }
    }

    /// First and last of what lies side by side.
    fn ranges(&self) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for block in &self.there {
            let last = block.start + (block.count - 1);
            match ranges.last_mut() {
                Some((_, end)) if u32::from(*end) + 1 == u32::from(block.start) => *end = last,
                _ => ranges.push((block.start, last)),
            }
        }
        ranges
    }
}
