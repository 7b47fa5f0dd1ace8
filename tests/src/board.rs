//! The firmware's release image in QEMU: an lm3s6965evb with network, SD card, clock and a serial line.

use crate::place::Place;
use crate::process::Process;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A board; killed on drop, as by a power cut.
#[derive(Debug)]
pub struct Board {
    process: Process,
    dir: PathBuf,
    broker: u16,
    line: u16,
    starts: u32,
}

/// Of the card; more than the journal uses, and a power of two as QEMU wants it.
const CARD_BYTES: u64 = 64 << 20;

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
    } else if !found("nc", "-h") {
        "nc is not installed: tests/run.sh --install".to_owned()
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
        let dir = place.dir("board");
        let card = File::create(dir.join("card.img")).expect("the place is writable");
        card.set_len(CARD_BYTES).expect("the place has room");
        std::fs::copy(image, dir.join("image.elf")).expect("the image is there");
        let process = power_up(&dir, broker, line, 0);
        Self {
            process,
            dir,
            broker,
            line,
            starts: 1,
        }
    }

    /// Takes the power away, whatever it is doing.
    pub fn cut_power(&mut self) {
        self.process.kill();
    }

    /// Gives it back.
    pub fn power_up(&mut self) {
        self.process = power_up(&self.dir, self.broker, self.line, self.starts);
        self.starts += 1;
    }

    /// How often it was powered up.
    #[must_use]
    pub const fn starts(&self) -> u32 {
        self.starts
    }

    /// A line of its console.
    pub fn wait_for(&mut self, wanted: &str, within: Duration) -> String {
        self.process.wait_for(wanted, within)
    }

    /// Everything its console said, over all starts.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.dir.join("console.log")).expect("a board logs")
    }
}

fn power_up(dir: &Path, broker: u16, line: u16, start: u32) -> Process {
    let mut command = Command::new("qemu-system-arm");
    command
        .args(["-M", "lm3s6965evb", "-display", "none", "-monitor", "none"])
        .arg("-kernel")
        .arg(dir.join("image.elf"))
        .args([
            "-chardev",
            "stdio,id=console,signal=off",
            "-serial",
            "chardev:console",
        ])
        .arg("-serial")
        .arg(format!("tcp:127.0.0.1:{line},nodelay=on,reconnect=1"))
        .arg("-nic")
        .arg(format!(
            "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:nc -N 127.0.0.1 {broker}"
        ))
        .arg("-object")
        .arg(format!(
            "filter-dump,id=dump,netdev=net,file={}",
            dir.join(format!("network-{start}.pcap")).display()
        ))
        .arg("-drive")
        .arg(format!(
            "if=sd,format=raw,file={}",
            dir.join("card.img").display()
        ))
        .args(["-device", "ds1338,bus=i2c,address=0x68"]);
    Process::start_logged("board", &mut command, &dir.join("console.log"))
}
