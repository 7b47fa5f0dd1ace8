//! The connection of a line: opened when it is needed, dropped when it cannot be trusted.

use super::call::{Answer, Connection};
use super::counts::Counts;
use super::guard::NotSent;
use super::setup::LineSetup;
use super::status::Shared;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use vigil_core::modbus::{Block, Data, ReadFailure};

/// The pause after a connection could not be made; each further time doubles it …
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// What was asked for.
    Data(Data),
    /// The device has answered and refuses.
    Refused(u8),
    /// The request was sent, and not answered as it should be.
    Unanswered(ReadFailure),
    /// The request could not be sent.
    NotSent,
}

#[derive(Debug)]
pub(super) struct Wire {
    connection: Option<Connection>,
    /// On a serial line: something may still come that nobody waits for any more.
    unsettled: bool,
    /// Attempts to connect that failed in a row, and when the next may be made.
    failed: u32,
    again: Option<Instant>,
    /// The end of the last frame on the line, and the pause after it.
    free: Instant,
    counts: Counts,
    status: Shared,
}

impl Wire {
    pub(super) fn new(setup: &LineSetup, counts: Counts, status: Shared) -> Self {
        Self {
            connection: None,
            unsettled: setup.link.is_rtu(),
            failed: 0,
            again: None,
            free: Instant::now(),
            counts,
            status,
        }
    }

    /// Asks a unit. A request that could not be sent over an old connection is sent over a new one.
    pub(super) async fn ask(
        &mut self,
        setup: &LineSetup,
        unit: u8,
        block: Block,
        deadline: Duration,
    ) -> Asked {
        for _ in 0..2 {
            if !self.connect(setup).await {
                return Asked::NotSent;
            }
            sleep_until(self.free).await;
            let Some(connection) = &mut self.connection else {
                return Asked::NotSent;
            };
            let answer = connection.read(unit, block, deadline).await;
            self.free = Instant::now() + setup.link.frame_gap();
            match answer {
                Answer::Data(data) => return Asked::Data(data),
                Answer::Exception(code) => return Asked::Refused(code),
                Answer::Failed(failure) => {
                    self.drop_connection();
                    self.unsettled = setup.link.is_rtu();
                    return Asked::Unanswered(failure);
                }
                Answer::NotSent(NotSent::Closed) => self.drop_connection(),
                Answer::NotSent(NotSent::Stray(bytes)) => {
                    self.counts.late_bytes.add(bytes as u64);
                    self.drop_connection();
                    self.unsettled = setup.link.is_rtu();
                }
            }
        }
        Asked::NotSent
    }

    /// Whether there is a connection now.
    pub(super) async fn connect(&mut self, setup: &LineSetup) -> bool {
        if self.connection.is_some() {
            return true;
        }
        if self.again.is_some_and(|again| Instant::now() < again) {
            return false;
        }
        match self.open(setup).await {
            Ok(connection) => {
                self.connection = Some(connection);
                (self.failed, self.again) = (0, None);
                self.counts.opened(1);
                self.status
                    .change(|line| (line.open, line.problem) = (true, None));
                true
            }
            Err(problem) => {
                if self.failed == 0 {
                    tracing::warn!(connection = &*setup.name, link = %setup.link, %problem, "cannot connect");
                }
                let factor = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
                self.failed = self.failed.saturating_add(1);
                self.again = Some(Instant::now() + FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE));
                self.status.change(|line| line.problem = Some(problem));
                false
            }
        }
    }

    async fn open(&mut self, setup: &LineSetup) -> Result<Connection, String> {
        let opening = timeout(setup.connect, setup.link.open()).await;
        let late = |_elapsed| format!("no connection within {} ms", setup.connect.as_millis());
        let mut opened = opening.map_err(late)?.map_err(|error| error.to_string())?;
        if self.unsettled {
            let heard = opened
                .drain(setup.quiet)
                .await
                .map_err(|error| error.to_string())?;
            self.counts.late_bytes.add(heard as u64);
            self.unsettled = false;
        }
        Ok(Connection::new(&setup.link, opened))
    }

    fn drop_connection(&mut self) {
        if self.connection.take().is_some() {
            self.counts.opened(-1);
            self.status.change(|line| line.open = false);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.drop_connection();
    }
}
