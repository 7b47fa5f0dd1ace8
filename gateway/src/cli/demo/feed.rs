//! What the gateway tells after each commit: hazards are printed as they open, nodes are counted out at the end.

use super::super::print;
use super::stage::Stage;
use crate::config::Language;
use crate::engine::{EngineHandle, ServerEvent};
use crate::store::Reader;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use vigil_core::catalog::Catalog;
use vigil_core::hazard::HazardSummary;
use vigil_core::pack::{Grade, Severity};
use vigil_protocol::time::UtcMillis;

/// Follows the gateway's events; ends when dropped.
pub(super) struct Feed {
    online: watch::Receiver<BTreeMap<String, bool>>,
    task: JoinHandle<()>,
}

/// Events read at once when the feed has fallen behind.
const PAGE: u32 = 500;

#[derive(Deserialize)]
struct HazardNews {
    hazard: HazardSummary,
    event: String,
}

#[derive(Deserialize)]
struct NodeNews {
    node: String,
    device: Option<String>,
    online: bool,
}

struct Follower {
    store: Reader,
    catalog: Arc<Catalog>,
    timezone: jiff::tz::TimeZone,
    /// Print hazards in this language; nothing without.
    language: Option<Language>,
    online: watch::Sender<BTreeMap<String, bool>>,
    last_id: i64,
}

impl Feed {
    /// Follows from now on.
    pub(super) fn start(stage: &Stage, language: Option<Language>) -> Self {
        let app = &stage.running.app;
        let (online_to, online) = watch::channel(BTreeMap::new());
        let follower = Follower {
            store: app.store.clone(),
            catalog: Arc::clone(&app.catalog),
            timezone: jiff::tz::TimeZone::get(&app.config.web.timezone).unwrap_or(jiff::tz::TimeZone::UTC),
            language,
            online: online_to,
            last_id: 0,
        };
        let task = tokio::spawn(follower.follow(stage.running.engine.subscribe()));
        Self { online, task }
    }

    /// Waits until the gateway has committed the farewell (or will) of each node: a node says it last, so everything
    /// before it is committed as well. False when that does not happen within `limit`.
    pub(super) async fn wait_until_offline(
        &mut self,
        engine: &EngineHandle,
        nodes: &[String],
        limit: Duration,
    ) -> bool {
        let gone = async {
            loop {
                let told = {
                    let online = self.online.borrow_and_update();
                    nodes.iter().all(|node| online.get(node) == Some(&false))
                };
                // A late will of an earlier session is told as well; the core knows better.
                let known = engine.query(|core| !core.nodes().any(|node| node.online)).await;
                if told && known.unwrap_or(true) {
                    return;
                }
                // Events come with each commit; the time is for what the core knows without one.
                drop(tokio::time::timeout(Duration::from_millis(100), self.online.changed()).await);
            }
        };
        tokio::time::timeout(limit, gone).await.is_ok()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    async fn follow(mut self, mut events: broadcast::Receiver<Arc<ServerEvent>>) {
        loop {
            match events.recv().await {
                Ok(event) => self.on_event(&event),
                Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up().await,
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Reads from the store what went by too fast.
    async fn catch_up(&mut self) {
        while let Ok(page) = self.store.server_events(self.last_id, PAGE).await {
            for event in &page {
                self.on_event(event);
            }
            if page.len() < PAGE as usize {
                return;
            }
        }
    }

    fn on_event(&mut self, event: &ServerEvent) {
        if event.id <= self.last_id {
            return;
        }
        self.last_id = event.id;
        match event.kind {
            "hazard" => {
                if let (Some(language), Ok(news)) =
                    (self.language, serde_json::from_str::<HazardNews>(&event.json))
                    && news.event == "opened"
                {
                    print(&self.line(&news.hazard, language));
                }
            }
            "node" => {
                if let Ok(NodeNews {
                    node,
                    device: None,
                    online,
                }) = serde_json::from_str(&event.json)
                {
                    self.online.send_modify(|nodes| {
                        nodes.insert(node, online);
                    });
                }
            }
            _ => {}
        }
    }

    fn line(&self, hazard: &HazardSummary, language: Language) -> String {
        let time = clock_time(hazard.episode, &self.timezone);
        let equipment = self
            .catalog
            .by_id
            .get(&hazard.equipment)
            .and_then(|ix| self.catalog.equipment.get(ix.0 as usize))
            .map_or(&hazard.equipment, |equipment| {
                pick(language, &equipment.name_zh, &equipment.name_en)
            });
        let title = pick(language, &hazard.title_zh, &hazard.title_en);
        let mut notes = String::new();
        if hazard.grade == Grade::Major {
            notes.push_str(pick(language, "  疑似重大隐患", "  suspected major hazard"));
        }
        if hazard.late {
            notes.push_str(pick(language, "  补传发现", "  found in back-filled data"));
        }
        let word = word(hazard.severity, language);
        format!("{time}  {word}  {equipment}  {title}  {}{notes}", hazard.clause)
    }
}

fn pick<'t, T: ?Sized>(language: Language, zh: &'t T, en: &'t T) -> &'t T {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// Red, orange, yellow, blue: the levels people know.
pub(super) const fn word(severity: Severity, language: Language) -> &'static str {
    match (language, severity) {
        (Language::Zh, Severity::S1) => "红色",
        (Language::Zh, Severity::S2) => "橙色",
        (Language::Zh, Severity::S3) => "黄色",
        (Language::Zh, Severity::S4) => "蓝色",
        (Language::En, Severity::S1) => "red   ",
        (Language::En, Severity::S2) => "orange",
        (Language::En, Severity::S3) => "yellow",
        (Language::En, Severity::S4) => "blue  ",
    }
}

fn clock_time(at: UtcMillis, timezone: &jiff::tz::TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(at) => at
            .to_zoned_datetime(timezone.clone())
            .strftime("%H:%M:%S")
            .to_string(),
        Err(_) => "--:--:--".to_owned(),
    }
}
