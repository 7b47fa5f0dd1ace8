//! Reads the buses as the channel table says and hands what is worth telling to the node: a task for each bus.

use core::cell::{Cell, RefCell};

use critical_section::Mutex;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Delay, Duration, Instant, Timer, with_timeout};
use embedded_hal::digital::InputPin;
use embedded_hal_async::i2c::I2c;
use embedded_io_async::{Read, Write};
use heapless::Vec;
use vigil_firmware::drivers::lift_inputs::{self, LiftSensor};
use vigil_firmware::drivers::rtc::{self, Part};
use vigil_firmware::drivers::{Block, Bus, Fault, Raw, ReadFault, ads1115, temperature};
use vigil_firmware::modbus::{MAX_WORDS, Master, Timing};
use vigil_firmware::provisioning::{Channel, MAX_CHANNELS, Settings};
use vigil_firmware::reading::{CodeText, Reading};
use vigil_firmware::sampling::{Observation, Sampler, Step, TableError};
use vigil_firmware::{Place, Storage};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::NoData;

use crate::node::Node;
use crate::say;
use crate::wall::{self, uptime};
use crate::watch::Task;

/// A task that waits longer checks in meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A closed contact connects its pin to ground.
const ACTIVE_LOW: bool = true;

/// A bus with what reads it.
pub enum Reader<L: 'static, I, P> {
    /// An RS-485 line of this number.
    Line(u8, &'static mut Master<L, Delay>),
    /// The I2C bus, and the clock chip on it.
    I2c(I, Part),
    /// The input pins, in the order of [`LiftSensor::ALL`].
    Pins([P; LiftSensor::ALL.len()]),
}

/// A master for a line of `settings`; `start` opens its port at a baud rate.
pub fn master<L: Read + Write>(
    settings: &Settings,
    line: u8,
    start: impl FnOnce(u32) -> L,
) -> Master<L, Delay> {
    let port = settings.ports[usize::from(line) % settings.ports.len()];
    let timing = Timing::at_baud(port.baud, port.reply_ms.into());
    Master::new(start(port.baud), Delay, timing)
}

impl<L: Read + Write, I: I2c, P: InputPin> Reader<L, I, P> {
    const fn bus(&self) -> Bus {
        match self {
            Self::Line(line, _) => Bus::Rs485(*line),
            Self::I2c(..) => Bus::I2c,
            Self::Pins(_) => Bus::Pins,
        }
    }

    async fn read<'w>(
        &mut self,
        block: &Block,
        words: &'w mut [u16; MAX_WORDS],
    ) -> Result<Raw<'w>, ReadFault> {
        match (block, self) {
            (Block::Registers(request), Self::Line(_, master)) => {
                let read = master.read(uptime(), request, words).await;
                read.map(Raw::Words).map_err(|error| ReadFault {
                    fault: Fault::from(&error),
                    register: request.address(),
                })
            }
            (Block::LoopCurrent { address, input }, Self::I2c(bus, _)) => {
                let read = ads1115::read(bus, &mut Delay, *address, *input).await;
                Ok(Raw::Counts(read?))
            }
            (Block::Temperature { address }, Self::I2c(bus, _)) => {
                Ok(Raw::Temperature(temperature::read(bus, *address).await?))
            }
            (Block::Inputs, Self::Pins(pins)) => Ok(Raw::Inputs(lift_inputs::read(pins, ACTIVE_LOW)?)),
            // Not a block of this bus: nobody asks for it.
            (
                Block::Registers(_) | Block::LoopCurrent { .. } | Block::Temperature { .. } | Block::Inputs,
                _,
            ) => Err(ReadFault {
                fault: Fault::NotTried,
                register: 0,
            }),
        }
    }
}

/// What the clock chip is to be set to, and what became of it.
static CLOCK: Mutex<Cell<Option<UtcMillis>>> = Mutex::new(Cell::new(None));
static CLOCK_SET: Signal<CriticalSectionRawMutex, Result<(), ReadFault>> = Signal::new();

/// Sets the clock chip in between what is sampled.
pub(crate) async fn set_clock(utc: UtcMillis) -> Result<(), ReadFault> {
    CLOCK_SET.reset();
    critical_section::with(|cs| CLOCK.borrow(cs).set(Some(utc)));
    WOKEN[number(Bus::I2c)].signal(());
    let set = with_timeout(LONGEST_WAIT, CLOCK_SET.wait()).await;
    set.unwrap_or(Err(ReadFault {
        fault: Fault::NotTried,
        register: 0,
    }))
}

/// The schedule of all buses. Their tasks share it; none holds it while it waits.
pub struct Sampling {
    sampler: RefCell<Sampler<'static>>,
    news: RefCell<Vec<Observation, MAX_CHANNELS>>,
}

impl Sampling {
    /// All channels of `settings`.
    ///
    /// # Errors
    /// [`TableError`]
    pub fn new(settings: &'static Settings) -> Result<Self, TableError> {
        Ok(Self {
            sampler: RefCell::new(Sampler::new(settings, uptime())?),
            news: RefCell::new(Vec::new()),
        })
    }

    /// Lets `ask` tell, and hands on what it told.
    fn tell<S: Storage, R>(
        &self,
        node: &Node<S>,
        ask: impl FnOnce(&mut Sampler<'static>, &mut dyn FnMut(Observation)) -> R,
    ) -> R {
        let sampler = &mut *self.sampler.borrow_mut();
        let news = &mut *self.news.borrow_mut();
        // There is room for one of each channel.
        let result = ask(sampler, &mut |observation| news.push(observation).unwrap_or(()));
        if !news.is_empty() {
            report(node, sampler, news);
            news.clear();
        }
        result
    }
}

/// Something has happened on a bus: an edge, or somebody asks. By number, see [`number`].
static WOKEN: [Signal<CriticalSectionRawMutex, ()>; 4] = [const { Signal::new() }; 4];
/// A channel to read outside of the table, and what it showed.
static ASKED: Mutex<Cell<Option<Channel>>> = Mutex::new(Cell::new(None));
static ANSWER: Signal<CriticalSectionRawMutex, Reading> = Signal::new();

const fn number(bus: Bus) -> usize {
    match bus {
        Bus::Rs485(0) => 0,
        Bus::Rs485(_) => 1,
        Bus::I2c => 2,
        Bus::Pins => 3,
    }
}

/// An input pin has changed: to be called by its interrupt.
pub fn edge() {
    WOKEN[number(Bus::Pins)].signal(());
}

/// Reads `channel` in between those that are sampled. A board that does not sample does not answer.
pub(crate) async fn read_once(channel: Channel) -> Reading {
    ANSWER.reset();
    critical_section::with(|cs| ASKED.borrow(cs).set(Some(channel)));
    WOKEN[number(channel.source.bus())].signal(());
    let answer = with_timeout(LONGEST_WAIT, ANSWER.wait()).await;
    answer.unwrap_or(Reading::NoData(NoData::Comm))
}

/// What is asked of `bus`.
fn asked(bus: Bus) -> Option<Block> {
    let channel = critical_section::with(|cs| ASKED.borrow(cs).get())?;
    let block = channel.source.block().ok()?;
    (channel.source.bus() == bus).then_some(block)
}

/// What was asked was read.
fn answer(result: Result<Raw<'_>, ReadFault>) {
    if let Some(channel) = critical_section::with(|cs| ASKED.borrow(cs).take()) {
        ANSWER.signal(match result {
            Ok(raw) => channel.source.convert(raw, channel.quantity, channel.inverted),
            Err(error) => Reading::NoData(error.fault.no_data()),
        });
    }
}

/// Samples a bus for ever.
pub async fn run<S: Storage, L: Read + Write, I: I2c, P: InputPin>(
    node: &Node<S>,
    sampling: &Sampling,
    mut reader: Reader<L, I, P>,
) -> ! {
    let mut words = [0; MAX_WORDS];
    loop {
        let bus = reader.bus();
        Task::of(bus).check_in();
        if let Reader::I2c(i2c, part) = &mut reader
            && let Some(utc) = critical_section::with(|cs| CLOCK.borrow(cs).take())
        {
            let set = rtc::set(i2c, *part, utc).await;
            CLOCK_SET.signal(set.map_err(ReadFault::from));
        }
        let asked = asked(bus);
        let step = match asked {
            Some(block) => Step::Read(block),
            None => sampling.tell(node, |sampler, tell| sampler.next(bus, uptime(), tell)),
        };
        match step {
            Step::Wait(until) => {
                let until = Instant::from_millis(until.0.min(u64::MAX / 2_000));
                let until = until.min(Instant::now() + LONGEST_WAIT);
                let woken = select(WOKEN[number(bus)].wait(), Timer::at(until)).await;
                // An edge is read now and not when its turn comes.
                if matches!(woken, Either::First(())) && bus == Bus::Pins {
                    sampling.sampler.borrow_mut().hurry(bus, uptime());
                }
            }
            Step::Read(block) => {
                let asked = asked.is_some();
                let result = reader.read(&block, &mut words).await;
                if asked {
                    answer(result);
                    continue;
                }
                sampling.tell(node, |sampler, tell| {
                    sampler.on_read(bus, uptime(), &block, result, tell);
                    node.count_reads(sampler.slaves());
                });
            }
        }
    }
}

/// What belongs to one device becomes one message.
#[inline(never)]
fn report<S: Storage>(node: &Node<S>, sampler: &mut Sampler<'_>, news: &[Observation]) {
    for (n, first) in news.iter().enumerate() {
        if news.iter().take(n).any(|other| other.device == first.device) {
            continue;
        }
        let own = || news.iter().filter(|other| other.device == first.device);
        let mut texts = [const { CodeText::new() }; MAX_CHANNELS];
        let samples: Vec<_, MAX_CHANNELS> = own()
            .zip(&mut texts)
            .map(|(o, text)| {
                o.reading
                    .sample(o.metric, o.datatype, node.utc(wall::at(o.at)), text)
            })
            .collect();
        if let Err(error) = node.report(Place::Device(first.device), &samples) {
            say!("sampling: {error}");
            own().for_each(|observation| sampler.forget_told(observation.channel));
        }
    }
}
