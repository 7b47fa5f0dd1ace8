//! Reads the RS-485 line as the channel table says and hands what is worth telling to the node.

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Delay, Duration, Instant, Timer, with_timeout};
use heapless::Vec;
use static_cell::{ConstStaticCell, StaticCell};
use vigil_firmware::drivers::{Block, Bus, Fault, Raw, ReadFault};
use vigil_firmware::modbus::{MAX_WORDS, Master, Request, Timing};
use vigil_firmware::provisioning::{Channel, Port, Settings};
use vigil_firmware::reading::{CodeText, Reading};
use vigil_firmware::sampling::{Observation, Pace, Sampler, Step, TableError};
use vigil_firmware::{Place, Storage};
use vigil_protocol::vocabulary::NoData;

use crate::console::say;
use crate::node::Node;
use crate::rs485;
use crate::wall::{self, uptime};
use crate::watchdog::Task;

/// Channels of one bus.
pub(crate) const CHANNELS: usize = 16;
/// The number of the line in the settings.
const PORT: u8 = 0;
/// A task that waits longer checks in meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The line, its table, and what was read and not handed on yet.
pub(crate) struct Line {
    master: &'static mut Master<rs485::Line, Delay>,
    sampler: &'static mut Result<Sampler<CHANNELS>, TableError>,
    news: &'static mut Vec<Observation, CHANNELS>,
}

/// Starts the line as the settings say.
pub(crate) fn line(settings: &Settings) -> Line {
    static NEWS: ConstStaticCell<Vec<Observation, CHANNELS>> = ConstStaticCell::new(Vec::new());
    let port = settings.ports[usize::from(PORT)];
    Line {
        master: master(port),
        sampler: sampler(settings, port),
        news: NEWS.take(),
    }
}

#[inline(never)]
fn master(port: Port) -> &'static mut Master<rs485::Line, Delay> {
    static MASTER: StaticCell<Master<rs485::Line, Delay>> = StaticCell::new();
    let timing = Timing::at_baud(port.baud, port.reply_ms.into());
    MASTER.init_with(|| Master::new(rs485::Line::start(port.baud), Delay, timing))
}

#[inline(never)]
fn sampler(settings: &Settings, port: Port) -> &'static mut Result<Sampler<CHANNELS>, TableError> {
    static SAMPLER: StaticCell<Result<Sampler<CHANNELS>, TableError>> = StaticCell::new();
    let pace = Pace::for_reply_ms(port.reply_ms.into());
    SAMPLER.init_with(|| Sampler::new(settings, Bus::Rs485(PORT), pace, uptime()))
}

/// A request from outside of the table, and its answer.
static ASKED: Signal<CriticalSectionRawMutex, (Request, Channel)> = Signal::new();
static ANSWER: Signal<CriticalSectionRawMutex, Reading> = Signal::new();

/// Reads `request` as soon as the line is free; what `channel` shows of it. A board that does not sample does not
/// answer.
pub(crate) async fn read_once(request: Request, channel: Channel) -> Reading {
    ANSWER.reset();
    ASKED.signal((request, channel));
    let answer = with_timeout(LONGEST_WAIT, ANSWER.wait()).await;
    answer.unwrap_or(Reading::NoData(NoData::Comm))
}

/// Samples for ever.
pub(crate) async fn run<S: Storage>(node: &Node<S>, line: Line) -> ! {
    let Line {
        master,
        sampler,
        news,
    } = line;
    let sampler = match sampler {
        Ok(sampler) => sampler,
        Err(error) => {
            say!("sampling: {error}");
            loop {
                Task::Sampling.check_in();
                Timer::after(LONGEST_WAIT).await;
            }
        }
    };
    let mut words = [0; MAX_WORDS];
    loop {
        Task::Sampling.check_in();
        // There is room for one of each channel.
        let mut tell = |observation| news.push(observation).unwrap_or(());
        match sampler.next(uptime(), &mut tell) {
            Step::Read(block) => {
                let result = match &block {
                    Block::Registers(request) => {
                        let read = master.read(uptime(), request, &mut words).await;
                        read.map(Raw::Words).map_err(|error| ReadFault {
                            fault: Fault::from(&error),
                            register: request.address(),
                        })
                    }
                    Block::LoopCurrent { .. } | Block::Temperature { .. } | Block::Inputs => Err(ReadFault {
                        fault: Fault::NotTried,
                        register: 0,
                    }),
                };
                sampler.on_read(uptime(), &block, result, &mut tell);
            }
            Step::Wait(until) if news.is_empty() => {
                let until = Instant::from_millis(until.0.min(u64::MAX / 2_000));
                let until = until.min(Instant::now() + LONGEST_WAIT);
                if let Either::First((request, channel)) = select(ASKED.wait(), Timer::at(until)).await {
                    let read = master.read(uptime(), &request, &mut words).await;
                    ANSWER.signal(match read {
                        Ok(words) => {
                            channel
                                .source
                                .convert(Raw::Words(words), channel.quantity, channel.inverted)
                        }
                        Err(error) => Reading::NoData(Fault::from(&error).no_data()),
                    });
                }
            }
            Step::Wait(_) => {}
        }
        node.count_reads(sampler.slaves());
        report(node, sampler, news);
        news.clear();
    }
}

/// What belongs to one device becomes one message.
#[inline(never)]
fn report<S: Storage>(node: &Node<S>, sampler: &mut Sampler<CHANNELS>, news: &[Observation]) {
    for (n, first) in news.iter().enumerate() {
        if news.iter().take(n).any(|other| other.device == first.device) {
            continue;
        }
        let own = || news.iter().filter(|other| other.device == first.device);
        let mut texts = [const { CodeText::new() }; CHANNELS];
        let samples: Vec<_, CHANNELS> = own()
            .zip(&mut texts)
            .map(|(o, text)| o.reading.sample(o.metric, o.datatype, wall::at(o.at), text))
            .collect();
        if let Err(error) = node.report(Place::Device(first.device), &samples) {
            say!("sampling: {error}");
            own().for_each(|observation| sampler.forget_told(observation.channel));
        }
    }
}
