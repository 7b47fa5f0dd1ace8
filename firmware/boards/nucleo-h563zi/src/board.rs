//! Start: every part in order, then the tasks.

use core::cell::RefCell;

use cortex_m_rt::entry;
use embassy_executor::{SpawnError, Spawner};
use embassy_net::{Runner, Stack, StackResources};
use embassy_stm32::eth::{Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::i2c::{self, I2c};
use embassy_stm32::mode::Async;
use embassy_stm32::spi::{self, Spi};
use embassy_stm32::time::Hertz;
use embassy_stm32::usart::{self, BufferedUart, Uart};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Config, Peripherals, bind_interrupts, dma, eth, peripherals};
use embassy_time::{Delay, block_for};
use static_cell::{ConstStaticCell, StaticCell};
use vigil_board_common::link::{Buffer, Server};
use vigil_board_common::node::Node;
use vigil_board_common::provisioning::BLOCKS;
use vigil_board_common::sampling::{self, Reader, Sampling};
use vigil_board_common::sd::Sd;
use vigil_board_common::start::{self, JOURNAL_BLOCKS};
use vigil_board_common::{crash, executor, health, link, provisioning, say, stack, watch};
use vigil_firmware::block_store::{BlockStore, Region};
use vigil_firmware::drivers::rtc::Part;
use vigil_firmware::flash::CardFlash;
use vigil_firmware::health::{Remembered, ResetCause};
use vigil_firmware::modbus::Master;
use vigil_firmware::provisioning::{Console, Settings};

use crate::{card, console, pins, watchdog};

const NAME: &str = "nucleo-h563zi";
const CLOCK_CHIP: Part = Part::Ds3231;
const FIRMWARE: &str = concat!("nucleo-h563zi ", env!("CARGO_PKG_VERSION"));

bind_interrupts!(struct Irqs {
    ETH => eth::InterruptHandler;
    I2C1_EV => i2c::EventInterruptHandler<peripherals::I2C1>;
    I2C1_ER => i2c::ErrorInterruptHandler<peripherals::I2C1>;
    GPDMA1_CHANNEL0 => dma::InterruptHandler<peripherals::GPDMA1_CH0>;
    GPDMA1_CHANNEL1 => dma::InterruptHandler<peripherals::GPDMA1_CH1>;
    USART2 => usart::BufferedInterruptHandler<peripherals::USART2>;
    UART7 => usart::BufferedInterruptHandler<peripherals::UART7>;
    USART3 => console::Received;
    EXTI2 => pins::Edge;
    EXTI3 => pins::Edge;
    EXTI4 => pins::Edge;
    EXTI5 => pins::Edge;
    EXTI6 => pins::Edge;
    EXTI8 => pins::Edge;
});

type Card = Region<Sd<&'static card::Wires>>;
type Store = BlockStore<Card>;
type Flash = CardFlash<Card>;
type Bus = I2c<'static, Async, i2c::Master>;
type Line = BufferedUart<'static>;
type BusReader = Reader<Line, Bus, pins::Pin>;
type Mac = Ethernet<'static, peripherals::ETH, GenericPhy<Sma<'static, peripherals::ETH_SMA>>>;
type Dog = IndependentWatchdog<'static, peripherals::IWDG>;

/// Frames on their way, each direction.
const FRAMES: usize = 4;
/// Room for what is received on a line, and for a request.
const LINE_BYTES: usize = 256;

/// 250 MHz from the 8 MHz that the ST-LINK gives.
fn clocks() -> Config {
    use embassy_stm32::rcc::{
        AHBPrescaler, APBPrescaler, Hse, HseMode, Pll, PllDiv, PllMul, PllPreDiv, PllSource, Sysclk,
        VoltageScale,
    };
    let mut config = Config::default();
    config.rcc.hsi = None;
    config.rcc.hse = Some(Hse {
        freq: Hertz(8_000_000),
        mode: HseMode::BypassDigital,
    });
    config.rcc.pll1 = Some(Pll {
        source: PllSource::HSE,
        prediv: PllPreDiv::DIV2,
        mul: PllMul::MUL125,
        divp: Some(PllDiv::DIV2),
        divq: Some(PllDiv::DIV4),
        divr: None,
    });
    config.rcc.ahb_pre = AHBPrescaler::DIV1;
    config.rcc.apb1_pre = APBPrescaler::DIV1;
    config.rcc.apb2_pre = APBPrescaler::DIV1;
    config.rcc.apb3_pre = APBPrescaler::DIV1;
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.voltage_scale = VoltageScale::Scale0;
    config
}

/// What the tasks work with.
struct Parts {
    flash: Flash,
    console: &'static mut Console,
    dog: Dog,
    /// `None` when the settings do not say what to do: then there is only the console.
    work: Option<Work>,
}

/// What the tasks of a configured board work with.
struct Work {
    node: &'static Node<Store>,
    stack: Stack<'static>,
    runner: Runner<'static, &'static mut Mac>,
    server: Server,
    sampling: &'static Sampling,
    readers: [BusReader; 4],
    remembered: &'static Remembered,
}

#[entry]
fn main() -> ! {
    stack::paint();
    let chip = embassy_stm32::init(clocks());
    match prepare(chip) {
        Err(why) => crash::reset(ResetCause::Panic, format_args!("start: {why}")),
        Ok(parts) => executor::run(|spawner| {
            if spawn(spawner, parts).is_err() {
                crash::reset(ResetCause::Panic, format_args!("start: a task was started twice"));
            }
        }),
    }
}

fn prepare(chip: Peripherals) -> Result<Parts, &'static str> {
    // The console's speed can be divided down to.
    let mut speed = usart::Config::default();
    speed.baudrate = 115_200;
    let uart = Uart::new_blocking(chip.USART3, chip.PD9, chip.PD8, speed);
    console::start(uart.map_err(|_| "console")?);
    let (remembered, pause) = crash::take();
    let remembered = watchdog::bitten(remembered);
    say!("vigil {} on {NAME}", env!("CARGO_PKG_VERSION"));
    let Remembered {
        cause,
        resets,
        message,
    } = &remembered;
    say!("reset: {} {message} ({resets} since power-on)", cause.key());
    block_for(pause);
    let dog = watchdog::start(chip.IWDG);

    let mut i2c = I2c::new(
        chip.I2C1,
        chip.PB8,
        chip.PB9,
        chip.GPDMA1_CH0,
        chip.GPDMA1_CH1,
        Irqs,
        i2c::Config::default(),
    );
    start::set_clock(&mut i2c, CLOCK_CHIP);

    static WIRES: StaticCell<card::Wires> = StaticCell::new();
    let wires = WIRES.init(card::Wires {
        spi: RefCell::new(Spi::new_blocking(
            chip.SPI1,
            chip.PA5,
            chip.PB5,
            chip.PG9,
            spi::Config::default(),
        )),
        select: RefCell::new(Output::new(chip.PD14, Level::High, Speed::VeryHigh)),
    });
    let card = Sd::start(&*wires).map_err(|error| {
        say!("card: {error}");
        "no card"
    })?;
    let region = |first| Region { device: card, first };
    let flash = CardFlash::new(region(0), BLOCKS);
    let (settings, saved) = start::settings(flash.clone(), NAME);
    let mut parts = Parts {
        flash,
        console: start::console(settings),
        dog,
        work: None,
    };

    static NODE: StaticCell<Node<Store>> = StaticCell::new();
    let store = BlockStore::open(region(BLOCKS), JOURNAL_BLOCKS).map_err(|_| "the card cannot be read")?;
    let Some(server) = start::server(settings) else {
        return Ok(parts);
    };
    let Some(node) = start::node(&NODE, store, settings, FIRMWARE, saved)? else {
        return Ok(parts);
    };
    let Some(sampling) = start::sampling(settings) else {
        return Ok(parts);
    };

    static FRAMES_HELD: StaticCell<PacketQueue<FRAMES, FRAMES>> = StaticCell::new();
    static MAC: StaticCell<Mac> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<2>> = StaticCell::new();
    let mac = MAC.init(Ethernet::new(
        FRAMES_HELD.init(PacketQueue::new()),
        chip.ETH,
        Irqs,
        chip.PA1,
        chip.PA7,
        chip.PC4,
        chip.PC5,
        chip.PG13,
        chip.PB15,
        chip.PG11,
        address(),
        chip.ETH_SMA,
        chip.PA2,
        chip.PC1,
    ));
    let (config, seed) = start::network(node, settings);
    let (stack, runner) = embassy_net::new(mac, config, RESOURCES.init(StackResources::new()), seed);

    static LINE_0: StaticCell<Master<Line, Delay>> = StaticCell::new();
    static LINE_1: StaticCell<Master<Line, Delay>> = StaticCell::new();
    static BYTES: ConstStaticCell<[[u8; LINE_BYTES]; 4]> = ConstStaticCell::new([[0; LINE_BYTES]; 4]);
    let [tx_0, rx_0, tx_1, rx_1] = BYTES.take();
    let line_0 = BufferedUart::new_with_de(
        chip.USART2,
        chip.PD6,
        chip.PD5,
        chip.PD4,
        Irqs,
        tx_0,
        rx_0,
        line_config(settings, 0),
    );
    let line_1 = BufferedUart::new_with_de(
        chip.UART7,
        chip.PE7,
        chip.PE8,
        chip.PE9,
        Irqs,
        tx_1,
        rx_1,
        line_config(settings, 1),
    );
    let (Ok(line_0), Ok(line_1)) = (line_0, line_1) else {
        say!("settings: a line cannot be that fast or slow; doing nothing");
        return Ok(parts);
    };
    let readers = [
        Reader::Line(0, LINE_0.init(sampling::master(settings, 0, |_| line_0))),
        Reader::Line(1, LINE_1.init(sampling::master(settings, 1, |_| line_1))),
        Reader::I2c(i2c, CLOCK_CHIP),
        Reader::Pins(pins::start(pins::Wires {
            safety_circuit: (chip.PE2, chip.EXTI2),
            door_lock: (chip.PE3, chip.EXTI3),
            door_zone: (chip.PE4, chip.EXTI4),
            inspection: (chip.PE5, chip.EXTI5),
            alarm_button: (chip.PE6, chip.EXTI6),
            presence: (chip.PF8, chip.EXTI8),
        })),
    ];

    static REMEMBERED: StaticCell<Remembered> = StaticCell::new();
    parts.work = Some(Work {
        node,
        stack,
        runner,
        server,
        sampling,
        readers,
        remembered: REMEMBERED.init(remembered),
    });
    Ok(parts)
}

fn line_config(settings: &Settings, line: usize) -> usart::Config {
    let mut config = usart::Config::default();
    config.baudrate = settings.ports[line].baud;
    config
}

/// Hardware address: locally administered, of what makes the chip unique.
fn address() -> [u8; 6] {
    let fold = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let hash = embassy_stm32::uid::uid().iter().fold(0x811c_9dc5, fold);
    let [a, b, c, d] = hash.to_be_bytes();
    [0x02, 0x56, a, b, c, d]
}

fn spawn(spawner: Spawner, parts: Parts) -> Result<(), SpawnError> {
    static BUFFER: ConstStaticCell<Buffer> = ConstStaticCell::new(Buffer::new());
    spawner.spawn(console_task(parts.console, parts.flash)?);
    spawner.spawn(watchdog_task(parts.work.is_some(), parts.dog)?);
    if let Some(work) = parts.work {
        spawner.spawn(net_task(work.runner)?);
        spawner.spawn(link_task(work.node, work.stack, work.server, BUFFER.take())?);
        for reader in work.readers {
            spawner.spawn(sampling_task(work.node, work.sampling, reader)?);
        }
        spawner.spawn(health_task(work.node, work.remembered)?);
    }
    Ok(())
}

#[embassy_executor::task]
async fn net_task(mut runner: Runner<'static, &'static mut Mac>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn link_task(
    node: &'static Node<Store>,
    stack: Stack<'static>,
    server: Server,
    buffer: &'static mut Buffer,
) -> ! {
    link::run(node, stack, server, buffer).await
}

#[embassy_executor::task(pool_size = 4)]
async fn sampling_task(node: &'static Node<Store>, sampling: &'static Sampling, reader: BusReader) -> ! {
    sampling::run(node, sampling, reader).await
}

#[embassy_executor::task]
async fn health_task(node: &'static Node<Store>, remembered: &'static Remembered) -> ! {
    health::run(node, remembered, || Some(stack::used() as u32)).await
}

#[embassy_executor::task]
async fn watchdog_task(works: bool, mut dog: Dog) -> ! {
    watch::run(works, || dog.pet(), watchdog::late).await
}

#[embassy_executor::task]
async fn console_task(console: &'static mut Console, flash: Flash) -> ! {
    provisioning::run(console, flash, crash::reset).await
}
