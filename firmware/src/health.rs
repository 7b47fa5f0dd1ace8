//! How the node itself does: why it started, whether its tasks live, and the node metrics that say so.
//!
//! | metric | type | meaning |
//! |---|---|---|
//! | `Health/Reset cause` | String | why this boot began: a key of [`ResetCause`] |
//! | `Health/Last message` | String | what was said at the last panic or fault, its first [`TEXT_CAPACITY`] bytes |
//! | `Health/Resets since power-on` | UInt32 | boots since the power came |
//! | `Health/Stack used` | UInt32, B | high-water mark of the stack |
//! | `Health/Journal held` | UInt32 | records not acknowledged yet: the depth of the queue |
//! | `Health/Connects` | UInt32 | connections to the broker since boot; grows when the link is bad |
//! | `Health/Acknowledgements overdue` | UInt32 | messages the gateway did not acknowledge in time |
//! | `Health/Field reads good` | UInt32 | readings of all slaves since boot |
//! | `Health/Field reads failed` | UInt32 | of these, failed |
//! | `Health/Clock` | String | who set the clock: `none`, `rtc`, `gateway`, `sntp` |
//!
//! They are node metrics, so every birth carries them: the cause of the last reset is in the next birth.

use core::fmt::{self, Write};

use heapless::{String, Vec};
use vigil_protocol::sparkplug::{DataType, MetricValue};
use vigil_protocol::time::UtcMillis;

use crate::definition::MetricDef;
use crate::held::{Sample, SampleQuality, TEXT_CAPACITY};
use crate::sampling::Slave;
use crate::session::Counters;
use crate::time::{ClockSource, Uptime};

/// A text short enough for a metric.
pub type Message = String<TEXT_CAPACITY>;

/// Why a boot began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum ResetCause {
    /// The power came, or nothing is known.
    #[default]
    Power = 0,
    /// A panic; there is a message.
    Panic = 1,
    /// The processor faulted; the message says where.
    Fault = 2,
    /// A task did not check in; the message says which.
    Watchdog = 3,
    /// Somebody asked for it on the console.
    Requested = 4,
    /// New settings were saved.
    Settings = 5,
}

/// What is kept across a reset, in memory that the start-up code leaves alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remembered {
    /// Why the boot that finds it began.
    pub cause: ResetCause,
    /// Boots since the power came, before this one.
    pub resets: u32,
    /// What was said last.
    pub message: Message,
}

/// Bytes of [`Remembered`].
pub const REMEMBERED_BYTES: usize = 16 + TEXT_CAPACITY;

const MARK: u32 = 0x5649_4721;

impl ResetCause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Power,
        Self::Panic,
        Self::Fault,
        Self::Watchdog,
        Self::Requested,
        Self::Settings,
    ];

    /// As told in `Health/Reset cause`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Panic => "panic",
            Self::Fault => "fault",
            Self::Watchdog => "watchdog",
            Self::Requested => "requested",
            Self::Settings => "settings",
        }
    }
}

impl Remembered {
    /// What to remember before a reset: the message is cut to what a metric holds, never in the middle of a character.
    #[must_use]
    pub fn new(cause: ResetCause, resets: u32, message: fmt::Arguments<'_>) -> Self {
        struct Cut(Message);
        impl Write for Cut {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for c in text.chars() {
                    self.0.push(c).map_err(|_| fmt::Error)?;
                }
                Ok(())
            }
        }
        let mut cut = Cut(Message::new());
        // An error only says that it was cut.
        cut.write_fmt(message).unwrap_or(());
        Self {
            cause,
            resets,
            message: cut.0,
        }
    }

    /// As bytes with a check, since memory holds anything after power-on.
    #[must_use]
    pub fn encode(&self) -> [u8; REMEMBERED_BYTES] {
        let mut bytes = [0; REMEMBERED_BYTES];
        bytes[..4].copy_from_slice(&MARK.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.resets.to_le_bytes());
        bytes[8] = self.cause as u8;
        bytes[9] = self.message.len() as u8;
        bytes[16..16 + self.message.len()].copy_from_slice(self.message.as_bytes());
        let check = check(&bytes);
        bytes[12..16].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// What was remembered; `None` when it is not sound: the power was gone.
    #[must_use]
    pub fn decode(bytes: &[u8; REMEMBERED_BYTES]) -> Option<Self> {
        let word = |at: usize| {
            let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
            word.map(u32::from_le_bytes)
        };
        if word(0)? != MARK || word(12)? != check(bytes) {
            return None;
        }
        let cause = ResetCause::ALL.get(usize::from(bytes[8])).copied()?;
        let text = bytes.get(16..16 + usize::from(bytes[9]))?;
        Some(Self {
            cause,
            resets: word(4)?,
            message: Message::try_from(core::str::from_utf8(text).ok()?).ok()?,
        })
    }
}

/// FNV-1a over everything but the check itself.
fn check(bytes: &[u8; REMEMBERED_BYTES]) -> u32 {
    let parts = bytes[..12].iter().chain(&bytes[16..]);
    parts.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Whether every task is alive: the watchdog is fed only then.
#[derive(Clone, Debug)]
pub struct CheckIns<const TASKS: usize> {
    /// Name, how long it may be silent (ms), and when it was last heard.
    tasks: Vec<(&'static str, u32, Uptime), TASKS>,
}

impl<const TASKS: usize> CheckIns<TASKS> {
    /// Tasks with how long each may be silent, ms. All count as heard `now`.
    #[must_use]
    pub fn new(tasks: [(&'static str, u32); TASKS], now: Uptime) -> Self {
        let tasks = tasks.into_iter().map(|(name, ms)| (name, ms, now));
        Self {
            tasks: tasks.collect(),
        }
    }

    /// The task at this position is alive.
    pub fn check_in(&mut self, task: usize, now: Uptime) {
        if let Some((_, _, heard)) = self.tasks.get_mut(task) {
            *heard = now;
        }
    }

    /// The first task that has been silent for too long. `None`: feed the watchdog.
    #[must_use]
    pub fn late(&self, now: Uptime) -> Option<&'static str> {
        let late = |(_, limit, heard): &&(_, u32, Uptime)| now.since_ms(*heard) > u64::from(*limit);
        self.tasks.iter().find(late).map(|(name, ..)| *name)
    }
}

/// The node metrics, in the order of [`Health::samples`].
pub const METRICS: &[MetricDef<'static>] = &[
    metric("Health/Reset cause", DataType::String, None),
    metric("Health/Last message", DataType::String, None),
    metric("Health/Resets since power-on", DataType::UInt32, None),
    metric("Health/Stack used", DataType::UInt32, Some("B")),
    metric("Health/Journal held", DataType::UInt32, None),
    metric("Health/Connects", DataType::UInt32, None),
    metric("Health/Acknowledgements overdue", DataType::UInt32, None),
    metric("Health/Field reads good", DataType::UInt32, None),
    metric("Health/Field reads failed", DataType::UInt32, None),
    metric("Health/Clock", DataType::String, None),
];
const COUNT: usize = METRICS.len();

const fn metric(name: &'static str, datatype: DataType, unit: Option<&'static str>) -> MetricDef<'static> {
    MetricDef {
        name,
        datatype,
        unit,
        deadband: 0.0,
    }
}

/// How the node does now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// What the last boot left.
    pub remembered: Remembered,
    /// High-water mark of the stack, bytes; `None` when the board does not measure it.
    pub stack_used: Option<u32>,
    /// Records in the journal.
    pub journal_held: u64,
    /// What the session did.
    pub session: Counters,
    /// Readings of all slaves, good and failed.
    pub reads: (u32, u32),
    /// Who set the clock.
    pub clock: Option<ClockSource>,
}

impl Health {
    /// Adds the slaves of one bus.
    pub fn add_slaves(&mut self, slaves: &[Slave]) {
        for slave in slaves {
            self.reads.0 = self.reads.0.saturating_add(slave.counters.good);
            self.reads.1 = self.reads.1.saturating_add(slave.counters.failed());
        }
    }

    /// The samples of [`METRICS`], for [`crate::Session::report`].
    #[must_use]
    pub fn samples(&self, at: UtcMillis) -> [Sample<'_>; COUNT] {
        let number = |number: u64| MetricValue::UInt32(u32::try_from(number).unwrap_or(u32::MAX));
        let clock = match self.clock {
            None => "none",
            Some(ClockSource::Rtc) => "rtc",
            Some(ClockSource::Gateway) => "gateway",
            Some(ClockSource::Sntp) => "sntp",
        };
        let values = [
            MetricValue::Str(self.remembered.cause.key()),
            MetricValue::Str(&self.remembered.message),
            number(self.remembered.resets.into()),
            self.stack_used
                .map_or(MetricValue::Null(DataType::UInt32), MetricValue::UInt32),
            number(self.journal_held),
            number(self.session.connects.into()),
            number(self.session.ack_timeouts.into()),
            number(self.reads.0.into()),
            number(self.reads.1.into()),
            MetricValue::Str(clock),
        ];
        let mut metric = 0;
        values.map(|value| {
            metric += 1;
            Sample {
                metric: metric - 1,
                value,
                quality: SampleQuality::Good,
                at,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_a_reset_is_there_after_it_and_noise_is_not_taken_for_it() {
        for cause in ResetCause::ALL {
            let kept = Remembered::new(cause, 7, format_args!("at {}:{}", "main.rs", 3));
            assert_eq!(kept.message, "at main.rs:3");
            let bytes = kept.encode();
            assert_eq!(Remembered::decode(&bytes), Some(kept));
            for at in 0..REMEMBERED_BYTES {
                let mut bytes = bytes;
                bytes[at] ^= 0x10;
                // Bytes 10 and 11 are not used, but checked all the same.
                assert_eq!(Remembered::decode(&bytes), None, "byte {at}");
            }
        }
        assert_eq!(Remembered::decode(&[0xff; REMEMBERED_BYTES]), None);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let kept = Remembered::new(
            ResetCause::Panic,
            0,
            format_args!("{}", "一二三四五六七八九十一二三四五六七八"),
        );
        assert_eq!(kept.message, "一二三四五六七八九十一二三四五六");
        assert_eq!(Remembered::decode(&kept.encode()), Some(kept));
    }

    #[test]
    fn the_watchdog_is_fed_only_while_every_task_checks_in() {
        let mut tasks = CheckIns::new([("link", 5_000), ("sampling", 1_000)], Uptime(0));
        assert_eq!(tasks.late(Uptime(1_000)), None);
        assert_eq!(tasks.late(Uptime(1_001)), Some("sampling"));
        tasks.check_in(1, Uptime(1_000));
        assert_eq!(tasks.late(Uptime(2_000)), None);
        tasks.check_in(1, Uptime(5_500));
        assert_eq!(tasks.late(Uptime(5_501)), Some("link"));
        tasks.check_in(0, Uptime(5_501));
        tasks.check_in(9, Uptime(5_501));
        assert_eq!(tasks.late(Uptime(5_501)), None);
    }

    #[test]
    fn every_metric_has_a_sample_of_its_type_and_an_unknown_stack_is_no_zero() {
        let health = Health::default();
        let samples = health.samples(UtcMillis(5));
        for (n, (sample, def)) in samples.iter().zip(METRICS).enumerate() {
            assert_eq!(usize::from(sample.metric), n);
            assert_eq!(sample.value.datatype(), def.datatype, "{}", def.name);
        }
        assert_eq!(samples[3].value, MetricValue::Null(DataType::UInt32));
    }
}
