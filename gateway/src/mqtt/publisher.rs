//! Sending commands to nodes, over a client of its own: acknowledgements of the intake never wait
//! behind them.

use super::{Backoff, Endpoint, options};
use rumqttc::{AsyncClient, Event, Outgoing, QoS};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Commands that may wait for the broker. More are dropped: the core says them again.
const QUEUE: usize = 10_000;

/// The running client.
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    stop: CancellationToken,
    ended: CancellationToken,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Connects, and again whenever the connection is lost.
    #[must_use]
    pub fn start(endpoint: &Endpoint, client_id: &str, max_backoff: Duration) -> Self {
        let mut options = options(endpoint, client_id);
        options.set_clean_session(true);
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        events.network_options.set_tcp_nodelay(true);
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let ended = CancellationToken::new();
        let ending = ended.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _ending = ending;
            let mut backoff = Backoff::new(max_backoff);
            loop {
                match events.poll().await {
                    Ok(Event::Outgoing(Outgoing::Disconnect)) => break,
                    Ok(_) => backoff.reset(),
                    Err(error) => {
                        tracing::debug!(%error, "the command client has no connection");
                        tokio::select! {
                            () = tokio::time::sleep(backoff.next()) => {}
                            () = stopping.cancelled() => break,
                        }
                    }
                }
            }
        });
        Self {
            client,
            stop,
            ended,
            task,
        }
    }

    /// Resolves when it has ended, however: unasked for, always a failure.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Sends a command, or queues it until there is a connection. False if the queue is full.
    #[must_use]
    pub fn send(&self, topic: String, payload: Vec<u8>) -> bool {
        self.client
            .try_publish(topic, QoS::AtMostOnce, false, payload)
            .is_ok()
    }

    /// Sends what is queued and disconnects, within `deadline`.
    pub async fn stop(self, deadline: Duration) {
        let Self {
            client,
            stop,
            mut task,
            ..
        } = self;
        let leave = async {
            if client.disconnect().await.is_ok() {
                drop((&mut task).await);
            }
        };
        if tokio::time::timeout(deadline, leave).await.is_err() {
            tracing::debug!("the command client did not disconnect in time");
        }
        stop.cancel();
        task.abort();
    }
}
