//! `[influx]` and `[[webhook]]`: where what the gateway learns goes.

use super::read::{read_file, set};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use url::{Host, Url};
use vigil_core::diagnostic::document::{Table, Value};
use vigil_core::diagnostic::suggestion;
use vigil_core::pack::Severity;

use crate::sinks::address::is_public;
use crate::sinks::webhook::EVENTS;

/// Name of the sink of points: no subscriber may have it.
pub const INFLUX: &str = "influx";

/// `[influx]`: a server that takes points by the InfluxDB v2 API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Influx {
    /// Its address, `http://host:port` or `https://host:port`.
    #[serde(serialize_with = "as_text")]
    pub url: Url,
    /// Organization.
    pub org: String,
    /// Bucket.
    pub bucket: String,
    /// File holding the token.
    pub token_file: Option<PathBuf>,
    /// Points per request at most (a message is never split).
    pub batch_points: usize,
    /// A request goes at the latest so long after its first point.
    pub linger_ms: u64,
    /// Begin with the oldest message of the log instead of with the next one.
    pub backfill: bool,
}

impl Influx {
    /// A server with everything else as it is by default.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            org: "vigil".into(),
            bucket: "vigil".into(),
            token_file: None,
            batch_points: 5_000,
            linger_ms: 1_000,
            backfill: true,
        }
    }
}

/// `[[webhook]]`: somebody events are sent to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Webhook {
    /// Name in the outbox.
    pub name: String,
    /// Where events are posted to.
    #[serde(serialize_with = "as_text")]
    pub url: Url,
    /// File holding the secret of the signature.
    pub secret_file: PathBuf,
    /// Families (`hazard`) or single events (`hazard.opened`).
    pub events: Vec<String>,
    /// Hazards and alarms at least this bad.
    pub min_severity: Severity,
    /// Beginnings of the register's `area_code`; empty: everywhere.
    pub area_codes: Vec<String>,
    /// Sparkplug groups; empty: all.
    pub groups: Vec<String>,
    /// An event that could not be delivered for so long is given up.
    pub give_up_hours: u32,
    /// The receiver may be on this machine or in a private network.
    pub allow_private: bool,
}

impl Webhook {
    /// A subscriber with everything else as it is by default.
    #[must_use]
    pub fn to(name: &str, url: Url, secret_file: PathBuf) -> Self {
        Self {
            name: name.into(),
            url,
            secret_file,
            events: vec!["hazard".into()],
            min_severity: Severity::S4,
            area_codes: Vec::new(),
            groups: Vec::new(),
            give_up_hours: 72,
            allow_private: false,
        }
    }
}

fn as_text<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

/// An address of an HTTP server. User and password have files of their own.
fn read_url(value: &Value<'_, '_>, example: &str) -> Option<Url> {
    let text = value.text()?;
    let help = || Some(format!("such as {example:?}"));
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            value.error(format!("`{text}` is not an address: {error}"), help());
            return None;
        }
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        value.error(format!("`{text}` is not the address of an HTTP server"), help());
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        value.error(
            "no password belongs in `url`",
            Some("the token or secret has a file of its own".into()),
        );
        return None;
    }
    // What the connection is made with knows less than what people may write.
    if url.as_str().parse::<hyper::Uri>().is_err() {
        value.error(format!("`{text}` cannot be used as an address"), help());
        return None;
    }
    Some(url)
}

/// Where people reach the gateway: what links begin with.
pub(super) fn read_public_url(value: &Value<'_, '_>) -> Option<Url> {
    read_url(value, "https://vigil.example.org")
}

pub(super) fn read_influx(table: &Table<'_, '_>, base: &Path) -> Option<Influx> {
    let url_value = table.require("url");
    let url = url_value
        .as_ref()
        .and_then(|v| read_url(v, "http://10.0.0.5:8086"));
    if let (Some(value), Some(url)) = (&url_value, &url)
        && (url.path() != "/" || url.query().is_some())
    {
        value.error(
            "`url` is the address of the server alone",
            Some(format!(
                "without `{}`; the gateway knows /api/v2/write",
                url.path()
            )),
        );
    }
    // Read all the same, so that all errors come at once.
    let placeholder = Url::parse("http://127.0.0.1").ok()?;
    let is_there = url.is_some();
    let mut influx = Influx::at(url.unwrap_or(placeholder));
    let text = |key| table.get(key).and_then(|v| v.text()).map(str::to_owned);
    set(&mut influx.org, text("org"));
    set(&mut influx.bucket, text("bucket"));
    influx.token_file = table.get("token_file").and_then(|v| read_file(&v, base));
    let points = table.get("batch_points").and_then(|v| v.whole(1..=50_000));
    set(&mut influx.batch_points, points.map(|n| n as usize));
    let linger = table.get("linger_ms").and_then(|v| v.whole(10..=60_000));
    set(&mut influx.linger_ms, linger.map(i64::unsigned_abs));
    set(&mut influx.backfill, table.get("backfill").and_then(|v| v.bool()));
    table.finish();
    is_there.then_some(influx)
}

pub(super) fn read_webhooks(value: &Value<'_, '_>, base: &Path) -> Option<Vec<Webhook>> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    for table in value.tables("a webhook")? {
        let name = table.require("name").and_then(|v| {
            let name = v.text()?;
            if name == INFLUX {
                v.error(format!("`{INFLUX}` is the name of another sink"), None);
                return None;
            }
            Some(name)
        });
        let allow_private = table.get("allow_private").and_then(|v| v.bool()).unwrap_or(false);
        let url_value = table.require("url");
        let url = url_value
            .as_ref()
            .and_then(|v| read_url(v, "https://duty.example.org/vigil"));
        if let (Some(value), Some(url)) = (&url_value, &url) {
            judge(value, url, allow_private);
        }
        let secret_file = table.require("secret_file").and_then(|v| read_file(&v, base));
        let events = table.get("events").and_then(|v| read_events(&v));
        const SEVERITIES: &[(&str, Severity)] = &[
            ("S1", Severity::S1),
            ("S2", Severity::S2),
            ("S3", Severity::S3),
            ("S4", Severity::S4),
        ];
        let min_severity = table.get("min_severity").and_then(|v| v.choice(SEVERITIES));
        let texts = |key| {
            let texts = table.get(key).and_then(|v| v.strings())?;
            Some(texts.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let (area_codes, groups) = (texts("area_codes"), texts("groups"));
        let give_up_hours = table.get("give_up_hours").and_then(|v| v.whole(1..=8_760));
        table.finish();
        let (Some(name), Some(url), Some(secret_file)) = (name, url, secret_file) else {
            continue;
        };
        if webhooks.iter().any(|other| other.name == name) {
            table.error(format!("the webhook `{name}` is there twice"), None);
        }
        let mut webhook = Webhook::to(name, url, secret_file);
        webhook.allow_private = allow_private;
        set(&mut webhook.events, events);
        set(&mut webhook.min_severity, min_severity);
        set(&mut webhook.area_codes, area_codes);
        set(&mut webhook.groups, groups);
        set(
            &mut webhook.give_up_hours,
            give_up_hours.map(|hours| hours as u32),
        );
        webhooks.push(webhook);
    }
    Some(webhooks)
}

/// What can be said of an address before anybody connects to it.
fn judge(value: &Value<'_, '_>, url: &Url, allow_private: bool) {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    };
    let private = address.is_some_and(|address| !is_public(address));
    if private && !allow_private {
        value.error(
            "the address is private: the gateway would not connect to it",
            Some("set allow_private = true if that is meant".into()),
        );
    }
    if url.scheme() == "http" && !private {
        value.warning(
            "events go out unencrypted: everybody on the way can read them",
            Some("use https".into()),
        );
    }
}

fn read_events(value: &Value<'_, '_>) -> Option<Vec<String>> {
    let families = || {
        let mut families: Vec<_> = EVENTS
            .iter()
            .filter_map(|event| event.split('.').next())
            .collect();
        families.dedup();
        families
    };
    let mut events = Vec::new();
    for value in value.list()? {
        let Some(text) = value.text() else { continue };
        let known = || EVENTS.iter().copied().chain(families());
        if known().any(|known| known == text) {
            events.push(text.to_owned());
        } else {
            value.error(
                format!("there is no event `{text}`"),
                suggestion(text, known()).or_else(|| {
                    Some(format!(
                        "families: {}; or one of {}",
                        families().join(", "),
                        EVENTS.join(", ")
                    ))
                }),
            );
        }
    }
    Some(events)
}
