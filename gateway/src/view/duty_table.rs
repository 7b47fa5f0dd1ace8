//! Records as a table people take with them, page after page: however many there are, it takes little memory.

use crate::app::App;
use crate::desk::duty::{DutyError, DutyFilter, DutyPage, DutyRow, list};
use crate::desk::today;
use crate::sheet::{Heading, Row, WriteError, csv_line, stream_xlsx};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::io;
use std::sync::Arc;
use tokio::fs::File;
use tokio::sync::mpsc;
use vigil_core::duty::{DutyKind, DutyPolicy, Verdict, conclude};
use vigil_core::lists::Tongue;
use vigil_core::output::Refusal;
use vigil_core::people::Person;

/// Rows of a workbook at most: it is made whole before any of it is sent. A CSV has all rows.
pub const MOST_IN_WORKBOOK: usize = 100_000;
/// Rows read at a time.
const PAGE: u32 = 1_000;

/// Name of a verdict.
#[must_use]
pub const fn verdict(tongue: Tongue, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Found => tongue.pick("发现问题", "something found"),
        Verdict::NoData => tongue.pick("数据不完整", "data not complete"),
        Verdict::ZeroRisk => tongue.pick("零风险", "zero risk"),
    }
}

/// Name of one of the three.
#[must_use]
pub fn kind(policy: &DutyPolicy, tongue: Tongue, kind: DutyKind) -> &str {
    policy.get(kind).map_or("", |one| tongue.pick(&one.zh, &one.en))
}

/// A table on its way.
struct Table {
    app: App,
    person: Person,
    filter: DutyFilter,
    policy: Arc<DutyPolicy>,
    tongue: Tongue,
    /// There is no page left.
    ended: bool,
}

impl Table {
    fn new(app: &App, person: &Person, filter: DutyFilter, tongue: Tongue) -> Self {
        Self {
            app: app.clone(),
            person: person.clone(),
            filter: DutyFilter {
                limit: PAGE,
                ..filter
            },
            policy: Arc::clone(&app.rules.now().duty),
            tongue,
            ended: false,
        }
    }

    /// The next rows; none behind the last.
    async fn next(&mut self) -> Result<Vec<Vec<String>>, DutyError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let today = today(&self.app.clock, &self.app.config.web.timezone);
        let DutyPage { rows, next } = list(&self.app.desk, &self.person, &self.filter, today).await?;
        self.ended = next.is_none();
        self.filter.after = next;
        Ok(rows
            .iter()
            .map(|row| cells(&self.policy, row, self.tongue))
            .collect())
    }

    async fn lines(&mut self) -> Result<Vec<u8>, DutyError> {
        let rows = self.next().await?;
        Ok(rows.iter().flat_map(|row| csv_line(row)).collect())
    }
}

/// All records of a filter as CSV. The first rows are read before anything is said, so that what cannot be read is said
/// as such; what goes wrong behind them cuts the table off.
///
/// # Errors
/// The database cannot be read.
pub async fn csv(
    app: &App,
    person: &Person,
    filter: DutyFilter,
    tongue: Tongue,
) -> Result<BoxStream<'static, io::Result<Bytes>>, DutyError> {
    let mut table = Table::new(app, person, filter, tongue);
    let mut begin = b"\xef\xbb\xbf".to_vec();
    let heads: Vec<String> = columns(tongue).into_iter().map(|(title, _)| title).collect();
    begin.extend(csv_line(&heads));
    begin.extend(table.lines().await?);
    let others = stream::try_unfold(table, async |mut table| {
        if table.ended {
            return Ok::<_, io::Error>(None);
        }
        let lines = table.lines().await.map_err(io::Error::other)?;
        Ok(Some((Bytes::from(lines), table)))
    });
    let first = stream::once(std::future::ready(Ok(Bytes::from(begin))));
    Ok(first.chain(others).boxed())
}

/// Records of a filter as a workbook; more than [`MOST_IN_WORKBOOK`] are refused. The file has no name and is gone when it
/// is closed.
///
/// # Errors
/// There are too many; the database cannot be read, or the file not be written.
pub async fn xlsx(app: &App, person: &Person, filter: DutyFilter, tongue: Tongue) -> Result<File, DutyError> {
    let mut table = Table::new(app, person, filter, tongue);
    let (rows, mut written) = mpsc::channel::<Row>(PAGE as usize);
    let below = app.config.data_dir();
    let title = tongue.pick("日管控周排查月调度", "duty records").to_owned();
    let heading = Heading {
        sheet: title.clone(),
        foot: title.clone(),
        title,
        lines: Vec::new(),
        pages: tongue.pick("第 &P 页，共 &N 页", "page &P of &N").to_owned(),
        columns: columns(tongue),
    };
    let writer = tokio::task::spawn_blocking(move || {
        let dir = tempfile::tempdir_in(below)?;
        let path = dir.path().join("duty.xlsx");
        stream_xlsx(
            &path,
            dir.path(),
            &heading,
            std::iter::from_fn(|| written.blocking_recv()),
        )?;
        Ok::<_, WriteError>(std::fs::File::open(&path)?)
    });
    let mut sent = 0;
    while !table.ended {
        for row in table.next().await? {
            sent += 1;
            if sent > MOST_IN_WORKBOOK {
                return Err(too_many());
            }
            // Whoever writes has given up: why, he says himself.
            if rows.send(Ok(row)).await.is_err() {
                table.ended = true;
                break;
            }
        }
    }
    drop(rows);
    let file = writer
        .await
        .map_err(io::Error::other)
        .map_err(WriteError::from)??;
    Ok(File::from_std(file))
}

fn too_many() -> DutyError {
    let most = MOST_IN_WORKBOOK;
    DutyError::Refused(Refusal::new(
        "too_many_rows",
        format!(
            "a workbook has at most {most} rows: filter for fewer, or take the CSV, which has all of them"
        ),
        format!("工作簿最多 {most} 行：请筛选后再导出，或导出 CSV（不限行数）"),
    ))
}

/// Heads, with their width in characters.
fn columns(tongue: Tongue) -> Vec<(String, u16)> {
    [
        ("编号", "No.", 8),
        ("类型", "Kind", 10),
        ("单位", "Unit", 24),
        ("区划代码", "Area code", 9),
        ("开始", "From", 11),
        ("结束", "To", 11),
        ("签署期限", "To be signed by", 11),
        ("版本", "Version", 6),
        ("结论", "Verdict", 12),
        ("在用设备", "Machines", 8),
        ("发现问题的设备", "With findings", 8),
        ("数据不完整的设备", "Without data", 8),
        ("报警", "Alarms", 8),
        ("新增隐患", "Hazards opened", 8),
        ("未闭环隐患", "Hazards open", 8),
        ("签署人", "Signed by", 12),
        ("签署内容哈希", "Hash signed", 30),
    ]
    .into_iter()
    .map(|(zh, en, width)| (tongue.pick(zh, en).to_owned(), width))
    .collect()
}

fn cells(policy: &DutyPolicy, row: &DutyRow, tongue: Tongue) -> Vec<String> {
    let findings = if row.has_findings { "x" } else { "" };
    vec![
        row.n.to_string(),
        kind(policy, tongue, row.kind).to_owned(),
        row.unit_name.clone(),
        row.area.clone(),
        row.from.to_string(),
        row.to.to_string(),
        row.due.to_string(),
        row.version.to_string(),
        verdict(tongue, conclude(row.verdict, findings)).to_owned(),
        row.machines.0.to_string(),
        row.machines.1.to_string(),
        row.machines.2.to_string(),
        row.counts.0.to_string(),
        row.counts.1.to_string(),
        row.counts.2.to_string(),
        row.signed_name.clone().unwrap_or_default(),
        row.hash.clone().unwrap_or_default(),
    ]
}
