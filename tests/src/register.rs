//! What a gateway left on disk, read without any of the gateway's own code.

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};
use vigil_core::hazard::HazardEvent;
use vigil_protocol::journal::{METRIC_BOOT, METRIC_SEQ};
use vigil_protocol::sparkplug::{DataType, PayloadView, Value};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quality;

/// A row of the message log.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Place in the order of inputs.
    pub position: i64,
    /// `group/node`
    pub node: String,
    /// Device; empty for the node itself.
    pub device: String,
    /// 6 is DDATA.
    pub kind: i64,
    /// Sent again, or later than it was measured.
    pub historical: bool,
    /// When it came, ms.
    pub received: i64,
    /// Journal epoch and sequence.
    pub journal: Option<(u64, u64)>,
    /// The birth that gives it its meaning.
    pub context: Option<i64>,
    /// As received.
    pub payload: Vec<u8>,
}

/// A row of the register.
#[derive(Clone, Debug)]
pub struct HazardRow {
    /// Id.
    pub id: String,
    /// Equipment id.
    pub equipment: String,
    /// Rule id.
    pub rule: String,
    /// Source time at which the condition began, ms.
    pub episode: i64,
    /// Found in back-filled data.
    pub late: bool,
    /// `S1` …
    pub severity: String,
    /// Hash of the last event.
    pub head: String,
    /// The chain, from the first event.
    pub events: Vec<HazardEvent>,
}

/// Everything of a database that a check looks at.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// The log in its order.
    pub log: Vec<LogRow>,
    /// The hazards, by id.
    pub hazards: Vec<HazardRow>,
    /// Birth certificates by their number.
    pub contexts: HashMap<i64, Vec<u8>>,
    /// What `PRAGMA integrity_check` says; `ok` when nothing is wrong.
    pub integrity: String,
}

/// A reading as it stands in the log: device, metric, source time (ms), value.
pub type ReadingKey = (String, String, i64, String);

impl Register {
    /// Reads the database of a gateway that has ended (or runs: then as of now).
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(database: &Path) -> Self {
        run(async {
            let mut db = open(database).await;
            let register = Self {
                log: log(&mut db).await,
                hazards: hazards(&mut db).await,
                contexts: contexts(&mut db).await,
                integrity: sqlx::query("PRAGMA integrity_check")
                    .fetch_all(&mut db)
                    .await
                    .expect("integrity_check")
                    .iter()
                    .map(|row| row.get::<String, _>(0))
                    .collect::<Vec<_>>()
                    .join("; "),
            };
            db.close().await.expect("closing a reader");
            register
        })
    }

    /// Every reading of the journaled messages in the log, and how often it is there.
    ///
    /// # Panics
    /// When a logged message cannot be read with the birth stored for it.
    #[must_use]
    pub fn readings(&self) -> BTreeMap<ReadingKey, u32> {
        let births = self.births();
        let mut found = BTreeMap::new();
        for row in self
            .log
            .iter()
            .filter(|row| row.journal.is_some() && row.kind == DDATA)
        {
            for stated in births.values(row) {
                let key = (row.device.clone(), stated.name, stated.at, stated.value);
                *found.entry(key).or_insert(0) += 1;
            }
        }
        found
    }

    /// What gives the messages of the log their meaning.
    ///
    /// # Panics
    /// When a birth in the log cannot be read.
    #[must_use]
    pub fn births(&self) -> Births {
        let births = self.contexts.iter();
        Births(births.map(|(id, bytes)| (*id, aliases(bytes))).collect())
    }
}

/// A metric of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Name, also where the message has an alias.
    pub name: String,
    /// Source time, ms.
    pub at: i64,
    /// As in a [`ReadingKey`].
    pub value: String,
    /// Sparkplug's code, where it is told.
    pub quality: Option<i32>,
}

impl Stated {
    /// Whether it is a value that was read just then, and not one told again because nothing newer came.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.quality.is_none_or(|code| code == Quality::Good.sparkplug())
    }
}

/// The aliases of each birth in the log.
#[derive(Clone, Debug)]
pub struct Births(HashMap<i64, Aliases>);

impl Births {
    /// Each metric of a message, but the journal's own.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn values(&self, row: &LogRow) -> Vec<Stated> {
        let mut found = values(&row.payload, self.of(row));
        found.retain(|stated| stated.name != METRIC_SEQ && stated.name != METRIC_BOOT);
        found
    }

    /// The journal sequence that the message itself states.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn seq(&self, row: &LogRow) -> Option<u64> {
        let mut found = values(&row.payload, self.of(row)).into_iter();
        let stated = found.find(|stated| stated.name == METRIC_SEQ)?;
        stated.value.parse().ok()
    }

    /// Whether a message says the same as a record of a journal: sent again, it is another message all the same.
    ///
    /// # Panics
    /// When one of them cannot be read.
    #[must_use]
    pub fn says(&self, row: &LogRow, record: &[u8]) -> bool {
        let birth = self.of(row);
        values(&row.payload, birth) == values(record, birth)
    }

    fn of(&self, row: &LogRow) -> Option<&Aliases> {
        row.context.and_then(|id| self.0.get(&id))
    }
}

/// Runs SQL on a database: how a checker is shown a log that is wrong.
///
/// # Panics
/// When the database refuses.
pub fn doctor(database: &Path, sql: &str) {
    run(async {
        let mut db = SqliteConnectOptions::new()
            .filename(database)
            .connect()
            .await
            .expect("opening");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut db)
            .await
            .expect("doctoring");
        db.close().await.expect("closing");
    });
}

/// Waits until the last message in the log of each node is its death certificate: then the gateway has everything.
///
/// # Errors
/// The first node for which that does not happen in time.
pub fn wait_for_farewells(database: &Path, nodes: &[String], within: Duration) -> Result<(), String> {
    wait_for_farewells_but(database, nodes, within, None).map(|_| ())
}

/// The same, but a node that was last heard before `killed_at` may have said its farewell to somebody who did not live
/// to write it down: a broker acknowledges it before that, and nobody sends a farewell twice. How many did.
///
/// # Errors
/// The first node without such an excuse for which it does not happen in time.
pub fn wait_for_farewells_but(
    database: &Path,
    nodes: &[String],
    within: Duration,
    killed_at: Option<UtcMillis>,
) -> Result<u32, String> {
    const NDEATH: i64 = 1;
    // What is still under way arrives within this, whatever was killed.
    let under_way = within.min(Duration::from_secs(5));
    let sql = "SELECT n.name, m.kind, m.received FROM nodes n JOIN messages m ON m.position = \
               (SELECT MAX(position) FROM messages WHERE node_id = n.id)";
    let began = Instant::now();
    run(async {
        let mut db = open(database).await;
        loop {
            let last: HashMap<String, (i64, i64)> = rows(&mut db, sql)
                .await
                .iter()
                .map(|row| (row.get("name"), (row.get("kind"), row.get("received"))))
                .collect();
            let excused = |node: &String| {
                let received = last.get(node).map(|(_, received)| *received);
                killed_at.is_some_and(|killed| received.is_some_and(|received| received <= killed.0))
            };
            let missing: Vec<&String> = nodes
                .iter()
                .filter(|node| last.get(*node).is_none_or(|(kind, _)| *kind != NDEATH))
                .collect();
            match missing.iter().find(|node| !excused(node)) {
                None if missing.is_empty() || began.elapsed() >= under_way => return Ok(missing.len() as u32),
                Some(node) if began.elapsed() >= within => return Err((*node).clone()),
                // SQLite tells nobody of a commit of another process.
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
}

/// How a value is written in a [`ReadingKey`]; the same for what was sent and what was logged.
#[must_use]
pub fn value_text(value: &Value<'_>) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => format!("{:?}", f64::from(*number)),
        Value::Double(number) => format!("{number:?}"),
        Value::Bool(state) => state.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::DateTime(at) => format!("@{}", at.0),
        Value::Null => "null".to_owned(),
        Value::Unsupported(datatype) => datatype.name().to_owned(),
    }
}

const DDATA: i64 = 6;

type Aliases = HashMap<u64, (String, Option<DataType>)>;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

async fn open(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .connect()
        .await
        .unwrap_or_else(|e| panic!("opening {}: {e}", database.display()))
}

async fn rows(db: &mut SqliteConnection, sql: &'static str) -> Vec<SqliteRow> {
    sqlx::query(sql)
        .fetch_all(db)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

async fn log(db: &mut SqliteConnection) -> Vec<LogRow> {
    let sql = "SELECT m.position, n.name AS node, COALESCE(d.name, '') AS device, m.kind, m.flags, m.received, m.epoch, \
               m.seq, m.context_id, m.payload FROM messages m JOIN nodes n ON n.id = m.node_id LEFT JOIN devices d ON d.id = m.device_id \
               ORDER BY m.position";
    let row = |row: SqliteRow| LogRow {
        position: row.get("position"),
        node: row.get("node"),
        device: row.get("device"),
        kind: row.get("kind"),
        historical: row.get::<i64, _>("flags") & 1 == 1,
        received: row.get("received"),
        journal: row
            .get::<Option<i64>, _>("seq")
            .map(|seq| (row.get::<i64, _>("epoch").cast_unsigned(), seq.cast_unsigned())),
        context: row.get("context_id"),
        payload: row.get("payload"),
    };
    rows(db, sql).await.into_iter().map(row).collect()
}

async fn hazards(db: &mut SqliteConnection) -> Vec<HazardRow> {
    let mut chains: HashMap<String, Vec<HazardEvent>> = HashMap::new();
    for row in rows(db, "SELECT hazard, json FROM hazard_events ORDER BY hazard, seq").await {
        let json: String = row.get("json");
        let event = serde_json::from_str(&json).unwrap_or_else(|e| panic!("a hazard event: {e}: {json}"));
        chains.entry(row.get("hazard")).or_default().push(event);
    }
    let row = |row: SqliteRow| {
        let id: String = row.get("id");
        HazardRow {
            events: chains.remove(&id).unwrap_or_default(),
            id,
            equipment: row.get("equipment"),
            rule: row.get("rule"),
            episode: row.get("episode"),
            late: row.get("late"),
            severity: row.get("severity"),
            head: row.get("head"),
        }
    };
    rows(db, "SELECT * FROM hazards ORDER BY id")
        .await
        .into_iter()
        .map(row)
        .collect()
}

async fn contexts(db: &mut SqliteConnection) -> HashMap<i64, Vec<u8>> {
    rows(db, "SELECT id, payload FROM contexts")
        .await
        .iter()
        .map(|row| (row.get("id"), row.get("payload")))
        .collect()
}

fn aliases(birth: &[u8]) -> Aliases {
    let view = PayloadView::parse(birth).expect("a stored birth is decodable");
    view.metrics()
        .flatten()
        .filter_map(|metric| {
            let datatype = metric.datatype.and_then(DataType::from_code);
            Some((metric.alias?, (metric.name?.to_owned(), datatype)))
        })
        .collect()
}

fn values(payload: &[u8], birth: Option<&Aliases>) -> Vec<Stated> {
    let view = PayloadView::parse(payload).expect("a logged message is decodable");
    let mut found = Vec::new();
    for metric in view.metrics() {
        let metric = metric.expect("a logged metric is decodable");
        let declared = metric.alias.and_then(|alias| birth?.get(&alias));
        let name = metric
            .name
            .map(str::to_owned)
            .or_else(|| declared.map(|(name, _)| name.clone()));
        let name = name.unwrap_or_else(|| format!("alias {:?}", metric.alias));
        let at = metric.timestamp.or(view.timestamp).unwrap_or(UtcMillis(i64::MIN));
        let value = metric.value(declared.and_then(|(_, datatype)| *datatype));
        found.push(Stated {
            name,
            at: at.0,
            value: value.map_or_else(|error| format!("{error:?}"), |value| value_text(&value)),
            quality: metric.quality(),
        });
    }
    found
}
