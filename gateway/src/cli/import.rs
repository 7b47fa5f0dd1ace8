//! `vigil import`: a register of equipment from a file.

use super::{complain, ended, print};
use crate::clock::Clock;
use crate::config::Config;
use crate::desk::register::{self, Act, Choice, Plan};
use crate::desk::today;
use crate::sheet;
use crate::store::{self, Desk, StoreError, StoreOptions};
use crate::view::register::{FindingView, ImportCounts, outcome_key};
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vigil_core::calendar::Schedules;

/// Arguments of `vigil import`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["preview", "apply"])))]
pub(super) struct ImportArgs {
    /// The file: .xlsx or .csv.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Say what is wrong with it and what it would change. Changes nothing; a running gateway is not disturbed.
    #[arg(long)]
    preview: bool,
    /// Take it over: all of it, or nothing. The gateway must not run; with a running one use its page or API.
    #[arg(long)]
    apply: bool,
    /// Leave out rows that cannot be taken; without it they stop all of it.
    #[arg(long, requires = "apply")]
    without_refused: bool,
    /// Sheet of the workbook.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Where to write the cleaning report, .xlsx or .csv.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Configuration that names the database; without it `vigil.toml`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Rows told of on a terminal.
const TOLD: usize = 50;

/// 0 = done; 1 = failed, or rows that cannot be taken.
pub(super) fn main(args: &ImportArgs) -> ExitCode {
    ended(run(args), |clean| ExitCode::from(u8::from(!clean)))
}

async fn run(args: &ImportArgs) -> Result<bool, Vec<String>> {
    let failed = |error: &dyn std::fmt::Display| vec![format!("vigil: {error}")];
    let told = |findings: Vec<vigil_core::diagnostic::Diagnostic>| {
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (config, _) = Config::load(args.config.as_deref()).map_err(told)?;
    let (rules, _) = config.load_desk().map_err(told)?;
    let unreadable =
        |error: std::io::Error| vec![format!("vigil: cannot read {}: {error}", args.file.display())];
    let size = std::fs::metadata(&args.file).map_err(unreadable)?.len();
    let limit = sheet::Limits::default().file as u64;
    if size > limit {
        return Err(vec![format!(
            "vigil: {} has {size} bytes; at most {limit} are read",
            args.file.display()
        )]);
    }
    let bytes = std::fs::read(&args.file).map_err(unreadable)?;
    std::fs::create_dir_all(config.data_dir()).map_err(|error| failed(&error))?;
    let options = StoreOptions::new(config.database());
    // Held until the end, so that no gateway starts meanwhile.
    let opened = match store::open(&options).await {
        Ok(opened) => Some(opened),
        Err(StoreError::InUse { .. }) if args.preview => None,
        Err(error) => return Err(failed(&error)),
    };
    let desk = store::desk(&options);
    let clock = Clock::system();
    let act = Act::new(
        "vigil import".to_owned(),
        "command",
        clock.now(),
        today(&clock, &config.web.timezone),
    );
    let zh = config.web.language == crate::config::Language::Zh;
    let done = work(args, &desk, (&act, &rules.schedules), bytes, zh).await;
    desk.close().await;
    drop(opened);
    done
}

async fn work(
    args: &ImportArgs,
    desk: &Desk,
    (act, schedules): (&Act, &Schedules),
    bytes: Vec<u8>,
    zh: bool,
) -> Result<bool, Vec<String>> {
    let failed = |error: &dyn std::fmt::Display| vec![format!("vigil: {}: {error}", args.file.display())];
    let choice = Choice {
        sheet: args.sheet.clone(),
        ..Choice::default()
    };
    let plan = register::plan_file(desk, act, &choice, bytes.clone())
        .await
        .map_err(|error| failed(&error))?;
    if let Some(path) = &args.report {
        write_report(path, &plan, zh).map_err(|error| vec![error])?;
    }
    let mut left_out = None;
    if args.apply {
        let name = args
            .file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let (kept, _) = register::send(desk, act, &name, &bytes, None)
            .await
            .map_err(|error| failed(&error))?;
        register::choose(desk, kept.n, Some(kept.revision), &choice)
            .await
            .map_err(|error| failed(&error))?;
        let done = register::apply(desk, act, schedules, kept.n, None, args.without_refused).await;
        match done {
            Ok(applied) => left_out = Some(applied.left_out),
            Err(error) => {
                if let Err(error) = register::discard(desk, act, kept.n, None).await {
                    complain(&format!("vigil: {error}"));
                }
                print(&said(args, &plan, None, zh));
                return Err(failed(&error));
            }
        }
    }
    print(&said(args, &plan, left_out, zh));
    Ok(left_out.unwrap_or(plan.counts.refused) == 0)
}

fn write_report(path: &Path, plan: &Plan, zh: bool) -> Result<(), String> {
    let table = register::report(plan, zh);
    let csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let bytes = if csv {
        sheet::to_csv(&table)
    } else {
        sheet::to_xlsx(&table).map_err(|error| format!("vigil: cannot make the report: {error}"))?
    };
    std::fs::write(path, bytes).map_err(|error| format!("vigil: cannot write {}: {error}", path.display()))
}

fn said(args: &ImportArgs, plan: &Plan, left_out: Option<u64>, zh: bool) -> String {
    if args.json {
        let rows: Vec<_> = plan
            .rows
            .iter()
            .filter(|row| !row.findings.is_empty() || !row.changes().is_empty())
            .map(|row| {
                json!({
                    "row": row.row, "id": row.id, "name": row.name, "outcome": outcome_key(row), "score": row.score,
                    "changes": row.changes(),
                    "findings": row.findings.iter().map(FindingView::from).collect::<Vec<_>>(),
                })
            })
            .collect();
        let answer = json!({
            "applied": left_out.is_some(), "left_out": left_out, "sheet": plan.sheet, "header_row": plan.header,
            "counts": ImportCounts::from(plan.counts), "rows": rows,
            "missing": plan.missing.named.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        });
        return answer.to_string();
    }
    let counts = plan.counts;
    let mut text = String::new();
    let mut told = 0;
    for row in &plan.rows {
        for finding in row.findings.iter().take(TOLD - told) {
            let (level_zh, level_en) = finding.level.titles();
            let (level, what, fix) = if zh {
                (level_zh, &finding.what.zh, &finding.fix.zh)
            } else {
                (level_en, &finding.what.en, &finding.fix.en)
            };
            let field = finding
                .field
                .map_or("", |field| if zh { field.title_zh() } else { field.title_en() });
            // Writing to a String cannot fail.
            writeln!(
                text,
                "{:>6} {} [{level}] {field}: {what} — {fix}",
                row.row,
                finding.rule.key()
            )
            .unwrap_or_default();
        }
        told += row.findings.len().min(TOLD - told);
    }
    let all: usize = plan.rows.iter().map(|row| row.findings.len()).sum();
    if all > told {
        writeln!(text, "   … {} more; --report FILE or --json has all", all - told).unwrap_or_default();
    }
    write!(
        text,
        "{} rows: {} new, {} changed, {} unchanged, {} not taken; {} to be corrected, {} corrected; mean quality {}; {} not in the file",
        counts.rows, counts.new, counts.changed, counts.unchanged, counts.refused, counts.wrong, counts.corrected, counts.score,
        plan.missing.total
    )
    .unwrap_or_default();
    match left_out {
        Some(0) => text.push_str("\napplied"),
        Some(left) => write!(text, "\napplied without {left} rows").unwrap_or_default(),
        None => text.push_str("\nnothing was changed"),
    }
    text
}
