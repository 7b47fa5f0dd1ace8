//! The edge node as the tasks share it.

use core::cell::{Cell, RefCell};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use vigil_firmware::health::{self, Health, Remembered};
use vigil_firmware::provisioning::{MAX_CHANNELS, MAX_DEVICES};
use vigil_firmware::sampling::Slave;
use vigil_firmware::time::ClockSource;
use vigil_firmware::{Place, ReportError, Sample, Scratch, Session, Storage};
use vigil_protocol::time::UtcMillis;

use crate::wall;

/// Largest message, and the largest record with it.
pub const MESSAGE: usize = 1_536;
/// Metrics of the node and its devices.
pub const METRICS: usize = health::METRICS.len() + MAX_CHANNELS;
/// Devices.
pub const DEVICES: usize = MAX_DEVICES;

/// The session of a board.
pub type Edge<S> = Session<'static, S, METRICS, DEVICES>;

/// The session, and the word that there is something to send. Tasks of one executor share it; none holds it while it
/// waits.
pub struct Node<S: 'static> {
    edge: RefCell<Edge<S>>,
    /// Where reports are written before they are in the journal.
    scratch: RefCell<&'static mut Scratch<MESSAGE>>,
    news: Signal<NoopRawMutex, ()>,
    /// Good and failed readings of all slaves.
    reads: Cell<(u32, u32)>,
}

impl<S: Storage> Node<S> {
    /// The session of a node and a buffer for its reports.
    pub const fn new(edge: Edge<S>, scratch: &'static mut Scratch<MESSAGE>) -> Self {
        Self {
            edge: RefCell::new(edge),
            scratch: RefCell::new(scratch),
            news: Signal::new(),
            reads: Cell::new((0, 0)),
        }
    }

    /// The time that the node's clock stands for: the gateway may have set it right since.
    pub(crate) fn utc(&self, own: UtcMillis) -> UtcMillis {
        self.with(|edge| edge.utc(own))
    }

    /// How the slaves do.
    pub(crate) fn count_reads(&self, slaves: &[Slave]) {
        let mut health = Health::default();
        health.add_slaves(slaves);
        self.reads.set(health.reads);
    }

    /// How the node does.
    pub(crate) fn health(&self, remembered: &Remembered, stack_used: Option<u32>) -> Health {
        self.with(|edge| Health {
            remembered: remembered.clone(),
            stack_used,
            journal_held: edge.journal().pending(),
            session: edge.counters(),
            reads: self.reads.get(),
            clock: match edge.clock_offset_ms() {
                0 => wall::is_known().then_some(ClockSource::Rtc),
                _ => Some(ClockSource::Gateway),
            },
        })
    }

    /// Runs `f` with the session.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Edge<S>) -> R) -> R {
        f(&mut self.edge.borrow_mut())
    }

    /// Waits until there may be something to send.
    pub(crate) async fn news(&self) {
        self.news.wait().await;
    }

    /// Takes what was measured and is worth telling; it is in the journal when this returns.
    pub(crate) fn report(&self, place: Place, samples: &[Sample<'_>]) -> Result<u16, ReportError<S::Error>> {
        self.take(|edge, scratch| edge.report_all(wall::now(), place, samples, scratch))
    }

    /// Takes what was measured; what has changed is in the journal when this returns.
    pub(crate) fn report_changes(
        &self,
        place: Place,
        samples: &[Sample<'_>],
    ) -> Result<u16, ReportError<S::Error>> {
        self.take(|edge, scratch| edge.report(wall::now(), place, samples, scratch))
    }

    fn take<E>(
        &self,
        report: impl FnOnce(&mut Edge<S>, &mut Scratch<MESSAGE>) -> Result<u16, E>,
    ) -> Result<u16, E> {
        let messages = self.with(|edge| report(edge, &mut self.scratch.borrow_mut()))?;
        if messages > 0 {
            self.news.signal(());
        }
        Ok(messages)
    }
}
