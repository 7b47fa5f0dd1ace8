//! Fills a database through the gateway's own store and register: what the schema or the core forbid does not get in.

use super::equipment::Piece;
use super::people::Asker;
use super::{Dice, equipment, hazards, people, records};
use sqlx::Row as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use vigil_core::alarm::{AlarmClass, AlarmFlags, AlarmRecord};
use vigil_core::catalog::Catalog;
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_core::pack::Severity;
use vigil_gateway::clock::Clock;
use vigil_gateway::desk::register::Act;
use vigil_gateway::desk::today;
use vigil_gateway::people::People;
use vigil_gateway::secrets::AdminToken;
use vigil_gateway::store::{self, Batch, Desk, StoreOptions, Writer};
use vigil_protocol::time::UtcMillis;

const DAY_MS: i64 = 86_400_000;
const TIMEZONE: &str = "Asia/Shanghai";

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Hazards, over three years.
    pub hazards: u64,
    /// Pieces of equipment.
    pub equipment: usize,
    /// Users; certificates up to 2,000.
    pub users: usize,
    /// Entries of the audit log.
    pub deeds: usize,
    /// Alarms, a tenth of them standing.
    pub alarms: usize,
    /// Cases: listings, interviews, circulars.
    pub cases: usize,
    /// Days of which the first 3,000 units have a record of duty.
    pub days: u32,
    /// Hazards of one transaction: within it they are numbered in the order of their ids.
    pub at_once: u64,
}

/// Fills an empty data directory; says how far it is. Gives those in whose names can be asked.
///
/// # Panics
/// Anything cannot be written.
pub async fn fill(data: &Path, size: &Size, say: &dyn Fn(&str)) -> Vec<Asker> {
    std::fs::create_dir_all(data).expect("the directory can be made");
    let options = StoreOptions::new(data.join("vigil.db"));
    // Opened once for the schema, and again when it is as it is to be for what is written.
    let (writer, reader) = store::open(&options).await.expect("an empty database");
    reader.close().await;
    writer.close().await.expect("it is closed");
    let desk = store::desk(&options);
    let (token, _) = AdminToken::load_or_create(&data.join("admin.token")).expect("a token");
    let clock = Clock::system();
    let now = clock.now();
    let act = Act::new("bench", "command", now, today(&clock, TIMEZONE));
    let begun = Instant::now();
    let told = |what: &str| say(&format!("{what} ({:.0} s)", begun.elapsed().as_secs_f64()));

    let pieces = equipment::fill(&desk, &act, size.equipment).await;
    told(&format!("{} pieces of equipment", pieces.len()));
    let people = People::open(desk.clone(), Arc::new(token), clock, &Catalog::default())
        .await
        .expect("readable");
    let askers = people::askers(&people, &pieces).await;
    people::fill(&desk, &act, &pieces, size.users, size.deeds).await;
    told(&format!(
        "{} users, {} entries of the audit log",
        size.users, size.deeds
    ));

    let indices = drop_indices(&desk).await;
    let (mut writer, reader) = store::open(&options).await.expect("the same database");
    let mut batches = Batches {
        writer: &mut writer,
        id: 0,
        position: 0,
        now,
    };
    hazards_of(&mut batches, size, now.0, &pieces).await;
    told(&format!("{} hazards", size.hazards));
    alarms_of(&mut batches, size.alarms, now.0, &pieces).await;
    for sql in indices {
        run(&desk, &sql).await;
    }
    // Three years of nights have passed: every event stands under a head, and the day's work is done.
    run(&desk, "DELETE FROM unsealed_events").await;
    run(
        &desk,
        &format!(
            "UPDATE meta SET value = '{}' WHERE key = 'register_day'",
            act.today
        ),
    )
    .await;
    told("indices");
    write_records(&desk, &act, size, &pieces, &told).await;
    desk.close().await;
    reader.close().await;
    writer.close().await.expect("the log is folded in");
    told("done");
    askers
}

/// What people write at the desk, if there is none of it yet: for data filled before it was thought of.
///
/// # Panics
/// It cannot be written.
pub async fn complete(data: &Path, size: &Size, say: &dyn Fn(&str)) {
    let desk = store::desk(&StoreOptions::new(data.join("vigil.db")));
    let points: i64 = sqlx::query_scalar("SELECT count(*) FROM (SELECT 1 FROM risk_points LIMIT 1)")
        .fetch_one(desk.reading())
        .await
        .expect("readable");
    if points == 0 {
        let clock = Clock::system();
        let act = Act::new("bench", "command", clock.now(), today(&clock, TIMEZONE));
        let pieces = equipment::known(&desk).await;
        write_records(&desk, &act, size, &pieces, say).await;
    }
    desk.close().await;
}

async fn write_records(desk: &Desk, act: &Act, size: &Size, pieces: &[Piece], say: &dyn Fn(&str)) {
    for sql in records::statements(act, 3_000, size.days) {
        run(desk, &sql).await;
    }
    say("risk points, measures, checks, records of duty");
    records::cases(desk, act, pieces, size.cases).await;
    say(&format!("{} cases", size.cases));
}

async fn run(desk: &Desk, sql: &str) {
    let mut write = desk.begin().await.expect("a turn");
    let connection = write.connection().expect("under way");
    for sql in ["PRAGMA cache_size = -500000", sql] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    write.commit().await.expect("it is kept");
}

/// Takes the hazards' indices away, to be made again when all is in: much quicker, and the same in the end.
async fn drop_indices(desk: &Desk) -> Vec<String> {
    let rows = sqlx::query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'hazards' AND sql IS NOT NULL")
        .fetch_all(desk.reading())
        .await
        .expect("the schema");
    let mut made = Vec::new();
    for row in rows {
        made.push(row.get("sql"));
        run(desk, &format!("DROP INDEX {}", row.get::<String, _>("name"))).await;
    }
    made
}

struct Batches<'w> {
    writer: &'w mut Writer,
    id: u64,
    position: u64,
    now: UtcMillis,
}

impl Batches<'_> {
    async fn commit(&mut self, outputs: Vec<Output>) {
        self.id += 1;
        let batch = Batch {
            id: self.id,
            outputs,
            position: Position(self.position),
            now: self.now,
            ..Batch::default()
        };
        self.writer.commit(&batch).await.expect("a batch is written");
    }
}

async fn hazards_of(batches: &mut Batches<'_>, size: &Size, now: i64, pieces: &[equipment::Piece]) {
    let all = size.hazards;
    let step = 3 * 365 * DAY_MS / all.max(1) as i64;
    let mut outputs = Vec::new();
    for n in 0..all {
        let at = now - (all - n) as i64 * step - 4 * DAY_MS;
        let (events, state) = hazards::hazard(n, all, at, now, pieces);
        let whole = !state.status.is_final() || n % hazards::WHOLE_CHAIN == 0;
        // Of most that are closed only the first link is kept: lists do not read the others.
        let kept = if whole { events.len() } else { 1 };
        for event in events.into_iter().take(kept) {
            outputs.push(Output::Hazard {
                event: Box::new(event),
                summary: Box::new(state.clone()),
            });
        }
        batches.position = n + 1;
        if (n + 1) % size.at_once == 0 || n + 1 == all {
            batches.commit(std::mem::take(&mut outputs)).await;
        }
    }
}

async fn alarms_of(batches: &mut Batches<'_>, all: usize, now: i64, pieces: &[equipment::Piece]) {
    let mut dice = Dice::new(5);
    let outputs = (0..all).map(|n| {
        let mut flags = AlarmFlags::NORMAL;
        if n % 10 == 0 {
            flags.raise();
            if n % 20 == 0 {
                flags.acknowledge();
            }
        }
        let at = UtcMillis(now - dice.below(90 * DAY_MS as u64) as i64);
        Output::Alarm(AlarmRecord {
            equipment: pieces[n % pieces.len()].id.clone(),
            rule: format!("ALARM-{}", n / pieces.len()).into(),
            class: AlarmClass::Process,
            severity: *dice.one(&[Severity::S1, Severity::S2, Severity::S3, Severity::S4]),
            state: flags.state(),
            flags,
            since: at,
            changed: at,
            count: 1,
            hazard: None,
            detail: "1.31 MPa".to_owned(),
        })
    });
    let outputs: Vec<Output> = outputs.collect();
    batches.commit(outputs).await;
}
