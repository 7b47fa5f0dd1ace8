//! The task of a bus or connection: asks its devices in the order in which they are due, one request at a time.

use super::breaker::{Breaker, Step};
use super::counts::Counts;
use super::schedule::Schedule;
use super::setup::{DeviceSetup, LineSetup};
use super::status::{DeviceStatus, LineStatus, Pace, Shared};
use super::wire::{Asked, Wire};
use crate::clock::Clock;
use crate::ingest::{FieldRoute, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use vigil_core::field::FieldDecoder;
use vigil_core::modbus::{Block, BlockRead, PollImage, ReadFailure};
use vigil_protocol::time::UtcMillis;

/// A device that is not asked says so this often.
const REMIND: Duration = Duration::from_secs(30);

/// What a line needs beside its setup.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) to: mpsc::Sender<Incoming>,
    pub(super) clock: Clock,
    pub(super) counts: Counts,
    pub(super) status: Shared,
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
pub(super) struct Line {
    setup: Arc<LineSetup>,
    changes: watch::Receiver<Arc<LineSetup>>,
    around: Surroundings,
    devices: Vec<Device>,
    wire: Wire,
    /// It has been said that the engine's queue is full.
    said_full: bool,
}

#[derive(Debug)]
struct Device {
    setup: DeviceSetup,
    node: Arc<str>,
    topic: String,
    schedule: Schedule,
    breaker: Breaker,
    /// What its last message was, and when.
    said: Option<(Option<ReadFailure>, Instant)>,
    left_alone: bool,
}

impl Device {
    fn new(line: &LineSetup, setup: &DeviceSetup, now: Instant) -> Self {
        let name = format!("{}/{}", line.node, setup.id);
        Self {
            schedule: Schedule::new(&name, setup.period, now),
            breaker: Breaker::out_of_step(setup.period, line.late, &setup.map.blocks, now),
            topic: format!("modbus/{}/{}", line.name, setup.id),
            node: Arc::clone(&line.node),
            setup: setup.clone(),
            said: None,
            left_alone: false,
        }
    }

    fn status(&self) -> DeviceStatus {
        DeviceStatus {
            id: Arc::clone(&self.setup.id),
            unit: self.setup.unit,
            map: self.setup.map.id.to_string(),
            ..DeviceStatus::default()
        }
    }

    /// Whether a poll that was not even tried is worth a message: the first since something else was said, and now and
    /// then.
    fn must_say(&self, now: Instant) -> bool {
        match self.said {
            Some((Some(_), at)) => now.saturating_duration_since(at) >= REMIND,
            Some((None, _)) | None => true,
        }
    }
}

impl LineSetup {
    pub(super) fn first_status(&self) -> LineStatus {
        LineStatus {
            name: Arc::clone(&self.name),
            node: Arc::clone(&self.node),
            link: self.link.to_string(),
            open: false,
            problem: None,
            devices: Vec::new(),
        }
    }
}

impl Line {
    pub(super) fn new(changes: watch::Receiver<Arc<LineSetup>>, around: Surroundings) -> Self {
        let setup = Arc::clone(&changes.borrow());
        let mut line = Self {
            wire: Wire::new(&setup, around.counts.clone(), around.status.clone()),
            devices: Vec::new(),
            setup: Arc::clone(&setup),
            changes,
            around,
            said_full: false,
        };
        line.adopt(setup);
        line
    }

    /// Polls until it is stopped, or nobody takes what it reads.
    pub(super) async fn run(mut self) {
        let stop = self.around.stop.clone();
        loop {
            let next = self
                .devices
                .iter()
                .enumerate()
                .min_by_key(|(_, device)| device.schedule.due());
            let next = next.map(|(at, device)| (at, device.schedule.due()));
            let due = async {
                match next {
                    Some((at, due)) => {
                        sleep_until(due).await;
                        at
                    }
                    None => std::future::pending().await,
                }
            };
            let at = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let setup = Arc::clone(&self.changes.borrow_and_update());
                    self.adopt(setup);
                    continue;
                }
                at = due => at,
            };
            let goes_on = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                goes_on = self.serve(at) => goes_on,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Devices that are as before go on as before.
    fn adopt(&mut self, setup: Arc<LineSetup>) {
        let now = Instant::now();
        let mut old = std::mem::take(&mut self.devices);
        let known = self.around.status.read().devices;
        let mut status = Vec::with_capacity(setup.devices.len());
        for wanted in &setup.devices {
            let same = old.iter().position(|device| device.setup == *wanted);
            let device = match same {
                Some(at) => old.swap_remove(at),
                None => Device::new(&setup, wanted, now),
            };
            let before = known.iter().find(|known| same.is_some() && known.id == wanted.id);
            status.push(before.cloned().unwrap_or_else(|| device.status()));
            self.devices.push(device);
        }
        let gone = old.iter().filter(|device| device.left_alone).count();
        self.around.counts.left_alone(-(gone as i64));
        self.around.status.change(|line| line.devices = status);
        self.setup = setup;
    }

    /// Does what a device that is due needs. `false`: there is nobody to do it for any more.
    async fn serve(&mut self, at: usize) -> bool {
        let Some(device) = self.devices.get_mut(at) else {
            return true;
        };
        let now = Instant::now();
        let blocks = &device.setup.map.blocks;
        let goes_on = match device.breaker.step(blocks, now) {
            Step::Wait => {
                self.around.counts.skipped.add(1);
                let failure = device
                    .said
                    .and_then(|(failure, _)| failure)
                    .unwrap_or(ReadFailure::Timeout);
                let starting = device.said.is_none();
                if !starting && device.must_say(now) {
                    let image = PollImage::failed(self.around.clock.now(), blocks, failure);
                    self.deliver(at, image).await
                } else {
                    true
                }
            }
            Step::Probe(block) => match self.probe(at, block).await {
                None => self.poll(at).await,
                Some(failure) => self.failed(at, failure).await,
            },
            Step::Poll => self.poll(at).await,
        };
        if let Some(device) = self.devices.get_mut(at) {
            let missed = device.schedule.done(Instant::now());
            if missed > 0 {
                self.around.counts.missed.add(missed);
                self.around.status.device(at, |status| status.missed += missed);
            }
        }
        goes_on
    }

    /// Asks for something whose answer cannot be taken for another; `None` when it came.
    async fn probe(&mut self, at: usize, block: Block) -> Option<ReadFailure> {
        let device = self.devices.get_mut(at)?;
        let DeviceSetup { unit, deadline, .. } = device.setup;
        let asked = self.wire.ask(&self.setup, unit, block, deadline).await;
        let failure = match asked {
            Asked::Data(_) => {
                device.breaker.in_step();
                None
            }
            Asked::Refused(code) => {
                device.breaker.refused_probe();
                Some(ReadFailure::Exception(code))
            }
            Asked::Unanswered(failure) => {
                device.breaker.unanswered(block, Instant::now());
                Some(failure)
            }
            Asked::NotSent => Some(ReadFailure::NoConnection),
        };
        self.mark(at);
        failure
    }

    async fn poll(&mut self, at: usize) -> bool {
        let Some(device) = self.devices.get_mut(at) else {
            return true;
        };
        let DeviceSetup {
            unit,
            deadline,
            ref map,
            ..
        } = device.setup;
        let map = Arc::clone(map);
        let time = self.around.clock.now();
        let mut reads = Vec::with_capacity(map.blocks.len());
        let mut lost = None;
        for block in &map.blocks {
            let result = match lost {
                Some(_) => Err(ReadFailure::Skipped),
                None => match self.wire.ask(&self.setup, unit, *block, deadline).await {
                    Asked::Data(data) => {
                        device.breaker.answered();
                        Ok(data)
                    }
                    Asked::Refused(code) => {
                        device.breaker.answered();
                        Err(ReadFailure::Exception(code))
                    }
                    Asked::Unanswered(failure) => {
                        device.breaker.unanswered(*block, Instant::now());
                        lost = Some(failure);
                        Err(failure)
                    }
                    Asked::NotSent => {
                        lost = Some(ReadFailure::NoConnection);
                        Err(ReadFailure::NoConnection)
                    }
                },
            };
            reads.push(BlockRead {
                block: *block,
                result,
            });
        }
        self.mark(at);
        let image = PollImage {
            at: time,
            blocks: reads,
        };
        let failure = image
            .blocks
            .iter()
            .find_map(|read| read.result.as_ref().err().copied());
        let nothing = image.blocks.iter().all(|read| read.result.is_err());
        match failure {
            Some(ReadFailure::NoConnection) if nothing => self.failed(at, ReadFailure::NoConnection).await,
            _ => self.tell(at, image, failure).await,
        }
    }

    /// A poll of which nothing came. Where there was no connection to try, that is not said every time.
    async fn failed(&mut self, at: usize, failure: ReadFailure) -> bool {
        let Some(device) = self.devices.get(at) else {
            return true;
        };
        let same = device.said.is_some_and(|(said, _)| said == Some(failure));
        if failure == ReadFailure::NoConnection && same && !device.must_say(Instant::now()) {
            self.count(at, Some(failure), self.around.clock.now());
            return true;
        }
        let image = PollImage::failed(self.around.clock.now(), &device.setup.map.blocks, failure);
        self.tell(at, image, Some(failure)).await
    }

    async fn tell(&mut self, at: usize, image: PollImage, failure: Option<ReadFailure>) -> bool {
        self.count(at, failure, image.at);
        self.deliver(at, image).await
    }

    fn count(&self, at: usize, failure: Option<ReadFailure>, time: UtcMillis) {
        self.around.counts.polls.add(1);
        if let Some(failure) = failure {
            self.around.counts.failure(failure);
        }
        let left_alone = self.devices.get(at).is_some_and(|device| device.left_alone);
        self.around.status.device(at, |status| {
            status.polls += 1;
            status.pace = match failure {
                None => Pace::Polled,
                Some(_) if left_alone => Pace::LeftAlone,
                Some(_) => Pace::Failing,
            };
            match failure {
                None => status.last_good = Some(time),
                Some(failure) => {
                    status.failures += 1;
                    status.last_failure = Some((time, failure.to_string()));
                }
            }
        });
    }

    /// Says in the metrics whether a device is left alone from now on.
    fn mark(&mut self, at: usize) {
        let Some(device) = self.devices.get_mut(at) else {
            return;
        };
        let left_alone = device.breaker.is_open(Instant::now());
        if left_alone != device.left_alone {
            device.left_alone = left_alone;
            self.around.counts.left_alone(if left_alone { 1 } else { -1 });
            if left_alone {
                tracing::warn!(
                    device = device.topic,
                    unit = device.setup.unit,
                    "does not answer; asked less often from now on"
                );
            } else {
                tracing::info!(device = device.topic, unit = device.setup.unit, "answers again");
            }
        }
    }

    /// Hands a poll to the engine. When its queue is full, polls wait.
    async fn deliver(&mut self, at: usize, image: PollImage) -> bool {
        let Some(device) = self.devices.get_mut(at) else {
            return true;
        };
        let failure = image
            .blocks
            .iter()
            .find_map(|read| read.result.as_ref().err().copied());
        device.said = Some((failure, Instant::now()));
        let decoder: Arc<dyn FieldDecoder> = Arc::clone(&device.setup.map) as _;
        let incoming = Incoming {
            topic: device.topic.clone(),
            payload: image.encode().into(),
            retained: false,
            received: self.around.clock.now(),
            ack: None,
            field: Some(FieldRoute {
                node: Arc::clone(&device.node),
                device: Some(Arc::clone(&device.setup.id)),
                decoder,
            }),
        };
        match self.around.to.try_send(incoming) {
            Ok(()) => {
                self.said_full = false;
                true
            }
            Err(mpsc::error::TrySendError::Full(incoming)) => {
                self.around.counts.waits.add(1);
                if !std::mem::replace(&mut self.said_full, true) {
                    tracing::warn!(
                        connection = &*self.setup.name,
                        "the engine takes nothing more in: polls wait"
                    );
                }
                self.around.to.send(incoming).await.is_ok()
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let left_alone = self.devices.iter().filter(|device| device.left_alone).count();
        self.around.counts.left_alone(-(left_alone as i64));
    }
}
