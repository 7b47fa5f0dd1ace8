//! Sparkplug data, and JSON that a profile reads, from the embedded broker straight to the engine.
//!
//! A broker in the same process need not write every message to a socket for the gateway to read it
//! again: its publish hook puts them into the engine's queue. That halves the cost of a message; a full
//! queue holds the sender back instead of losing what comes at QoS 0; and a client's last data are in
//! the queue before its will is published. Deaths (as wills they pass no hook) and STATE still come
//! through the gateway's own MQTT session, which is all there is with an external broker.
//!
//! What a client sends at QoS 1 or 2 under a profile's topic is on disk before the client hears of it: the broker
//! acknowledges when the hook returns, and the hook waits for the commit. The broker reads nothing more from that
//! connection meanwhile, so one connection sends one such message per commit; many connections share a commit.
//! Whoever sends much over one connection sends at QoS 0, or uses an external broker.
//!
//! The broker passes a message on to other subscribers only when there are any: it compares every
//! topic with every filter that has a wildcard, and a site has one such filter per node.

use super::Mappings;
use crate::clock::Clock;
use crate::ingest::{Ack, Incoming};
use mqtt5::QoS;
use mqtt5::broker::{
    BrokerEventHandler, ClientConnectEvent, ClientDisconnectEvent, ClientPublishEvent,
    ClientUnsubscribeEvent, PublishAction,
};
use mqtt5::packet::publish::PublishPacket;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What the engine needs and does not get by this way: for the gateway's own session.
pub const NOT_HANDED_OVER: &str = "spBv1.0/+/NDEATH/#";

/// Where the embedded broker puts data.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The engine's queue.
    pub to: mpsc::Sender<Incoming>,
    /// The time of arrival.
    pub clock: Clock,
    /// Which topics besides Sparkplug's are for the engine, and whose they are.
    pub mappings: Mappings,
    /// From now on the gateway's own session hears the deaths; until then nobody is let in whose death it would miss.
    pub heard: CancellationToken,
    /// After this nothing is taken in any more.
    pub stop: CancellationToken,
}

/// Clients that may want the data themselves.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    clients: Mutex<HashMap<Arc<str>, Watcher>>,
    /// How many of them have a filter that could ask for Sparkplug data, and for anything else: read for every
    /// message.
    counts: [AtomicUsize; 2],
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sparkplug = 0,
    Other = 1,
}

#[derive(Debug, Default)]
struct Watcher {
    connections: u32,
    /// The session outlives the connection, and with it the filters.
    keeps: bool,
    filters: BTreeSet<String>,
}

impl Watchers {
    /// Before a subscription counts.
    pub(super) fn subscribing(&self, client: &str, filter: &str) {
        if may_want_data(filter) || may_want_other(filter) {
            self.change(client, |watcher| {
                watcher.filters.insert(filter.to_owned());
            });
        }
    }

    fn connected(&self, client: &str, clean: bool, keeps: bool) {
        self.change(client, |watcher| {
            if clean && watcher.connections == 0 {
                watcher.filters.clear();
            }
            watcher.connections += 1;
            watcher.keeps = keeps;
        });
    }

    /// A connection that was taken over may end after its successor has begun.
    fn disconnected(&self, client: &str) {
        self.change(client, |watcher| {
            watcher.connections = watcher.connections.saturating_sub(1);
            if watcher.connections == 0 && !watcher.keeps {
                watcher.filters.clear();
            }
        });
    }

    fn change(&self, client: &str, change: impl FnOnce(&mut Watcher)) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let mut watcher = clients.remove(client).unwrap_or_default();
        let before = watcher.wants();
        change(&mut watcher);
        let after = watcher.wants();
        if watcher.connections > 0 || !watcher.filters.is_empty() {
            clients.insert(client.into(), watcher);
        }
        for (count, (after, before)) in self.counts.iter().zip(after.into_iter().zip(before)) {
            count.fetch_add(
                usize::from(after).wrapping_sub(usize::from(before)),
                Ordering::AcqRel,
            );
        }
    }

    fn any(&self, kind: Kind) -> bool {
        self.counts[kind as usize].load(Ordering::Acquire) > 0
    }
}

impl Watcher {
    /// Whether it may want Sparkplug data, and anything else.
    fn wants(&self) -> [bool; 2] {
        let any = |may_want: fn(&str) -> bool| self.filters.iter().any(|filter| may_want(filter));
        [any(may_want_data), any(may_want_other)]
    }
}

/// The broker's hook.
pub(super) struct Hook {
    pub(super) handover: Handover,
    pub(super) watchers: Arc<Watchers>,
}

impl Hook {
    async fn publish(&self, event: ClientPublishEvent) -> PublishAction {
        let Handover {
            to,
            clock,
            stop,
            mappings,
            ..
        } = &self.handover;
        let kind = if event.topic.starts_with("spBv1.0/") {
            Kind::Sparkplug
        } else {
            Kind::Other
        };
        let field = match kind {
            Kind::Sparkplug if is_data(&event.topic) => None,
            Kind::Other => match mappings.route(&event.topic) {
                Some(route) => Some(route),
                None => return PublishAction::Continue,
            },
            Kind::Sparkplug => return PublishAction::Continue,
        };
        // Sparkplug has its own way of making sure: the journal.
        let asks = kind == Kind::Other && event.qos != QoS::AtMostOnce;
        let (waiter, committed) = if asks {
            let (to, from) = oneshot::channel();
            (Some(Ack::Waiting(to)), Some(from))
        } else {
            (None, None)
        };
        let incoming = Incoming {
            topic: String::from(&*event.topic),
            payload: event.payload.clone(),
            // Only what comes out of the broker's retained store is called that.
            retained: false,
            received: clock.now(),
            ack: waiter,
            field,
        };
        let sent = tokio::select! {
            biased;
            () = stop.cancelled() => false,
            sent = to.send(incoming) => sent.is_ok(),
        };
        // What was taken in before a stop is committed in it: no need to look at `stop` here.
        let kept = match committed {
            Some(committed) if sent => committed.await.is_ok(),
            _ => sent,
        };
        if kept {
            let alone = !event.retain && !self.watchers.any(kind);
            return if alone {
                PublishAction::Handled
            } else {
                PublishAction::Continue
            };
        }
        // Not taken in. At QoS 0 others still get it without the sender hearing that all is well: a
        // sender that asked for that sends it again.
        PublishAction::Transform(PublishPacket::new(
            String::from(&*event.topic),
            event.payload,
            QoS::AtMostOnce,
        ))
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl BrokerEventHandler for Hook {
    fn on_client_connect<'a>(&'a self, event: ClientConnectEvent) -> Answer<'a, ()> {
        let keeps = event.session_expiry_interval > 0;
        self.watchers
            .connected(&event.client_id, event.clean_start, keeps);
        Box::pin(std::future::ready(()))
    }

    fn on_client_unsubscribe<'a>(&'a self, event: ClientUnsubscribeEvent) -> Answer<'a, ()> {
        self.watchers.change(&event.client_id, |watcher| {
            for filter in &event.topic_filters {
                watcher.filters.remove(&**filter);
            }
        });
        Box::pin(std::future::ready(()))
    }

    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Answer<'a, PublishAction> {
        Box::pin(self.publish(event))
    }

    fn on_client_disconnect<'a>(&'a self, event: ClientDisconnectEvent) -> Answer<'a, ()> {
        self.watchers.disconnected(&event.client_id);
        Box::pin(std::future::ready(()))
    }
}

/// Whether a message is for the engine and comes by this way. Whatever is under the namespace and
/// not meant for somebody else is: the core says what is wrong with it.
fn is_data(topic: &str) -> bool {
    let mut levels = topic.split('/');
    levels.next() == Some("spBv1.0")
        && levels.next().is_some_and(|group| group != "STATE")
        && !levels.next().is_some_and(comes_otherwise)
}

/// Whether a filter could ask for anything [`is_data`] says yes to; a needless yes only costs time.
fn may_want_data(filter: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or("", |(_, filter)| filter),
        None => filter,
    };
    let mut levels = filter.split('/');
    match levels.next() {
        Some("#") => true,
        Some("+" | "spBv1.0") => {
            levels.next().is_some_and(|group| group != "STATE") && !levels.next().is_some_and(comes_otherwise)
        }
        _ => false,
    }
}

/// Whether a filter could ask for anything that is not Sparkplug's.
fn may_want_other(filter: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or("", |(_, filter)| filter),
        None => filter,
    };
    !filter.starts_with('$') && filter.split('/').next() != Some("spBv1.0")
}

/// Commands are the nodes' business, deaths come through the session.
fn comes_otherwise(message: &str) -> bool {
    matches!(message, "NCMD" | "DCMD" | "NDEATH")
}

#[cfg(test)]
mod tests {
    use super::{Kind, Watchers, is_data, may_want_data, may_want_other};

    #[test]
    fn data_births_and_nonsense_are_handed_over_but_not_commands_deaths_and_states() {
        for topic in [
            "spBv1.0/g/NDATA/n",
            "spBv1.0/g/DDATA/n/d",
            "spBv1.0/g/NBIRTH/n",
            "spBv1.0/g/DBIRTH/n/d",
            "spBv1.0/g/DDEATH/n/d",
            "spBv1.0/g/ndata/n",
            "spBv1.0/g",
            "spBv1.0/g/DDATA/n/d/too/many",
        ] {
            assert!(is_data(topic), "{topic}");
        }
        for topic in [
            "spBv1.0/g/NDEATH/n",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/DCMD/n/d",
            "spBv1.0/STATE/vigil",
            "spBv1.0",
            "STATE/vigil",
            "other/g/NDATA/n",
        ] {
            assert!(!is_data(topic), "{topic}");
        }
    }

    #[test]
    fn a_filter_that_matches_data_is_never_overlooked() {
        for filter in [
            "#",
            "+/#",
            "spBv1.0/#",
            "spBv1.0/g/#",
            "spBv1.0/g/+/n/#",
            "spBv1.0/g/DDATA/n/d",
            "+/+/NDATA/+",
            "$share/readers/spBv1.0/#",
        ] {
            assert!(may_want_data(filter), "{filter}");
        }
        for filter in [
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/DCMD/n/#",
            "spBv1.0/+/NDEATH/#",
            "spBv1.0/STATE/vigil",
            "building/#",
            "$share/readers/building/#",
            "$SYS/#",
        ] {
            assert!(!may_want_data(filter), "{filter}");
        }
    }

    #[test]
    fn a_filter_that_matches_other_topics_is_never_overlooked() {
        for filter in ["#", "+/#", "v1/devices/+/telemetry", "$share/readers/site/#"] {
            assert!(may_want_other(filter), "{filter}");
        }
        for filter in [
            "spBv1.0/g/NCMD/n",
            "spBv1.0/#",
            "$SYS/#",
            "$share/readers/spBv1.0/#",
        ] {
            assert!(!may_want_other(filter), "{filter}");
        }
    }

    #[test]
    fn a_watcher_of_one_kind_does_not_slow_the_other_down() {
        let watchers = Watchers::default();
        watchers.connected("panel", true, false);
        watchers.subscribing("panel", "v1/devices/me/rpc/request/+");
        assert!(watchers.any(Kind::Other));
        assert!(!watchers.any(Kind::Sparkplug));
        watchers.disconnected("panel");
        assert!(!watchers.any(Kind::Other));
    }

    #[test]
    fn a_watcher_counts_from_its_subscription_to_its_end() {
        let watchers = Watchers::default();
        watchers.connected("node", true, false);
        watchers.subscribing("node", "spBv1.0/g/NCMD/n");
        assert!(!watchers.any(Kind::Sparkplug));
        watchers.connected("desk", true, false);
        watchers.subscribing("desk", "spBv1.0/#");
        assert!(watchers.any(Kind::Sparkplug));
        // Taken over: the old connection ends after the new one has subscribed.
        watchers.connected("desk", true, false);
        watchers.subscribing("desk", "spBv1.0/#");
        watchers.disconnected("desk");
        assert!(watchers.any(Kind::Sparkplug));
        watchers.disconnected("desk");
        assert!(!watchers.any(Kind::Sparkplug));
        // A kept session keeps its filters, until the client begins anew.
        watchers.connected("archive", false, true);
        watchers.subscribing("archive", "#");
        watchers.disconnected("archive");
        assert!(watchers.any(Kind::Sparkplug));
        watchers.connected("archive", true, false);
        assert!(!watchers.any(Kind::Sparkplug));
    }
}
