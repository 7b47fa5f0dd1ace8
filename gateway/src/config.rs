//! The configuration: one TOML file, typed and checked before any port opens.
//!
//! Everything has a default, so no file is needed. Unknown keys are refused, every error names its
//! line, and all errors come at once. Relative paths are relative to the file they stand in.
//! `vigil.sample.toml` documents every key; a test holds it equal to the defaults.
//!
//! # Rules of the desk
//! Names, deadlines and levels differ between cities. They are shipped as files (`vigil desk` lists them); `[desk] folder`
//! names a folder in which a file of the same name goes over the shipped one:
//!
//! - What a file does not name stays as shipped. A value replaces a value, `[section]` by `[section]`.
//! - Entries of a list of names (`[[level]]`, `[[category]]`, `[[kind]]`, `[[method]]` …) are known by their key: a known
//!   one changes only what it names, a new one is added, `remove = true` takes one out. A new `[[schedule]]` comes before
//!   the shipped ones, since the first that fits counts.
//! - Where the order is the meaning (`[[list.column]]`, `[[tier]]`), what is named is the list, in that order; an entry
//!   takes what it does not say from the shipped one of its key. Other lists and `bands` are replaced whole.
//! - A changed fact is the city's: unless its `source` is given, it is the file. How sure it is (`confidence`) stays until
//!   the file says otherwise: what is unverified stays marked as such.
//!
//! All of it counts from the next reload on: deadlines already set stay, what is to come (reminders, escalation,
//! look-backs) follows the new rules. Which rules counted when is kept with the log, so that a replay decides the same.

mod desk;
mod files;
mod json;
mod modbus;
mod read;
mod sinks;

pub use desk::Desk;
pub use files::{PackSource, load_packs};
pub use json::{Json, ProfileSource};
pub use modbus::{MapSource, ModbusConnection, ModbusDevice};
pub(crate) use modbus::{host_and_port, load_map};
pub use sinks::{INFLUX, Influx, Webhook};

use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use vigil_core::Settings;
use vigil_core::catalog::Catalog;
use vigil_core::desk::DeskRules;
use vigil_core::diagnostic::{Diagnostic, has_errors};
use vigil_core::json::Profiles;

/// File looked for in the working directory when none is named.
pub const DEFAULT_FILE: &str = "vigil.toml";

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Directory relative paths start from: that of the file, or the working directory.
    #[serde(skip)]
    pub base: PathBuf,
    /// Catalog files.
    pub catalog: Vec<PathBuf>,
    /// Rule packs, in order.
    pub rules: Vec<PackSource>,
    /// Addresses.
    pub listen: Listen,
    /// MQTT broker.
    pub broker: Broker,
    /// JSON of third parties.
    pub json: Json,
    /// Rules of the desk.
    pub desk: Desk,
    /// Database.
    pub store: Store,
    /// How long messages are kept.
    pub retention: Retention,
    /// Timings of the core.
    pub core: Settings,
    /// What people see.
    pub web: Web,
    /// A server that takes points.
    pub influx: Option<Influx>,
    /// Who is sent events.
    pub webhook: Vec<Webhook>,
    /// Devices polled over Modbus.
    pub modbus: Vec<ModbusConnection>,
}

/// `[listen]`: where the gateway can be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listen {
    /// Pages and API.
    pub http: SocketAddr,
    /// The embedded broker.
    pub mqtt: SocketAddr,
}

/// `[broker]`: the MQTT broker the nodes talk to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broker {
    /// Own or external.
    pub mode: BrokerMode,
    /// External broker, `mqtt://host:port` or `mqtts://host:port`.
    pub url: Option<String>,
    /// Client id; a second gateway with the same one takes the session over.
    pub client_id: String,
    /// Sparkplug host id (`spBv1.0/STATE/{host_id}`).
    pub host_id: String,
    /// User at the external broker.
    pub username: Option<String>,
    /// File holding its password.
    pub password_file: Option<PathBuf>,
    /// Who may connect to the embedded broker.
    pub user: Vec<BrokerUser>,
}

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerMode {
    /// The one inside the gateway, on `listen.mqtt`.
    Embedded,
    /// Another one, at `broker.url`.
    External,
}

/// `[[broker.user]]`: somebody who may connect to the embedded broker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BrokerUser {
    /// Name.
    pub name: String,
    /// File holding the password.
    pub password_file: PathBuf,
}

/// `[store]`: where everything is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Store {
    /// Directory of the database and the admin token.
    pub data: PathBuf,
    /// Database; a relative SQLite path lies in `data`.
    pub url: String,
    /// A transaction is closed at the latest after this time …
    pub batch_ms: u64,
    /// … or after this many messages.
    pub batch_messages: usize,
}

/// `[retention]`: how long messages are kept. Hazards, their evidence and roll-ups stay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retention {
    /// Messages older than this are removed; 0 = never by age.
    pub days: u32,
    /// The database should not grow beyond this; 0 = no limit.
    pub max_gib: f64,
    /// Fraction of `max_gib` at which the gateway starts to warn.
    pub watermark: f64,
}

/// `[web]`: what people see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Web {
    /// IANA time zone of all times shown.
    pub timezone: String,
    /// Language of a visitor who asks for none.
    pub language: Language,
    /// A proxy stands in front and ends TLS: what it says about the visitor (`X-Forwarded-For`,
    /// `X-Forwarded-Proto`) is believed.
    pub behind_proxy: bool,
    /// Where people reach the gateway: what links sent to others begin with.
    pub public_url: Option<String>,
}

/// Language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            base: PathBuf::new(),
            catalog: Vec::new(),
            rules: vec![PackSource::Builtin],
            listen: Listen {
                http: loopback(8080),
                mqtt: loopback(1883),
            },
            broker: Broker {
                mode: BrokerMode::Embedded,
                url: None,
                client_id: "vigil".into(),
                host_id: "vigil".into(),
                username: None,
                password_file: None,
                user: Vec::new(),
            },
            json: Json::default(),
            desk: Desk::default(),
            store: Store {
                data: "vigil-data".into(),
                url: "sqlite:vigil.db".into(),
                batch_ms: 40,
                batch_messages: 1000,
            },
            retention: Retention {
                days: 365,
                max_gib: 50.0,
                watermark: 0.8,
            },
            core: Settings::default(),
            web: Web {
                timezone: "Asia/Shanghai".into(),
                language: Language::Zh,
                behind_proxy: false,
                public_url: None,
            },
            influx: None,
            webhook: Vec::new(),
            modbus: Vec::new(),
        }
    }
}

impl Config {
    /// Loads `path`; without one, `vigil.toml` of the working directory if it is there, else the
    /// defaults. Warnings come beside the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn load(path: Option<&Path>) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (config, findings) = Self::examine(path);
        if has_errors(&findings) {
            Err(findings)
        } else {
            Ok((config, findings))
        }
    }

    /// As [`Config::load`], but keeps what could be read of a wrong file, so that a check can go on.
    #[must_use]
    pub fn examine(path: Option<&Path>) -> (Self, Vec<Diagnostic>) {
        match path {
            Some(path) => read::file(path),
            None if Path::new(DEFAULT_FILE).exists() => read::file(Path::new(DEFAULT_FILE)),
            None => (Self::default(), Vec::new()),
        }
    }

    /// Reads a configuration from text; `name` is what findings call it, relative paths start at `base`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &str, base: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (config, findings) = read::text(name, text, base);
        if has_errors(&findings) {
            Err(findings)
        } else {
            Ok((config, findings))
        }
    }

    /// Loads the catalog files and compiles the rule packs. Warnings come beside the catalog.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files.
    pub fn load_catalog(&self) -> Result<(Catalog, Vec<Diagnostic>), Vec<Diagnostic>> {
        files::load_catalog(self)
    }

    /// Loads the rules of the desk: those shipped, with the files of the folder over them. Warnings come beside them.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files.
    pub fn load_desk(&self) -> Result<(DeskRules, Vec<Diagnostic>), Vec<Diagnostic>> {
        desk::load(self)
    }

    /// Loads the mapping profiles. Warnings come beside them.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files.
    pub fn load_profiles(&self) -> Result<(Profiles, Vec<Diagnostic>), Vec<Diagnostic>> {
        json::load(self)
    }

    /// Takes addresses given outside the file, which are judged like those in it. Gives what is to be known about
    /// them.
    ///
    /// # Errors
    /// What is wrong with them, and what would be right.
    pub fn listen_on(
        &mut self,
        http: Option<SocketAddr>,
        mqtt: Option<SocketAddr>,
    ) -> Result<Vec<String>, String> {
        let mut warnings = Vec::new();
        if let Some(address) = http {
            self.listen.http = address;
            if !address.ip().is_loopback() {
                warnings.push(format!(
                    "{}; {}",
                    read::open_pages(address),
                    read::OPEN_PAGES_HELP
                ));
            }
        }
        if let Some(address) = mqtt {
            self.listen.mqtt = address;
            if self.broker.mode == BrokerMode::External {
                warnings.push(format!(
                    "nothing listens on {address} for MQTT: the configuration names an external broker"
                ));
            } else if !address.ip().is_loopback() && self.broker.user.is_empty() {
                return Err(format!(
                    "{}; {}",
                    read::open_broker(address),
                    read::OPEN_BROKER_HELP
                ));
            }
        }
        Ok(warnings)
    }

    /// A path of the configuration, relative ones seen from the file.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Directory of the database and the admin token.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.resolve(&self.store.data)
    }

    /// The SQLite file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        let path = self.store.url.strip_prefix("sqlite:").unwrap_or(&self.store.url);
        self.data_dir().join(path.strip_prefix("//").unwrap_or(path))
    }
}
