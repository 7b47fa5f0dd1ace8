//! The console: lines in, lines out. It changes a copy of the settings; the board does what needs hardware.
//!
//! Every command is answered by any number of lines and then one that begins with `ok` or `error:`. The console does
//! not echo what is typed, and no answer shows a secret.

use core::fmt::{self, Write};

use heapless::String;
use vigil_protocol::time::UtcMillis;

use super::row::{self, Row, TextError, Words};
use super::settings::{Address, Network, Port, Secret, Settings, SettingsError};
use crate::reading::{Reading, Value};
use crate::time::Civil;

/// Longest line.
pub const LINE_CAPACITY: usize = 192;

/// What the board is to do, and then tell the console.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// Read the channel at this position of the settings being edited; then [`Console::on_tested`].
    Test(u8),
    /// Save [`Console::settings`]; then [`Console::on_saved`].
    Save,
    /// Set the clock chip; then [`Console::on_clock_set`].
    Clock(UtcMillis),
    /// Restart.
    Reboot,
}

/// Why a command was not obeyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal<'t> {
    Text(TextError<'t>),
    Settings(SettingsError),
    /// The text is longer than its field.
    TooLong {
        have: usize,
    },
    /// No more than this many, one after the other.
    Position {
        next: usize,
    },
    LineTooLong,
}

/// The state of the console.
#[derive(Clone, Debug)]
pub struct Console {
    line: String<LINE_CAPACITY>,
    /// The line is longer than there is room, or is not UTF-8.
    overlong: bool,
    partial: heapless::Vec<u8, 4>,
    settings: Settings,
    changed: bool,
}

const HELP: &str = "\
help                       this
show                       the settings, as commands
set group ID               Sparkplug group: the site
set node ID                Sparkplug edge node
set broker HOST [PORT]     MQTT broker
set user [NAME]            MQTT user
set password [TEXT]        MQTT password, never shown
set network dhcp | IP/PREFIX GATEWAY
set port N BAUD REPLY_MS   RS-485 line 0 or 1
set device N ID            piece of equipment, numbered from 0
set channel N ROW          row of the channel table, numbered from 0
drop device | drop channel the last one
clear                      begin anew
test N                     read channel N now
save                       check and keep
clock YYYY-MM-DD HH:MM:SS  set the clock chip, UTC
reboot                     restart with what is saved
ROW:";

impl Console {
    /// A console that edits a copy of what the node runs with; [`Settings::EMPTY`] when it has none.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            line: String::new(),
            overlong: false,
            partial: heapless::Vec::new(),
            settings,
            changed: false,
        }
    }

    /// The settings being edited.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the board says when it starts.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn greet(&self, out: &mut impl Write) -> fmt::Result {
        match self.settings.check() {
            Ok(()) => writeln!(
                out,
                "vigil node {}/{}: help?",
                self.settings.group, self.settings.node
            ),
            Err(error) => writeln!(out, "vigil node NOT CONFIGURED ({error}): help?"),
        }
    }

    /// A byte was received. Returns what is to be done at the end of a line.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn on_byte(&mut self, byte: u8, out: &mut impl Write) -> Result<Option<Task>, fmt::Error> {
        match byte {
            b'\r' | b'\n' => {
                self.overlong |= !self.partial.is_empty();
                self.partial.clear();
                let line = core::mem::take(&mut self.line);
                if core::mem::take(&mut self.overlong) {
                    writeln!(out, "error: {}", Refusal::LineTooLong)?;
                    return Ok(None);
                }
                if line.trim().is_empty() {
                    return Ok(None);
                }
                return self.on_line(line.trim(), out);
            }
            // Backspace and delete.
            0x08 | 0x7f => {
                self.line.pop();
            }
            byte => {
                self.overlong |= self.partial.push(byte).is_err();
                match core::str::from_utf8(&self.partial) {
                    Ok(text) => {
                        self.overlong |= self.line.push_str(text).is_err();
                        self.partial.clear();
                    }
                    // More bytes of the same character are to come.
                    Err(error) if error.error_len().is_none() => {}
                    Err(_) => {
                        self.overlong = true;
                        self.partial.clear();
                    }
                }
            }
        }
        Ok(None)
    }

    /// A whole line.
    fn on_line(&mut self, line: &str, out: &mut impl Write) -> Result<Option<Task>, fmt::Error> {
        let mut words = Words::new(line);
        let done = match words.next() {
            Some("help") => {
                writeln!(out, "{HELP}\n{}", row::USAGE)?;
                Ok(())
            }
            Some("show") => {
                self.show(out)?;
                Ok(())
            }
            Some("set") => self.set(line, &mut words),
            Some("drop") => self.drop(&mut words),
            Some("clear") => {
                self.settings = Settings::EMPTY;
                Ok(())
            }
            Some("test") => match words.number::<u8>("channel").map_err(Refusal::Text) {
                Ok(channel) if usize::from(channel) < self.settings.channels.len() => {
                    return Ok(Some(Task::Test(channel)));
                }
                Ok(_) => Err(Refusal::Position {
                    next: self.settings.channels.len(),
                }),
                Err(error) => Err(error),
            },
            Some("save") => match self.settings.check() {
                Ok(()) => return Ok(Some(Task::Save)),
                Err(error) => Err(Refusal::Settings(error)),
            },
            Some("clock") => match clock(&mut words) {
                Ok(utc) => return Ok(Some(Task::Clock(utc))),
                Err(error) => Err(Refusal::Text(error)),
            },
            Some("reboot") => {
                writeln!(
                    out,
                    "ok{}",
                    if self.changed {
                        ", changes not saved are lost"
                    } else {
                        ""
                    }
                )?;
                return Ok(Some(Task::Reboot));
            }
            Some(word) => Err(Refusal::Text(TextError::Wrong {
                want: "a command (help lists them)",
                word,
            })),
            None => return Ok(None),
        };
        match done {
            Ok(()) => writeln!(out, "ok")?,
            Err(refusal) => writeln!(out, "error: {refusal}")?,
        }
        Ok(None)
    }

    fn set<'t>(&mut self, line: &'t str, words: &mut Words<'t>) -> Result<(), Refusal<'t>> {
        let settings = &mut self.settings;
        let text = Refusal::Text;
        match words.next() {
            Some("group") => settings.group = field(words.take("id", Some).map_err(text)?)?,
            Some("node") => settings.node = field(words.take("id", Some).map_err(text)?)?,
            Some("broker") => {
                settings.broker = field(words.take("host", Some).map_err(text)?)?;
                settings.broker_port = match words.next() {
                    None => 1_883,
                    Some(port) => Words::new(port).number("TCP port").map_err(text)?,
                };
            }
            Some("user") => settings.user = field(words.next().unwrap_or(""))?,
            // Everything behind the word, blanks in the middle included.
            Some("password") => {
                let secret = line
                    .split_once("password")
                    .map_or("", |(_, secret)| secret.trim());
                settings.password = Secret(field(secret)?);
                self.changed = true;
                return Ok(());
            }
            Some("network") => {
                settings.network = match words.next() {
                    Some("dhcp") => Network::Dhcp,
                    Some(word) => {
                        let want = "dhcp or IP/PREFIX";
                        let (ip, prefix) = word
                            .split_once('/')
                            .and_then(|(ip, prefix)| Some((parse_ip(ip)?, prefix.parse().ok()?)))
                            .filter(|(_, prefix)| *prefix <= 32)
                            .ok_or(text(TextError::Wrong { want, word }))?;
                        let gateway = words.take("gateway", parse_ip).map_err(text)?;
                        Network::Static(Address { ip, prefix, gateway })
                    }
                    None => return Err(text(TextError::Missing("dhcp or IP/PREFIX"))),
                };
            }
            Some("port") => {
                let at: usize = words.number::<u16>("port").map_err(text)?.into();
                let port = Port {
                    baud: words.number("baud").map_err(text)?,
                    reply_ms: words.number("reply, ms").map_err(text)?,
                };
                let next = settings.ports.len();
                *settings.ports.get_mut(at).ok_or(Refusal::Position { next })? = port;
            }
            Some("device") => {
                let at = words.number::<u16>("position").map_err(text)?.into();
                let id = field(words.take("id", Some).map_err(text)?)?;
                put(&mut settings.devices, at, id)?;
            }
            Some("channel") => {
                let at = words.number::<u16>("position").map_err(text)?.into();
                let channel = row::parse(words).map_err(text)?;
                put(&mut settings.channels, at, channel)?;
            }
            Some(word) => {
                return Err(text(TextError::Wrong {
                    want: "the name of a setting (help lists them)",
                    word,
                }));
            }
            None => return Err(text(TextError::Missing("the name of a setting"))),
        }
        self.changed = true;
        words.end().map_err(text)
    }

    fn drop<'t>(&mut self, words: &mut Words<'t>) -> Result<(), Refusal<'t>> {
        let settings = &mut self.settings;
        self.changed = true;
        match words.next() {
            Some("device") => settings.devices.pop().map(|_| ()),
            Some("channel") => settings.channels.pop().map(|_| ()),
            Some(word) => {
                let want = "device or channel";
                return Err(Refusal::Text(TextError::Wrong { want, word }));
            }
            None => return Err(Refusal::Text(TextError::Missing("device or channel"))),
        }
        .ok_or(Refusal::Position { next: 0 })
    }

    fn show(&self, out: &mut impl Write) -> fmt::Result {
        let settings = &self.settings;
        writeln!(out, "set group {}", settings.group)?;
        writeln!(out, "set node {}", settings.node)?;
        writeln!(out, "set broker {} {}", settings.broker, settings.broker_port)?;
        writeln!(out, "set user {}", settings.user)?;
        writeln!(out, "# password {:?}", settings.password)?;
        match settings.network {
            Network::Dhcp => writeln!(out, "set network dhcp")?,
            Network::Static(Address { ip, prefix, gateway }) => {
                writeln!(out, "set network {}/{prefix} {}", Ip(ip), Ip(gateway))?;
            }
        }
        for (n, port) in settings.ports.iter().enumerate() {
            writeln!(out, "set port {n} {} {}", port.baud, port.reply_ms)?;
        }
        for (n, id) in settings.devices.iter().enumerate() {
            writeln!(out, "set device {n} {id}")?;
        }
        for (n, channel) in settings.channels.iter().enumerate() {
            writeln!(out, "set channel {n} {}", Row(channel))?;
        }
        if self.changed {
            writeln!(out, "# not saved")?;
        }
        match settings.check() {
            Ok(()) => Ok(()),
            Err(error) => writeln!(out, "# incomplete: {error}"),
        }
    }

    /// What reading a channel gave, after [`Task::Test`].
    ///
    /// # Errors
    /// When `out` fails.
    pub fn on_tested(&self, channel: u8, reading: &Reading, out: &mut impl Write) -> fmt::Result {
        let row = self.settings.channels.get(usize::from(channel));
        let unit = row.map_or("", |row| row.quantity.unit().symbol());
        write!(out, "channel {channel}: ")?;
        match reading {
            Reading::NoData(reason) => writeln!(out, "no value ({reason})"),
            Reading::Value { value, quality } => {
                match value {
                    Value::Number(number) => write!(out, "{} {unit}", super::decimal::Decimal(*number))?,
                    Value::Flag(state) => write!(out, "{state}")?,
                    Value::Code(code) => write!(out, "{code}")?,
                    Value::Fault(code) => write!(out, "fault {code}")?,
                }
                writeln!(out, " ({quality})")
            }
        }?;
        writeln!(out, "ok")
    }

    /// What setting the clock chip gave, after [`Task::Clock`].
    ///
    /// # Errors
    /// When `out` fails.
    pub fn on_clock_set<E: fmt::Display>(&self, result: Result<(), E>, out: &mut impl Write) -> fmt::Result {
        match result {
            Ok(()) => writeln!(out, "ok, set; reboot to use it"),
            Err(error) => writeln!(out, "error: {error}"),
        }
    }

    /// What saving gave, after [`Task::Save`].
    ///
    /// # Errors
    /// When `out` fails.
    pub fn on_saved<E: fmt::Display>(&mut self, result: Result<(), E>, out: &mut impl Write) -> fmt::Result {
        match result {
            Ok(()) => {
                self.changed = false;
                writeln!(out, "ok, saved; reboot to use them")
            }
            Err(error) => writeln!(out, "error: {error}"),
        }
    }
}

/// A date and a time of day.
fn clock<'t>(words: &mut Words<'t>) -> Result<UtcMillis, TextError<'t>> {
    let [year, month, day] = words.take("YYYY-MM-DD", |word| three(word, '-'))?;
    let want = "HH:MM:SS";
    words
        .take(want, |word| {
            let [hour, minute, second] = three(word, ':')?;
            let civil = Civil {
                year,
                month: u8::try_from(month).ok()?,
                day: u8::try_from(day).ok()?,
                hour: u8::try_from(hour).ok()?,
                minute: u8::try_from(minute).ok()?,
                second: u8::try_from(second).ok()?,
            };
            civil.to_utc()
        })
        .and_then(|utc| words.end().map(|()| utc))
}

fn three(word: &str, between: char) -> Option<[u16; 3]> {
    let mut parts = word.split(between).map(|part| part.parse().ok());
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn field<'t, const N: usize>(text: &'t str) -> Result<String<N>, Refusal<'t>> {
    String::try_from(text).map_err(|_| Refusal::TooLong { have: N })
}

/// Replaces the element at `at`, or adds it behind the last one.
fn put<'t, T, const N: usize>(list: &mut heapless::Vec<T, N>, at: usize, new: T) -> Result<(), Refusal<'t>> {
    let next = list.len();
    match list.get_mut(at) {
        Some(old) => {
            *old = new;
            Ok(())
        }
        None if at == next => list.push(new).map_err(|_| Refusal::Position { next: N }),
        None => Err(Refusal::Position { next }),
    }
}

fn parse_ip(text: &str) -> Option<[u8; 4]> {
    let mut ip = [0; 4];
    let mut parts = text.split('.');
    for byte in &mut ip {
        *byte = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(ip)
}

struct Ip([u8; 4]);

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Settings(error) => error.fmt(f),
            Self::TooLong { have } => write!(f, "the text is longer than {have} bytes"),
            Self::Position { next } => write!(f, "there is no such position: {next} are there or may be"),
            Self::LineTooLong => write!(f, "the line is longer than {LINE_CAPACITY} bytes or not UTF-8"),
        }
    }
}
