//! The firmware's release image in QEMU: an lm3s6965evb with network, SD card, clock, console and a serial line.
//!
//! On a failure there is in its directory: everything the console said, a capture of the network of each start, the
//! card as it was left, and what QEMU said.

use crate::place::Place;
use crate::process::{Process, binary};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A board; killed on drop, as by a power cut.
#[derive(Debug)]
pub struct Board {
    qemu: Process,
    /// Follows what the console says.
    console: Process,
    /// Where somebody can type on it.
    console_port: u16,
    dir: PathBuf,
    broker: u16,
    line: u16,
    starts: u32,
    /// It has a clock chip.
    clock: bool,
}

/// Of the card; more than the journal uses, and a power of two as QEMU wants it.
const CARD_BYTES: u64 = 64 << 20;
/// QEMU answers at once, when the machine lets it.
const ANSWER: Duration = Duration::from_secs(20);

/// The image, when `firmware/build.sh` has built it and QEMU is there.
///
/// # Errors
/// What is missing.
///
/// # Panics
/// When something is missing and `VIGIL_QEMU=required`, as the whole test run has it.
pub fn image() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let path = std::env::var_os("VIGIL_FIRMWARE").map_or_else(
        || target.join("firmware/thumbv7m-none-eabi/firmware/lm3s6965evb"),
        PathBuf::from,
    );
    let found = |program: &str, argument: &str| Command::new(program).arg(argument).output().is_ok();
    let missing = if !path.exists() {
        format!("{} is not built: firmware/build.sh", path.display())
    } else if !found("qemu-system-arm", "--version") {
        "qemu-system-arm is not installed: tests/run.sh --install".to_owned()
    } else {
        return Ok(path);
    };
    assert!(
        std::env::var("VIGIL_QEMU").as_deref() != Ok("required"),
        "{missing}"
    );
    Err(missing)
}

impl Board {
    /// Powers it up with an empty card in `place`. It finds its broker on port `broker` of this machine, and nothing
    /// else of any network; its RS-485 line is on port `line`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(place: &Place, image: &Path, broker: u16, line: u16) -> Self {
        Self::start_with(place, image, broker, line, |_| ())
    }

    /// As [`Board::start`], with a card that somebody has written on.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(
        place: &Place,
        image: &Path,
        broker: u16,
        line: u16,
        write: impl FnOnce(&Path),
    ) -> Self {
        let dir = place.dir("board");
        let card = File::create(dir.join(CARD)).expect("the place is writable");
        card.set_len(CARD_BYTES).expect("the place has room");
        write(&dir.join(CARD));
        Self::of(dir, image, (broker, line), true)
    }

    /// As [`Board::start`], without a clock chip: it does not know the time until somebody tells it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_without_clock(place: &Place, image: &Path, broker: u16, line: u16) -> Self {
        let dir = place.dir("board");
        let card = File::create(dir.join(CARD)).expect("the place is writable");
        card.set_len(CARD_BYTES).expect("the place has room");
        Self::of(dir, image, (broker, line), false)
    }

    fn of(dir: PathBuf, image: &Path, (broker, line): (u16, u16), clock: bool) -> Self {
        std::fs::copy(image, dir.join("image.elf")).expect("the image is there");
        let (qemu, console, console_port) = power_up(&dir, broker, line, 0, clock);
        Self {
            qemu,
            console,
            console_port,
            dir,
            broker,
            line,
            starts: 1,
            clock,
        }
    }

    /// Takes the power away, whatever it is doing.
    pub fn cut_power(&mut self) {
        self.qemu.kill();
    }

    /// Gives it back.
    pub fn power_up(&mut self) {
        (self.qemu, self.console, self.console_port) =
            power_up(&self.dir, self.broker, self.line, self.starts, self.clock);
        self.starts += 1;
    }

    /// Its broker is on another port from the next [`Board::power_up`] on.
    pub const fn plug_into(&mut self, broker: u16) {
        self.broker = broker;
    }

    /// Pulls its network cable, or puts it back.
    pub fn set_link(&mut self, up: bool) {
        ask(
            &mut self.qemu,
            "set_link",
            &format!("{{\"name\":\"net\",\"up\":{up}}}"),
        );
    }

    /// How often it was powered up.
    #[must_use]
    pub const fn starts(&self) -> u32 {
        self.starts
    }

    /// A line of its console; only of this start, and each can be waited for once.
    pub fn wait_for(&mut self, wanted: &str, within: Duration) -> String {
        self.console.wait_for(wanted, within)
    }

    /// Its console as `vigil-sim provision` takes it; another one after each start.
    #[must_use]
    pub fn console(&self) -> String {
        format!("tcp:127.0.0.1:{}", self.console_port)
    }

    /// The card; to be written only while there is no power.
    #[must_use]
    pub fn card(&self) -> PathBuf {
        self.dir.join(CARD)
    }

    /// Everything its console said, over all starts.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.dir.join(CONSOLE)).expect("a board logs")
    }
}

const CARD: &str = "card.img";
const CONSOLE: &str = "console.log";

/// QEMU, the follower of the console, and the console's port.
fn power_up(dir: &Path, broker: u16, line: u16, start: u32, clock: bool) -> (Process, Process, u16) {
    let said = dir.join(CONSOLE);
    let log = OpenOptions::new().create(true).append(true).open(&said);
    let before = log.and_then(|file| file.metadata()).map(|found| found.len());
    let behind = before.expect("the place is writable") + 1;
    let mut command = Command::new("qemu-system-arm");
    command
        .args(["-M", "lm3s6965evb", "-display", "none", "-kernel"])
        .arg(dir.join("image.elf"))
        .args(["-chardev", "stdio,id=monitor,signal=off"])
        .args(["-mon", "chardev=monitor,mode=control"])
        // What is said while nobody is connected is in the log all the same.
        .arg("-chardev")
        .arg(format!(
            "socket,id=console,host=127.0.0.1,port=0,server=on,wait=off,nodelay=on,logfile={},logappend=on",
            said.display()
        ))
        .args(["-serial", "chardev:console", "-serial"])
        .arg(format!("tcp:127.0.0.1:{line},nodelay=on,reconnect=1"))
        .arg("-nic")
        .arg(format!(
            "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:{} {broker}",
            binary("forward").display()
        ))
        .arg("-object")
        .arg(format!(
            "filter-dump,id=dump,netdev=net,file={}",
            dir.join(format!("network-{start}.pcap")).display()
        ))
        .arg("-drive")
        .arg(format!("if=sd,format=raw,file={}", dir.join(CARD).display()));
    if clock {
        command.args(["-device", "ds1338,bus=i2c,address=0x68"]);
    }
    let mut qemu = Process::start_talking("qemu", &mut command, &dir.join("qemu.log"));
    let mut follow = Command::new("tail");
    follow.arg("-c").arg(format!("+{behind}")).arg("-f").arg(&said);
    let console = Process::start("board", &mut follow);
    ask(&mut qemu, "qmp_capabilities", "{}");
    let devices = ask(&mut qemu, "query-chardev", "{}");
    let port = console_port(&devices).unwrap_or_else(|| panic!("no console in {devices}"));
    (qemu, console, port)
}

/// Has QEMU do something; its answer, a line of JSON.
fn ask(qemu: &mut Process, command: &str, arguments: &str) -> String {
    qemu.say(&format!(
        "{{\"execute\":\"{command}\",\"arguments\":{arguments}}}"
    ));
    qemu.wait_for("\"return\":", ANSWER)
}

/// The port in `disconnected:tcp:127.0.0.1:41234,server=on`.
fn console_port(devices: &str) -> Option<u16> {
    let answer: serde_json::Value = serde_json::from_str(devices).ok()?;
    let mut devices = answer["return"].as_array()?.iter();
    let console = devices.find(|device| device["label"] == "console")?;
    let name = console["filename"].as_str()?;
    name.split(',').next()?.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::console_port;

    #[test]
    fn the_consoles_port_is_found_in_what_qemu_says() {
        let devices = r#"{"return": [{"label": "monitor", "filename": "stdio"}, {"label": "console",
            "filename": "disconnected:tcp:127.0.0.1:41234,server=on"}]}"#;
        assert_eq!(console_port(devices), Some(41_234));
        assert_eq!(console_port(r#"{"return": []}"#), None);
    }
}
