//! `vigil outbox`: what waits to be sent, what was given up, and what a person decides about it.
//!
//! Listing reads the database, beside a running gateway or without one. Changes need its one writer: a running gateway
//! is asked through its interface, without one the database is opened.

use super::{ended, print};
use crate::config::Config;
use crate::sinks::http::{Client, Limits};
use crate::store::{
    self, OutboxChange, OutboxFilter, OutboxRow, OutboxState, StoreError, StoreOptions, Which,
};
use crate::view::{Entry, Time};
use bytes::Bytes;
use clap::{Args, Subcommand};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;

/// What waits to be sent to others, and what was given up.
#[derive(Debug, Args)]
pub(super) struct OutboxArgs {
    #[command(subcommand)]
    what: What,
    /// Configuration file; without it `vigil.toml` if there is one, else the defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Directory of the database and the admin token.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// For programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List entries, newest first: those that wait and those that are dead.
    List {
        /// Of this sink.
        #[arg(long, value_name = "NAME")]
        sink: Option<String>,
        /// In this state: pending, delivered or dead.
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<OutboxState>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Try dead entries again.
    Retry(Chosen),
    /// Forget dead entries, or one that waits.
    Drop(Chosen),
}

#[derive(Debug, Args)]
struct Chosen {
    /// The entry.
    #[arg(value_name = "ID", required_unless_present = "all")]
    id: Option<i64>,
    /// All dead entries.
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Those of this sink.
    #[arg(long, value_name = "NAME", requires = "all")]
    sink: Option<String>,
    /// Address of the running gateway; without it `listen.http` of the configuration.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

fn state(word: &str) -> Result<OutboxState, String> {
    OutboxState::ALL
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or_else(|| "pending, delivered or dead".to_owned())
}

pub(super) fn main(args: OutboxArgs) -> ExitCode {
    ended(run(args), |()| ExitCode::SUCCESS)
}

async fn run(args: OutboxArgs) -> Result<(), Vec<String>> {
    let told = |findings: Vec<vigil_core::diagnostic::Diagnostic>| {
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (mut config, _) = Config::load(args.config.as_deref()).map_err(told)?;
    if let Some(data) = args.data {
        config.store.data = std::path::absolute(&data).unwrap_or(data);
    }
    let failed = |error: String| vec![format!("vigil: {error}")];
    if !config.database().exists() {
        return Err(failed(format!(
            "there is no database {}",
            config.database().display()
        )));
    }
    match args.what {
        What::List { sink, state, limit } => list(&config, sink, state, limit, args.json)
            .await
            .map_err(|error| failed(error.to_string())),
        What::Retry(chosen) => {
            let entries = change(&config, "retry", &chosen).await.map_err(failed)?;
            say(args.json, entries, "tried again");
            Ok(())
        }
        What::Drop(chosen) => {
            let entries = change(&config, "drop", &chosen).await.map_err(failed)?;
            say(args.json, entries, "forgotten");
            Ok(())
        }
    }
}

fn say(json: bool, entries: u64, done: &str) {
    if json {
        print(&serde_json::json!({ "entries": entries }).to_string());
    } else if entries == 1 {
        print(&format!("1 entry {done}"));
    } else {
        print(&format!("{entries} entries {done}"));
    }
}

async fn list(
    config: &Config,
    sink: Option<String>,
    state: Option<OutboxState>,
    limit: u32,
    json: bool,
) -> Result<(), StoreError> {
    let reader = store::open_reader(&StoreOptions::new(config.database()));
    let mut rows = Vec::new();
    let states = match state {
        Some(state) => vec![state],
        None => vec![OutboxState::Dead, OutboxState::Pending],
    };
    for state in states {
        let filter = OutboxFilter {
            sink: sink.clone(),
            state: Some(state),
            before: None,
            limit,
        };
        rows.extend(reader.outbox(&filter).await?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.truncate(limit as usize);
    reader.close().await;
    if json {
        let entries: Vec<Entry> = rows.into_iter().map(Into::into).collect();
        print(&serde_json::json!({ "entries": entries }).to_string());
    } else if rows.is_empty() {
        print("nothing");
    } else {
        for row in &rows {
            print(&line(row));
        }
    }
    Ok(())
}

/// An entry on one line.
fn line(row: &OutboxRow) -> String {
    let status = row.status.map(|status| format!("{status} ")).unwrap_or_default();
    let said = row.said.replace('\n', " ");
    let attempts = match row.attempts {
        0 => "not tried".to_owned(),
        1 => format!("1 attempt: {status}{said}"),
        n => format!("{n} attempts: {status}{said}"),
    };
    let about = if row.event == "points" {
        format!("{} lines", row.body.lines().count())
    } else {
        row.ordering.clone()
    };
    format!(
        "{:>6}  {:<9}  {}  {}  {} ({about})  {attempts}",
        row.id,
        row.state.word(),
        Time(row.at),
        row.sink,
        row.event
    )
}

async fn change(config: &Config, step: &'static str, chosen: &Chosen) -> Result<u64, String> {
    let clock = crate::clock::Clock::system();
    let which = chosen.id.map_or(
        Which::Dead {
            sink: chosen.sink.clone(),
        },
        Which::One,
    );
    let entries = match store::open(&StoreOptions::new(config.database())).await {
        Ok((mut writer, reader)) => {
            let change = match step {
                "retry" => OutboxChange::Retry {
                    which,
                    at: clock.now(),
                },
                _ => OutboxChange::Drop { which },
            };
            let changed = writer
                .outbox(&[change])
                .await
                .map_err(|error| error.to_string())?;
            reader.close().await;
            writer.close().await.map_err(|error| error.to_string())?;
            changed.iter().sum()
        }
        Err(StoreError::InUse { .. }) => ask(config, step, chosen, clock.now()).await?,
        Err(error) => return Err(error.to_string()),
    };
    match (chosen.id, entries) {
        (Some(id), 0) => Err(format!("there is no entry {id} this can be done to")),
        _ => Ok(entries),
    }
}

/// Asks the running gateway.
async fn ask(
    config: &Config,
    step: &str,
    chosen: &Chosen,
    now: vigil_protocol::time::UtcMillis,
) -> Result<u64, String> {
    let base = chosen.url.clone().unwrap_or_else(|| {
        let mut address = config.listen.http;
        // "Everywhere" is where it listens, not where it can be asked.
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}")
    });
    let url = format!("{}/api/v1/outbox/actions", base.trim_end_matches('/'));
    let url: Uri = url.parse().map_err(|_| format!("{base:?} is not an address"))?;
    let path = config.data_dir().join("admin.token");
    let token =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let bearer = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| format!("{} does not hold a token", path.display()))?;
    headers.insert(AUTHORIZATION, bearer);
    let body = serde_json::json!({ "action": step, "id": chosen.id, "sink": chosen.sink }).to_string();
    let client = Client::new(true, Limits::default()).map_err(|error| error.to_string())?;
    let answer = client
        .post(&url, headers, Bytes::from(body), now)
        .await
        .map_err(|error| format!("cannot ask the running gateway at {base}: {error}; name it with --url"))?;
    let answered: Option<serde_json::Value> = serde_json::from_str(&answer.said).ok();
    match (answer.status, answered) {
        (200, Some(value)) => Ok(value["entries"].as_u64().unwrap_or(0)),
        (status, Some(value)) => Err(format!(
            "the gateway refuses ({status}): {}",
            value["detail"].as_str().unwrap_or("it does not say why")
        )),
        (status, None) => Err(format!("{base} answered {status}; is it a vigil gateway?")),
    }
}
