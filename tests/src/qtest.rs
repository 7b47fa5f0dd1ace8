//! A board in QEMU whose pins, sensors and memory a test can get at: contacts by QEMU's qtest protocol beside the running
//! machine, the temperature by QMP, the console as somebody types on it.

use crate::place::Place;
use crate::process::{Process, binary, free_port};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use vigil_firmware::drivers::lift_inputs::LiftSensor;

/// The board; killed on drop.
#[derive(Debug)]
pub struct Machine {
    dir: PathBuf,
    broker: u16,
    lines: [u16; 2],
    parts: Option<Parts>,
}

/// What there is while it has power.
#[derive(Debug)]
struct Parts {
    qemu: Process,
    qmp: Wire,
    qtest: Wire,
    console: Wire,
    /// Of the debugger.
    gdb: u16,
    /// The GPIO ports, A first.
    ports: Vec<String>,
}

/// A socket with lines in both directions.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    lines: Receiver<String>,
}

/// QEMU answers at once, the board within its patience with a slave.
const ANSWER: Duration = Duration::from_secs(20);
/// Of the card; a power of two as QEMU wants it.
const CARD_BYTES: u64 = 64 << 20;
/// The stack, and what the firmware paints it with, as in its memory.x and stack.rs.
const STACK: std::ops::Range<u32> = 0x2000_0000..0x2000_4000;
const PAINT: [u8; 4] = 0x7061_696e_u32.to_le_bytes();
/// Port (A is 0) and pin of each lift input, in the order of [`LiftSensor::ALL`].
const PINS: [(usize, u8); 6] = [(4, 0), (4, 1), (4, 2), (4, 3), (3, 4), (3, 5)];

impl Wire {
    /// To a port that QEMU is about to open.
    fn open(port: u16) -> Self {
        let deadline = Instant::now() + ANSWER;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => {
                    assert!(Instant::now() < deadline, "connecting to QEMU: {error}");
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            }
        };
        stream.set_nodelay(true).expect("a socket");
        let (to, lines) = sync_channel(10_000);
        let from = BufReader::new(stream.try_clone().expect("a socket"));
        std::thread::spawn(move || {
            for line in from.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self { stream, lines }
    }

    fn say(&mut self, line: &str) {
        let sent = self.stream.write_all(format!("{line}\n").as_bytes());
        sent.unwrap_or_else(|error| panic!("saying {line:?}: {error}"));
    }

    /// The next line.
    fn hear(&self, what: &str) -> String {
        let heard = self.lines.recv_timeout(ANSWER);
        heard.unwrap_or_else(|error| panic!("no answer to {what:?}: {error}"))
    }
}

impl Machine {
    /// Powers it up with an empty card. Its broker is on port `broker` of this machine, its RS-485 lines are on ports
    /// `lines`; at I2C address 0x48 there is a TMP105.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(place: &Place, image: &Path, broker: u16, lines: [u16; 2]) -> Self {
        let dir = place.dir("board");
        let card = std::fs::File::create(dir.join("card.img")).expect("the place is writable");
        card.set_len(CARD_BYTES).expect("the place has room");
        std::fs::copy(image, dir.join("image.elf")).expect("the image is there");
        let mut machine = Self {
            dir,
            broker,
            lines,
            parts: None,
        };
        machine.power_up();
        machine
    }

    /// Takes the power away.
    pub fn cut_power(&mut self) {
        self.parts = None;
    }

    /// Gives it back; when.
    ///
    /// # Panics
    /// When QEMU does not start.
    pub fn power_up(&mut self) -> Instant {
        let [qmp, qtest, console, gdb] = [free_port(), free_port(), free_port(), free_port()];
        let dir = &self.dir;
        let mut command = Command::new("qemu-system-arm");
        command
            .args(["-M", "lm3s6965evb", "-accel", "tcg", "-display", "none"])
            .args(["-monitor", "none", "-kernel"])
            .arg(dir.join("image.elf"))
            .arg("-chardev")
            .arg(format!(
                "socket,id=console,host=127.0.0.1,port={console},server=on,wait=off,nodelay=on,logfile={},logappend=on",
                dir.join("console.log").display()
            ))
            .args(["-serial", "chardev:console"]);
        for line in self.lines {
            command.arg("-serial");
            command.arg(format!("tcp:127.0.0.1:{line},nodelay=on,reconnect=1"));
        }
        command
            .arg("-nic")
            .arg(format!(
                "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:{} {}",
                binary("forward").display(),
                self.broker
            ))
            .arg("-drive")
            .arg(format!(
                "if=sd,format=raw,file={}",
                dir.join("card.img").display()
            ))
            .args(["-device", "ds1338,bus=i2c,address=0x68"])
            .args(["-device", "tmp105,bus=i2c,address=0x48,id=t0"])
            .arg("-qmp")
            .arg(format!("tcp:127.0.0.1:{qmp},server=on,wait=off,nodelay=on"))
            .arg("-gdb")
            .arg(format!("tcp:127.0.0.1:{gdb}"))
            .args(["-qtest-log", "none", "-qtest"])
            .arg(format!("tcp:127.0.0.1:{qtest},server=on,wait=off,nodelay=on"));
        let started = Instant::now();
        let qemu = Process::start_logged("qemu", &mut command, &dir.join("qemu.log"));
        let mut parts = Parts {
            qemu,
            console: Wire::open(console),
            qmp: Wire::open(qmp),
            qtest: Wire::open(qtest),
            gdb,
            ports: Vec::new(),
        };
        parts.qmp.hear("the connection");
        parts.ask("qmp_capabilities", &json!({}));
        parts.ports = parts.gpio_ports();
        self.parts = Some(parts);
        started
    }

    fn parts(&mut self) -> &mut Parts {
        self.parts.as_mut().expect("the board has power")
    }

    /// Closes a contact, or opens it: with the pull-up of its pin.
    pub fn set_contact(&mut self, sensor: LiftSensor, closed: bool) {
        let parts = self.parts();
        let (port, pin) = PINS[sensor as usize];
        let port = &parts.ports[port];
        let level = u8::from(!closed);
        let command = format!("set_irq_in {port} unnamed-gpio-in {pin} {level}");
        parts.test(&command);
    }

    /// What the TMP105 measures from now on.
    pub fn set_temperature(&mut self, millidegrees: i32) {
        let arguments = json!({"path": "t0", "property": "temperature", "value": millidegrees});
        self.parts().ask("qom-set", &arguments);
    }

    /// The most bytes of the stack that were ever in use since it was started.
    pub fn stack_used(&mut self) -> usize {
        let answer = self
            .parts()
            .test(&format!("read {:#x} {:#x}", STACK.start, STACK.len()));
        let hex = answer.rsplit("0x").next().unwrap_or_default().as_bytes();
        let bytes: Vec<u8> = hex
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
                u8::from_str_radix(pair, 16).expect("hexadecimal digits")
            })
            .collect();
        assert_eq!(bytes.len(), STACK.len());
        let painted = bytes.chunks(4).take_while(|word| **word == PAINT);
        bytes.len() - 4 * painted.count()
    }

    /// Overwrites the variable whose mangled name contains all of `parts`, as a program gone wild would.
    pub fn scribble_on(&mut self, parts: &[&str]) {
        let image = self.dir.join("image.elf");
        let readelf = Command::new("readelf").arg("-sW").arg(image).output();
        let symbols = String::from_utf8(readelf.expect("binutils are there").stdout).expect("names");
        let found = symbols
            .lines()
            .find(|line| line.contains("OBJECT") && parts.iter().all(|part| line.contains(part)))
            .unwrap_or_else(|| panic!("the image has no {parts:?}"));
        let mut fields = found.split_whitespace().skip(1);
        let address = fields.next().expect("an address");
        let size = fields.next().expect("a size");
        self.parts().test(&format!("memset 0x{address} {size} 0xf1"));
    }

    /// The timer that wakes its tasks says nothing any more: as if the program had turned off its interrupt by mistake.
    pub fn lose_the_timer(&mut self) {
        // NVIC_ICER0, TIMER_0A.
        self.parts().test(&format!("writel 0xe000e180 {:#x}", 1 << 19));
    }

    /// Has its stack end right below where it is used next, as after a recursion without end.
    pub fn exhaust_the_stack(&mut self) {
        let mut gdb = TcpStream::connect(("127.0.0.1", self.parts().gdb)).expect("QEMU listens");
        // Where it stopped, because somebody connected.
        debug(&mut gdb, "?");
        let mut registers = debug(&mut gdb, "g");
        let pointer: String = (STACK.start + 8)
            .to_le_bytes()
            .map(|byte| format!("{byte:02x}"))
            .concat();
        registers.replace_range(13 * 8..14 * 8, &pointer);
        assert_eq!(debug(&mut gdb, &format!("G{registers}")), "OK");
        assert_eq!(debug(&mut gdb, "D"), "OK");
    }

    /// The lines of the answer to a command on the console: the last is `ok` or says why not.
    pub fn command(&mut self, command: &str) -> Vec<String> {
        let console = &mut self.parts().console;
        console.say(command);
        let mut answer = Vec::new();
        loop {
            let line = console.hear(command);
            // What the tasks say meanwhile.
            if line.starts_with('[') {
                continue;
            }
            let last = line.starts_with("ok") || line.starts_with("error");
            answer.push(line.trim_end().to_owned());
            if last {
                return answer;
            }
        }
    }

    /// The next line of the console with this in it.
    pub fn wait_for(&mut self, wanted: &str) -> String {
        let console = &self.parts().console;
        loop {
            let line = console.hear(wanted);
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Processor time that QEMU has used.
    pub fn host_time(&mut self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.parts().qemu.id()));
        let stat = stat.expect("a process that runs");
        // Behind the name, which may have blanks in it: utime and stime are the 14th and 15th field, in 1/100 s.
        let behind = stat.rsplit(')').next().expect("a name");
        let ticks = behind.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(|field| field.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
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

/// Says something in GDB's remote protocol; the answer. What the machine tells unasked, it tells before.
fn debug(gdb: &mut TcpStream, command: &str) -> String {
    let sum = command.bytes().fold(0_u8, u8::wrapping_add);
    let packet = format!("+${command}#{sum:02x}");
    gdb.write_all(packet.as_bytes()).expect("QEMU listens");
    gdb.set_read_timeout(Some(ANSWER)).expect("a socket");
    loop {
        let mut heard = Vec::new();
        let mut byte = [0];
        // `$`, the answer, `#`, and a checksum of two digits.
        while heard.iter().rev().nth(2) != Some(&b'#') {
            gdb.read_exact(&mut byte).expect("QEMU answers");
            heard.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&heard[..heard.len() - 3]).into_owned();
        let answer = text.rsplit('$').next().unwrap_or_default().to_owned();
        if !(answer.starts_with('T') && command != "?") {
            return answer;
        }
        gdb.write_all(b"+").expect("QEMU listens");
    }
}

impl Parts {
    /// Has QEMU do something.
    fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        let request = json!({"execute": command, "arguments": arguments});
        self.qmp.say(&request.to_string());
        loop {
            let line = self.qmp.hear(command);
            let mut answer: Value = serde_json::from_str(&line).expect("QEMU speaks JSON");
            assert!(answer.get("error").is_none(), "{request}: {answer}");
            if let Some(answer) = answer.get_mut("return") {
                return answer.take();
            }
        }
    }

    /// Does something to the machine behind the program's back.
    fn test(&mut self, command: &str) -> String {
        self.qtest.say(command);
        let answer = self.qtest.hear(command);
        assert!(answer.starts_with("OK"), "{command}: {answer}");
        answer
    }

    /// Their paths; the machine makes them in the order of their letters.
    fn gpio_ports(&mut self) -> Vec<String> {
        let devices = self.ask("qom-list", &json!({"path": "/machine/unattached"}));
        let mut ports: Vec<(u32, String)> = devices
            .as_array()
            .expect("a list")
            .iter()
            .filter(|device| device["type"] == "child<pl061_luminary>")
            .map(|device| {
                let name = device["name"].as_str().expect("a name");
                let number = name.trim_start_matches("device[").trim_end_matches(']');
                let number = number.parse().expect("device[NUMBER]");
                (number, format!("/machine/unattached/{name}"))
            })
            .collect();
        ports.sort();
        assert_eq!(ports.len(), 7, "ports A to G");
        ports.into_iter().map(|(_, path)| path).collect()
    }
}
