//! The chip's 10/100 Ethernet MAC and PHY.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use lm3s6965::{Interrupt, interrupt};

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, Port, enable};

const STATUS: Reg = Reg::at(0x4004_8000);
const MASK: Reg = Reg::at(0x4004_8004);
const RX_CONTROL: Reg = Reg::at(0x4004_8008);
const TX_CONTROL: Reg = Reg::at(0x4004_800c);
const DATA: Reg = Reg::at(0x4004_8010);
const ADDRESS_0: Reg = Reg::at(0x4004_8014);
const ADDRESS_1: Reg = Reg::at(0x4004_8018);
const MANAGEMENT_DIVIDER: Reg = Reg::at(0x4004_8024);
const PACKETS: Reg = Reg::at(0x4004_8034);
const TX_REQUEST: Reg = Reg::at(0x4004_8038);

const INT_RX: u32 = 1;
const INT_ALL: u32 = 0x7f;
const RX_ENABLE: u32 = 1;
const RX_REJECT_BAD_CRC: u32 = 1 << 3;
const RX_RESET_FIFO: u32 = 1 << 4;
const TX_ENABLE: u32 = 1;
const TX_PAD: u32 = 1 << 1;
const TX_CRC: u32 = 1 << 2;
const TX_DUPLEX: u32 = 1 << 4;
const NEW_TX: u32 = 1;

/// Largest frame without its checksum.
const FRAME: usize = 1514;
/// Destination, source and type: not counted in the length the transmitter wants.
const HEAD: usize = 14;
/// Length in front and checksum behind, counted in the length the receiver tells.
const RX_OVERHEAD: usize = 6;

static RECEIVED: AtomicWaker = AtomicWaker::new();

/// The interface; one frame in each direction is copied through it.
pub(crate) struct Ethernet {
    address: [u8; 6],
    rx: [u8; FRAME],
    tx: [u8; FRAME],
}

impl Ethernet {
    /// With this address, receiving what is for it and broadcasts. PF2 and PF3 drive the socket's lamps.
    pub(crate) fn start(address: [u8; 6]) -> Self {
        Port::F.to_peripheral(0b1100);
        MASK.write(0);
        STATUS.write(INT_ALL);
        // The management clock may have 2.5 MHz.
        MANAGEMENT_DIVIDER.write(CLOCK_HZ / 2 / 2_500_000);
        let [a, b, c, d, e, f] = address;
        ADDRESS_0.write(u32::from_le_bytes([a, b, c, d]));
        ADDRESS_1.write(u32::from_le_bytes([e, f, 0, 0]));
        TX_CONTROL.write(TX_PAD | TX_CRC | TX_DUPLEX);
        RX_CONTROL.write(RX_REJECT_BAD_CRC | RX_RESET_FIFO);
        RX_CONTROL.write(RX_REJECT_BAD_CRC | RX_ENABLE);
        TX_CONTROL.set(TX_ENABLE);
        enable(Interrupt::ETHERNET);
        Self {
            address,
            rx: [0; FRAME],
            tx: [0; FRAME],
        }
    }

    /// Copies the next frame out of the FIFO; `None` when there is none. Frames that are too long are taken out and
    /// dropped.
    fn take(&mut self) -> Option<usize> {
        while PACKETS.read() & 0x3f != 0 {
            let [low, high, first, second] = DATA.read().to_le_bytes();
            let total = usize::from(u16::from_le_bytes([low, high]));
            let len = total.saturating_sub(RX_OVERHEAD);
            let mut at = 0;
            let mut keep = |byte| {
                if let Some(place) = self.rx.get_mut(at) {
                    *place = byte;
                }
                at += 1;
            };
            keep(first);
            keep(second);
            for _ in 1..total.div_ceil(4) {
                DATA.read().to_le_bytes().into_iter().for_each(&mut keep);
            }
            if (HEAD..=FRAME).contains(&len) {
                return Some(len);
            }
        }
        None
    }
}

/// A frame received.
pub(crate) struct Rx<'a>(&'a mut [u8]);

/// Room for one to send.
pub(crate) struct Tx<'a>(&'a mut [u8; FRAME]);

impl RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let len = len.min(FRAME);
        let frame = &mut self.0[..len];
        let result = f(frame);
        // A frame takes at most 0.12 ms at 100 Mbit/s; the sender was told that the link is up.
        while TX_REQUEST.read() & NEW_TX != 0 {}
        let [low, high] = (len.saturating_sub(HEAD) as u16).to_le_bytes();
        let byte = |at: usize| frame.get(at).copied().unwrap_or(0);
        DATA.write(u32::from_le_bytes([low, high, byte(0), byte(1)]));
        for at in (2..len).step_by(4) {
            DATA.write(u32::from_le_bytes([
                byte(at),
                byte(at + 1),
                byte(at + 2),
                byte(at + 3),
            ]));
        }
        TX_REQUEST.write(NEW_TX);
        result
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Rx<'_>, Tx<'_>)> {
        RECEIVED.register(cx.waker());
        let len = self.take();
        MASK.write(INT_RX);
        let rx = self.rx.get_mut(..len?)?;
        Some((Rx(rx), Tx(&mut self.tx)))
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<Tx<'_>> {
        Some(Tx(&mut self.tx))
    }

    /// The PHY is not asked: a dead cable shows as a broker that does not answer.
    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// Masked until the next look into the FIFO: it stays asserted while frames are waiting.
#[interrupt]
fn ETHERNET() {
    MASK.write(0);
    STATUS.write(INT_RX);
    RECEIVED.wake();
}
