//! The language of `input.txt`. One line, one happening; times are since the start.
//!
//! ```text
//! # comment
//! 0s        boiler-1 birth steam_pressure=1.0 drum_level=0    node and device are born
//! 12.5s     boiler-1 steam_pressure=1.21 drum_level=null      live data
//! +1m30s    boiler-1 hb                                       the node says that it lives
//! 2m..3m/5s boiler-1 steam_pressure=1.0..1.4                  again and again, values in between
//! 4m        boiler-1 @3m50s steam_pressure=1.3                with another source time (@-10s: earlier)
//! 5m        boiler-1 late @4m steam_pressure=1.3              historical
//! 6m        boiler-1 lose steam_pressure=1.3                  sent, never arrives (a journaling node keeps it)
//! 7m        boiler-1 resend                                   the node sends all lost ones again, in order
//! 7m        boiler-1 resend 3                                 the first three of them; resend-last 3: the last
//! 7m        boiler-1 offline                                  death of the node
//! 7m        boiler-1 power-cut                                its node loses power: what is journaled next says so
//! 7m        boiler-1 device-offline                           death of the device
//! 8m        again 2                                           the message before the last comes again
//! 9m        boiler-1 forget 3                                 the journal drops the oldest lost ones
//! 9m        restart                                           the gateway is killed and restored
//! 9m        tick
//! 9m        confirm boiler-1 BLR-FLAME by wang: 现场确认        also: reject, comment
//! 9m        ack boiler-1 BLR-FLAME by li                      also: unshelve, reset, shelve 2h ...
//! 1d        report boiler-9 management by reg-sun: 无操作规程   a hazard without telemetry
//! 2d        assign boiler-9 * by reg-sun                      a step of the loop, see [`super::steps`]
//! ```
//! Values: numbers, `true`, `false`, `null`, `nan`, text; `1.2!bad` and `1.2!stale` carry a quality.
//! `birth journal` makes the node one that keeps a journal. Fault codes are always text.

use super::START;
use std::collections::BTreeMap;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_protocol::journal;
use vigil_protocol::sparkplug::{DataType, Encoder, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Bad, Quality, Quantity};

/// Something fed to the pipeline at an arrival time.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) at: UtcMillis,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    Act {
        verb: String,
        equipment: String,
        rule: String,
        actor: String,
        reason: String,
        shelve_ms: i64,
    },
    Restart,
    Tick,
}

/// An edge node as far as its messages go.
#[derive(Default)]
struct Node {
    born: bool,
    seq: u8,
    bd_seq: u64,
    journal: Option<u64>,
    lost: Vec<Data>,
    /// Devices that have journaled nothing since the power cut.
    booted: Vec<Option<String>>,
}

/// A data message before it gets its numbers.
#[derive(Clone)]
struct Data {
    device: Option<String>,
    journal: Option<u64>,
    published: UtcMillis,
    values: Vec<(String, Quantity, String)>,
    booted: bool,
}

pub(crate) fn parse(catalog: &Catalog, text: &str) -> Result<Vec<Feed>, String> {
    let mut writer = Writer {
        catalog,
        nodes: BTreeMap::new(),
        feeds: Vec::new(),
        last: 0,
    };
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            writer
                .line(line)
                .map_err(|error| format!("input.txt:{number}: {error}: {line}"))?;
        }
    }
    Ok(writer.feeds)
}

struct Writer<'c> {
    catalog: &'c Catalog,
    nodes: BTreeMap<String, Node>,
    feeds: Vec<Feed>,
    last: i64,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (when, rest) = line.split_once(char::is_whitespace).ok_or("nothing happens")?;
        let rest = rest.trim();
        if let Some((range, step)) = when.split_once('/') {
            let (from, to) = range.split_once("..").ok_or("a range is from..to/step")?;
            let (from, to, step) = (duration(from)?, duration(to)?, duration(step)?);
            let mut at = from;
            while at <= to {
                let part = if to > from {
                    (at - from) as f64 / (to - from) as f64
                } else {
                    0.0
                };
                self.happen(at, &between(rest, part))?;
                at += step;
            }
            return Ok(());
        }
        let at = match when.strip_prefix('+') {
            Some(more) => self.last + duration(more)?,
            None => duration(when)?,
        };
        self.happen(at, rest)
    }

    fn happen(&mut self, at: i64, text: &str) -> Result<(), String> {
        if at < self.last {
            return Err(format!("{at} ms is before the line above"));
        }
        self.last = at;
        let now = UtcMillis(START.0 + at);
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["restart"] => self.push(now, What::Restart),
            ["tick"] => self.push(now, What::Tick),
            ["again", ref back @ ..] => {
                let back: usize = back
                    .first()
                    .map_or(Ok(1), |n| n.parse().map_err(|_| "again how often?"))?;
                let mut messages = self
                    .feeds
                    .iter()
                    .rev()
                    .filter(|feed| matches!(feed.what, What::Message { .. }));
                let again = messages.nth(back - 1).ok_or("nothing to repeat")?.what.clone();
                self.push(now, again);
            }
            [
                "confirm" | "reject" | "comment" | "ack" | "shelve" | "unshelve" | "reset",
                ..,
            ] => {
                self.act(now, text)?;
            }
            [verb, ..] if super::steps::VERBS.contains(&verb) => self.act(now, text)?,
            [id, ref verb @ ..] => self.speak(now, at, id, verb)?,
            [] => return Err("nothing happens".into()),
        }
        Ok(())
    }

    fn push(&mut self, at: UtcMillis, what: What) {
        self.feeds.push(Feed { at, what });
    }

    fn act(&mut self, now: UtcMillis, text: &str) -> Result<(), String> {
        let (head, tail) = text.split_once(" by").ok_or("who? (`by NAME: reason`)")?;
        let (actor, reason) = tail.split_once(':').unwrap_or((tail, ""));
        let (verb, shelve_ms, equipment, rule) = match head.split_whitespace().collect::<Vec<_>>()[..] {
            ["shelve", time, equipment, rule] => ("shelve", duration(time)?, equipment, rule),
            [verb, equipment, rule] => (verb, 0, equipment, rule),
            _ => return Err("VERB EQUIPMENT RULE by NAME: REASON".into()),
        };
        self.push(
            now,
            What::Act {
                verb: verb.into(),
                equipment: equipment.into(),
                rule: rule.into(),
                actor: actor.trim().into(),
                reason: reason.trim().into(),
                shelve_ms,
            },
        );
        Ok(())
    }

    fn speak(&mut self, now: UtcMillis, at: i64, id: &str, words: &[&str]) -> Result<(), String> {
        let equipment = self.catalog.equipment.iter().find(|known| &*known.id == id);
        let equipment = equipment.ok_or_else(|| format!("no equipment {id}"))?.clone();
        let mut published = now;
        let mut values = Vec::new();
        let mut verb = "data";
        let mut journal = false;
        let mut number = 0;
        for word in words {
            if let Some(time) = word.strip_prefix('@') {
                published = UtcMillis(match time.strip_prefix('-') {
                    Some(earlier) => now.0 - duration(earlier)?,
                    None if time.starts_with('+') => now.0 + duration(&time[1..])?,
                    None => START.0 + duration(time)?,
                });
            } else if let Some((key, value)) = word.split_once('=') {
                let quantity = Quantity::from_key(key).ok_or_else(|| format!("no quantity {key}"))?;
                let channel = equipment
                    .channel_of(quantity)
                    .ok_or_else(|| format!("{id} has no {key}"))?;
                let metric = equipment.channels[usize::from(channel.0)].metric.to_string();
                values.push((metric, quantity, value.to_owned()));
            } else if *word == "journal" {
                journal = true;
            } else if let Ok(count) = word.parse() {
                number = count;
            } else {
                verb = word;
            }
        }
        let _ = at;
        let device = equipment.device.as_deref().map(str::to_owned);
        let data = Data {
            device: device.clone(),
            journal: None,
            published,
            values,
            booted: false,
        };
        match verb {
            "birth" => self.birth(&equipment, now, journal, &data),
            "offline" => self.death(&equipment, now, None),
            "power-cut" => self.node(&equipment).booted.push(device),
            "device-offline" => self.death(&equipment, now, device),
            "hb" => self.heartbeat(&equipment, now, published),
            "forget" => drop(self.node(&equipment).lost.drain(..number)),
            "data" => self.data(&equipment, now, data, false, true),
            "late" => self.data(&equipment, now, data, true, true),
            "lose" => self.data(&equipment, now, data, false, false),
            "resend" | "resend-last" => {
                let lost = &mut self.node(&equipment).lost;
                let lost = match (verb, number) {
                    (_, 0) => std::mem::take(lost),
                    ("resend", number) => lost.drain(..number).collect(),
                    (_, number) => lost.drain(lost.len() - number..).collect(),
                };
                for data in lost {
                    self.data(&equipment, now, data, true, true);
                }
            }
            other => return Err(format!("no verb {other}")),
        }
        Ok(())
    }

    fn node(&mut self, equipment: &Equipment) -> &mut Node {
        self.nodes.entry(equipment.node.to_string()).or_default()
    }

    fn topic(equipment: &Equipment, message: &str, device: Option<&str>) -> String {
        let (group, node) = equipment.node.split_once('/').unwrap_or(("", &equipment.node));
        match device {
            Some(device) => format!("spBv1.0/{group}/D{message}/{node}/{device}"),
            None => format!("spBv1.0/{group}/N{message}/{node}"),
        }
    }

    fn birth(&mut self, equipment: &Equipment, now: UtcMillis, journal: bool, data: &Data) {
        let node = self.node(equipment);
        if !node.born || data.device.is_none() {
            node.born = true;
            node.seq = 0;
            node.bd_seq += 1;
            if journal {
                node.journal.get_or_insert(0);
            }
            let bd_seq = node.bd_seq;
            // The lowest number it can still send.
            let first = node.journal.map(|next| {
                node.lost
                    .iter()
                    .filter_map(|data| data.journal)
                    .fold(next, u64::min)
            });
            let payload = encode(data.published, Some(0), |encoder| {
                put(
                    encoder,
                    Metric::named("bdSeq", MetricValue::Int64(bd_seq as i64)).typed(),
                );
                put(
                    encoder,
                    Metric::named(journal::METRIC_REBIRTH, MetricValue::Bool(false)).typed(),
                );
                if let Some(first) = first {
                    put(
                        encoder,
                        Metric::named(journal::METRIC_EPOCH, MetricValue::UInt64(7)).typed(),
                    );
                    put(
                        encoder,
                        Metric::named(journal::METRIC_FIRST, MetricValue::UInt64(first)).typed(),
                    );
                }
                if data.device.is_none() {
                    put_values(encoder, data, false, true);
                }
            });
            self.push(
                now,
                What::Message {
                    topic: Self::topic(equipment, "BIRTH", None),
                    payload,
                },
            );
            if data.device.is_none() {
                return;
            }
        }
        let seq = self.next_seq(equipment);
        let payload = encode(data.published, Some(seq), |encoder| {
            put_values(encoder, data, false, true)
        });
        let topic = Self::topic(equipment, "BIRTH", data.device.as_deref());
        self.push(now, What::Message { topic, payload });
    }

    fn next_seq(&mut self, equipment: &Equipment) -> u8 {
        let node = self.node(equipment);
        node.seq = node.seq.wrapping_add(1);
        node.seq
    }

    fn death(&mut self, equipment: &Equipment, now: UtcMillis, device: Option<String>) {
        let topic = Self::topic(equipment, "DEATH", device.as_deref());
        let payload = if device.is_some() {
            let seq = self.next_seq(equipment);
            encode(now, Some(seq), |_| {})
        } else {
            let node = self.node(equipment);
            node.born = false;
            let bd_seq = node.bd_seq;
            encode(now, None, |encoder| {
                put(
                    encoder,
                    Metric::named("bdSeq", MetricValue::Int64(bd_seq as i64)).typed(),
                );
            })
        };
        self.push(now, What::Message { topic, payload });
    }

    fn heartbeat(&mut self, equipment: &Equipment, now: UtcMillis, published: UtcMillis) {
        let seq = self.next_seq(equipment);
        let payload = encode(published, Some(seq), |_| {});
        self.push(
            now,
            What::Message {
                topic: Self::topic(equipment, "DATA", None),
                payload,
            },
        );
    }

    fn data(
        &mut self,
        equipment: &Equipment,
        now: UtcMillis,
        mut data: Data,
        historical: bool,
        arrives: bool,
    ) {
        let node = self.node(equipment);
        if data.journal.is_none()
            && let Some(next) = &mut node.journal
        {
            data.journal = Some(*next);
            *next += 1;
            if let Some(booted) = node.booted.iter().position(|device| *device == data.device) {
                node.booted.remove(booted);
                data.booted = true;
            }
        }
        if !arrives {
            node.lost.push(data.clone());
            // The node publishes nothing while it is down; on a live link the number is used up.
            if node.born && node.journal.is_none() {
                self.next_seq(equipment);
            }
            return;
        }
        let seq = self.next_seq(equipment);
        let payload = encode(data.published, Some(seq), |encoder| {
            put_values(encoder, &data, historical, false)
        });
        let topic = Self::topic(equipment, "DATA", data.device.as_deref());
        self.push(now, What::Message { topic, payload });
    }
}

fn put(encoder: &mut Encoder<'_>, metric: Metric<'_>) {
    encoder.metric(&metric).unwrap();
}

fn put_values(encoder: &mut Encoder<'_>, data: &Data, historical: bool, birth: bool) {
    let mark = |metric: Metric<'static>| if historical { metric.historical() } else { metric };
    if let Some(seq) = data.journal {
        put(
            encoder,
            mark(Metric::named(journal::METRIC_SEQ, MetricValue::UInt64(seq)).typed()),
        );
    }
    if data.booted {
        let boot = Metric::named(journal::METRIC_BOOT, MetricValue::Bool(true));
        put(encoder, mark(boot.typed()));
    }
    for (metric, quantity, text) in &data.values {
        let (text, quality) = match text.split_once('!') {
            Some((text, "bad")) => (text, Some(Quality::Bad(Bad::Sensor))),
            Some((text, "stale")) => (text, Some(Quality::Stale)),
            _ => (text.as_str(), None),
        };
        let value = match text {
            _ if *quantity == Quantity::FaultCode && text != "null" => MetricValue::Str(text),
            "true" => MetricValue::Bool(true),
            "false" => MetricValue::Bool(false),
            "null" => MetricValue::Null(DataType::Double),
            "nan" => MetricValue::Double(f64::NAN),
            _ => text.parse().map_or(MetricValue::Str(text), MetricValue::Double),
        };
        let mut metric = Metric::named(metric, value).at(data.published);
        if historical {
            metric = metric.historical();
        }
        if let Some(quality) = quality {
            metric = metric.quality(quality);
        }
        // Types are repeated so that a birth need not name everything that is sent later.
        let _ = birth;
        put(encoder, metric.typed());
    }
}

fn encode(published: UtcMillis, seq: Option<u8>, fill: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(published).unwrap();
    fill(&mut encoder);
    if let Some(seq) = seq {
        encoder.seq(seq).unwrap();
    }
    let length = encoder.finish();
    buffer[..length].to_vec()
}

/// `1h`, `2m30s`, `12.5s`, `250ms`.
fn duration(text: &str) -> Result<i64, String> {
    let bad = || format!("`{text}` is no time");
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ms" => 1.0,
                "s" => 1_000.0,
                "m" => 60_000.0,
                "h" => 3_600_000.0,
                "d" => 86_400_000.0,
                _ => return Err(bad()),
            };
        rest = &rest[end..];
    }
    Ok(total as i64)
}

/// Fills in values written `from..to` for a part of the way.
fn between(text: &str, part: f64) -> String {
    let words = text.split_whitespace().map(|word| {
        let Some((key, value)) = word.split_once('=') else {
            return word.to_owned();
        };
        let ends = value
            .split_once("..")
            .and_then(|(a, b)| Some((a.parse::<f64>().ok()?, b.parse::<f64>().ok()?)));
        match ends {
            Some((from, to)) => format!("{key}={:.6}", from + (to - from) * part),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
