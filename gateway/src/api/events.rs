//! The event stream: Server-Sent Events, resumable without loss or repeat.
//!
//! ```text
//! subscribe ─► store (after Last-Event-ID) ─► live ─┬─► client
//!                  ▲──── a hole, or too slow ───────┘
//! ```
//! Ids have no holes, so a live event that does not follow the last one sent says that something was
//! missed: it is read from the store, where every event was written before anybody was told.

use super::params::Params;
use super::problem::{ApiError, Reading};
use crate::app::{App, ServerEvent};
use crate::people::Access;
use crate::view::{self, News, ViewError};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use utoipa::IntoParams;
use vigil_core::people::Sight;

/// Events read from the store at once.
const PAGE: u32 = 256;
/// A comment goes out when nothing else did for so long, so that a dead connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client comes back and says again who it is.
const LASTS: Duration = Duration::from_secs(600);
/// How long a client should wait before it comes back.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Resume after this event; the header `Last-Event-ID` goes first.
    last_event_id: Option<i64>,
}

/// Where the events of one client come from.
struct Feed {
    app: App,
    sight: Sight,
    /// When it ends, so that who may no longer read does not read on.
    until: Instant,
    live: Receiver<Arc<ServerEvent>>,
    /// Id of the last event sent.
    last: i64,
    /// Read, not yet sent.
    waiting: VecDeque<Event>,
    /// There may be events in the store after `last` that were not seen live.
    behind: bool,
}

/// What happens, as it happens.
///
/// Server-Sent Events named `hazard`, `alarm`, `node`, `gap` and `unregistered`, each sent after it was
/// committed; the id is the one to resume from (header `Last-Event-ID`, which browsers send by themselves, or
/// the parameter). Without an id the stream begins now. When events after the id are no longer kept, an event
/// `reset` comes first: read the lists again.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "streamEvents",
    params(EventParams, ("Last-Event-ID" = Option<i64>, Header, description = "Resume after this event.")),
    responses((status = 200, description = "An endless stream.", body = News, content_type = "text/event-stream"), Reading),
)]
pub(super) async fn events(
    State(app): State<App>,
    access: Access,
    headers: HeaderMap,
    Params(params): Params<EventParams>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let after = match headers.get("last-event-id") {
        Some(header) => Some(
            header
                .to_str()
                .ok()
                .and_then(|id| id.trim().parse().ok())
                .ok_or_else(|| {
                    ApiError::bad_parameter("`Last-Event-ID` must be the id of an event, a whole number")
                })?,
        ),
        None => params.last_event_id,
    };
    let feed = Feed::open(app, access.sight(), after).await?;
    let stream = futures_util::stream::unfold(feed, |mut feed| async {
        let event = feed.next().await?;
        Some((Ok(event), feed))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

impl Feed {
    async fn open(app: App, sight: Sight, after: Option<i64>) -> Result<Self, ApiError> {
        // First of all, so that nothing falls between what is stored and what is live.
        let live = app.engine.subscribe();
        let newest = app.store.last_event_id().await.map_err(ViewError::from)?;
        let oldest = app.store.first_event_id().await.map_err(ViewError::from)?;
        let mut waiting = VecDeque::from([Event::default().retry(RETRY).comment("vigil")]);
        let last = match after {
            None => newest,
            Some(after) if after > newest || after < 0 => {
                waiting.push_back(reset(newest, "this id was never given out here"));
                newest
            }
            Some(after) => match oldest.filter(|oldest| after < oldest - 1) {
                Some(oldest) => {
                    waiting.push_back(reset(oldest - 1, "the events after this id are no longer kept"));
                    oldest - 1
                }
                None => after,
            },
        };
        Ok(Self {
            app,
            sight,
            until: Instant::now() + LASTS,
            live,
            last,
            waiting,
            behind: after.is_some(),
        })
    }

    /// The next event; `None` ends the stream: the client comes back and resumes.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            let received = tokio::select! {
                () = self.app.stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                received = self.live.recv() => received,
            };
            match received {
                Ok(event) if event.id <= self.last => {}
                Ok(event) if event.id == self.last + 1 => self.queue(&event),
                Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn catch_up(&mut self) -> Option<()> {
        match self.app.store.server_events(self.last, PAGE).await {
            Ok(page) => {
                self.behind = page.len() as u64 >= u64::from(PAGE);
                for event in &page {
                    self.queue(event);
                }
                Some(())
            }
            Err(error) => {
                tracing::warn!(%error, "an event stream ends: the events cannot be read");
                None
            }
        }
    }

    fn queue(&mut self, event: &ServerEvent) {
        self.last = event.id;
        let id = event.id.to_string();
        let Some(news) = view::news(&self.app, &self.sight, event) else {
            return;
        };
        // Plain data always has a JSON.
        if let Ok(told) = Event::default().event(event.kind).id(id).json_data(&news) {
            self.waiting.push_back(told);
        }
    }
}

fn reset(id: i64, reason: &str) -> Event {
    Event::default()
        .event("reset")
        .id(id.to_string())
        .data(format!("{{\"reason\":\"{reason}\"}}"))
}
