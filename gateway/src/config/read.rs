//! TOML → [`Config`].

use super::files::read_utf8;
use super::sinks::{read_influx, read_public_url, read_webhooks};
use super::{
    Broker, BrokerMode, BrokerUser, Config, Language, Listen, PackSource, Retention, Store, Web, modbus,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use vigil_core::Settings;
use vigil_core::diagnostic::document::{Document, Table, Value};
use vigil_core::diagnostic::{Diagnostic, suggestion};
use vigil_core::pack::builtin_names;
use vigil_protocol::sparkplug::check_id;

/// What could be read, and everything that is wrong.
type Read = (Config, Vec<Diagnostic>);

pub(super) fn file(path: &Path) -> Read {
    let name = path.display().to_string();
    let base = path.parent().unwrap_or(Path::new(""));
    match read_utf8(path) {
        Ok(content) => text(&name, &content, base),
        Err(finding) => (Config::default(), vec![finding]),
    }
}

pub(super) fn text(name: &str, content: &str, base: &Path) -> Read {
    let document = Document::parse(name, content);
    let mut config = Config {
        base: base.to_owned(),
        ..Config::default()
    };
    if let Some(root) = document.root() {
        read(&root, &mut config);
    }
    (config, document.into_findings())
}

fn read(root: &Table<'_, '_>, config: &mut Config) {
    let section = |key: &'static str| root.get(key).and_then(|v| v.table(format!("[{key}]")));
    if let Some(paths) = root.get("catalog").and_then(|v| read_files(&v, &config.base)) {
        config.catalog = paths;
    }
    if let Some(rules) = root.get("rules").and_then(|v| read_rules(&v, &config.base)) {
        config.rules = rules;
    }
    let listen = section("listen");
    if let Some(table) = &listen {
        read_listen(table, &mut config.listen);
    }
    let broker = section("broker");
    if let Some(table) = &broker {
        read_broker(table, &mut config.broker, &config.base);
    }
    refuse_open_broker(root, listen.as_ref(), broker.as_ref(), config);
    if let Some(table) = section("json") {
        super::json::read(&table, &mut config.json, &config.base);
    }
    if let Some(table) = section("desk") {
        super::desk::read(&table, &mut config.desk, &config.base);
    }
    if let Some(table) = section("store") {
        read_store(&table, &mut config.store);
    }
    if let Some(table) = section("retention") {
        read_retention(&table, &mut config.retention);
    }
    if let Some(table) = section("core") {
        read_core(&table, &mut config.core);
    }
    if let Some(table) = section("web") {
        read_web(&table, &mut config.web);
    }
    if let Some(table) = section("influx") {
        config.influx = read_influx(&table, &config.base);
    }
    let webhooks = root.get("webhook");
    config.webhook = webhooks
        .as_ref()
        .and_then(|v| read_webhooks(v, &config.base))
        .unwrap_or_default();
    if let Some(connections) = root.get("modbus") {
        config.modbus = modbus::read(&connections, &config.base);
    }
    root.finish();
}

pub(super) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

pub(super) fn read_file(value: &Value<'_, '_>, base: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(value.text()?);
    let full = base.join(&path);
    if !full.is_file() {
        let message = format!("`{}` is not a file", path.display());
        value.error(message, Some(format!("looked for {}", full.display())));
        return None;
    }
    Some(path)
}

fn read_files(value: &Value<'_, '_>, base: &Path) -> Option<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for value in value.list()? {
        if let Some(file) = read_file(&value, base) {
            if files.iter().any(|other| base.join(other) == base.join(&file)) {
                value.error(format!("`{}` is there twice", file.display()), None);
            } else {
                files.push(file);
            }
        }
    }
    Some(files)
}

/// `"builtin"` (all shipped packs), `"builtin:lift"`, a file, or a directory of `*.toml` files.
fn read_rules(value: &Value<'_, '_>, base: &Path) -> Option<Vec<PackSource>> {
    let read = |value: &Value<'_, '_>| {
        let text = value.text()?;
        if text == "builtin" {
            return Some(PackSource::Builtin);
        }
        if let Some(name) = text.strip_prefix("builtin:") {
            if builtin_names().any(|known| known == name) {
                return Some(PackSource::BuiltinNamed(name.into()));
            }
            value.error(
                format!("no shipped pack is called `{name}`"),
                suggestion(name, builtin_names()),
            );
            return None;
        }
        let path = PathBuf::from(text);
        let full = base.join(&path);
        if !full.exists() {
            let looked = format!("looked for {}; `builtin` means the shipped packs", full.display());
            value.error(
                format!("`{text}` is neither a file nor a directory"),
                Some(looked),
            );
            return None;
        }
        Some(PackSource::Path(path))
    };
    let list = value.list()?;
    if list.is_empty() {
        value.warning(
            "without rules nothing is watched",
            Some("`rules = [\"builtin\"]` means the shipped packs".into()),
        );
    }
    Some(list.iter().filter_map(read).collect())
}

fn read_address(value: &Value<'_, '_>) -> Option<SocketAddr> {
    const HELP: &str = "address and port, such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"0.0.0.0:8080\" for every interface";
    if !value.is_str() {
        value.error(format!("`{}` must be an address", value.key()), Some(HELP.into()));
        return None;
    }
    let text = value.str()?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            value.error(format!("`{text}` is not an address"), Some(HELP.into()));
            None
        }
    }
}

fn read_listen(table: &Table<'_, '_>, listen: &mut Listen) {
    let http = table.get("http");
    let address = http.as_ref().and_then(read_address);
    if let (Some(value), Some(address)) = (&http, address)
        && !address.ip().is_loopback()
    {
        value.warning(open_pages(address), Some(OPEN_PAGES_HELP.into()));
    }
    set(&mut listen.http, address);
    set(
        &mut listen.mqtt,
        table.get("mqtt").as_ref().and_then(read_address),
    );
    if listen.http == listen.mqtt && listen.http.port() != 0 {
        table.error(format!("`http` and `mqtt` both listen on {}", listen.http), None);
    }
    table.finish();
}

fn read_broker(table: &Table<'_, '_>, broker: &mut Broker, base: &Path) {
    const MODES: &[(&str, BrokerMode)] = &[
        ("embedded", BrokerMode::Embedded),
        ("external", BrokerMode::External),
    ];
    set(&mut broker.mode, table.get("mode").and_then(|v| v.choice(MODES)));
    let url = table.get("url");
    broker.url = url.as_ref().and_then(read_url);
    set(
        &mut broker.client_id,
        table.get("client_id").and_then(|v| v.text()).map(str::to_owned),
    );
    let host_id = table.get("host_id").and_then(|v| {
        let text = v.text()?;
        if let Err(error) = check_id(text) {
            v.error(format!("`{text}` is not a Sparkplug host id: {error}"), None);
        }
        Some(text.to_owned())
    });
    set(&mut broker.host_id, host_id);
    let username = table.get("username");
    broker.username = username.as_ref().and_then(|v| v.text()).map(str::to_owned);
    let password_file = table.get("password_file");
    broker.password_file = password_file.as_ref().and_then(|v| read_file(v, base));
    let users = table.get("user");
    broker.user = users
        .as_ref()
        .and_then(|v| read_users(v, base))
        .unwrap_or_default();
    match broker.mode {
        BrokerMode::External => {
            if url.is_none() {
                table.error(
                    "an external broker needs its `url`",
                    Some("such as \"mqtt://10.0.0.5:1883\"".into()),
                );
            }
            if let Some(users) = users {
                users.error(
                    "`user` is for the embedded broker",
                    Some("the external broker has its own".into()),
                );
            }
        }
        BrokerMode::Embedded => {
            let only_external = [
                ("url", &url),
                ("username", &username),
                ("password_file", &password_file),
            ];
            for (key, value) in only_external {
                if let Some(value) = value {
                    value.error(
                        format!("`{key}` is for an external broker"),
                        Some("set mode = \"external\"".into()),
                    );
                }
            }
        }
    }
    if username.is_some() != password_file.is_some() {
        let (given, missing) = match &username {
            Some(username) => (Some(username), "password_file"),
            None => (password_file.as_ref(), "username"),
        };
        let help = Some(format!("add `{missing}`"));
        match given {
            Some(given) => given.error("`username` and `password_file` belong together", help),
            None => table.error("`username` and `password_file` belong together", help),
        }
    }
    table.finish();
}

/// `mqtt://host[:port]` or `mqtts://host[:port]`; user and password belong in their own keys.
fn read_url(value: &Value<'_, '_>) -> Option<String> {
    let text = value.text()?;
    let help = Some("such as \"mqtt://10.0.0.5:1883\" or \"mqtts://broker.example.org:8883\"".to_owned());
    let Some(authority) = text
        .strip_prefix("mqtt://")
        .or_else(|| text.strip_prefix("mqtts://"))
    else {
        value.error(format!("`{text}` is not the address of an MQTT broker"), help);
        return None;
    };
    if authority.contains('@') {
        value.error(
            "no password belongs in `url`",
            Some("use `username` and `password_file`".into()),
        );
        return None;
    }
    let port = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
        .map(|(_, port)| port);
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
    if authority.is_empty() || authority.contains('/') || !port_ok {
        value.error(format!("`{text}` is not the address of an MQTT broker"), help);
        return None;
    }
    Some(text.to_owned())
}

fn read_users(value: &Value<'_, '_>, base: &Path) -> Option<Vec<BrokerUser>> {
    let mut users: Vec<BrokerUser> = Vec::new();
    for table in value.tables("a broker user")? {
        let name = table.require("name").and_then(|v| v.text());
        let password_file = table.require("password_file").and_then(|v| read_file(&v, base));
        table.finish();
        let (Some(name), Some(password_file)) = (name, password_file) else {
            continue;
        };
        if users.iter().any(|user| user.name == name) {
            table.error(format!("the broker user `{name}` is there twice"), None);
        }
        users.push(BrokerUser {
            name: name.to_owned(),
            password_file,
        });
    }
    Some(users)
}

/// What is wrong with an embedded broker that asks nobody who they are.
pub(super) fn open_broker(address: SocketAddr) -> String {
    format!("the embedded broker would take messages from anybody on {address}")
}

pub(super) const OPEN_BROKER_HELP: &str =
    "add [[broker.user]] with name and password_file, or listen on 127.0.0.1";

/// What is to be known about pages and API that others can reach.
pub(super) fn open_pages(address: SocketAddr) -> String {
    format!("pages and API on {address} can be read by everybody who reaches it")
}

pub(super) const OPEN_PAGES_HELP: &str = "as long as there are no users (`vigil user add`); writing needs a sign-in or token; put a proxy with TLS in front";

/// Anybody on the network could otherwise feed the gateway false readings.
fn refuse_open_broker(
    root: &Table<'_, '_>,
    listen: Option<&Table<'_, '_>>,
    broker: Option<&Table<'_, '_>>,
    config: &Config,
) {
    let address = config.listen.mqtt;
    // Users with errors of their own are users all the same.
    let has_users = broker.is_some_and(|table| table.has("user"));
    if config.broker.mode == BrokerMode::Embedded && !address.ip().is_loopback() && !has_users {
        let place = listen.map_or_else(|| root.place(), |table| table.key_place("mqtt"));
        root.report(place.error(open_broker(address)).help(OPEN_BROKER_HELP));
    }
}

fn read_store(table: &Table<'_, '_>, store: &mut Store) {
    set(
        &mut store.data,
        table.get("data").and_then(|v| v.text()).map(PathBuf::from),
    );
    let url = table.get("url").and_then(|v| {
        let text = v.text()?;
        if text.strip_prefix("sqlite:").is_none_or(str::is_empty) {
            v.error(
                format!("`{text}` is not a database Vigil can use"),
                Some("such as \"sqlite:vigil.db\"".into()),
            );
        }
        Some(text.to_owned())
    });
    set(&mut store.url, url);
    set(
        &mut store.batch_ms,
        table
            .get("batch_ms")
            .and_then(|v| v.whole(1..=10_000))
            .map(i64::unsigned_abs),
    );
    let messages = table.get("batch_messages").and_then(|v| v.whole(1..=100_000));
    set(&mut store.batch_messages, messages.map(|n| n as usize));
    table.finish();
}

fn read_retention(table: &Table<'_, '_>, retention: &mut Retention) {
    let days = table.get("days").and_then(|v| v.whole(0..=36_500));
    set(&mut retention.days, days.map(|days| days as u32));
    let range = |key, low: f64, high: f64| {
        let value = table.get(key)?;
        let number = value.number()?;
        if !(low..=high).contains(&number) {
            value.error(format!("`{key}` must be between {low} and {high}"), None);
            return None;
        }
        Some(number)
    };
    set(&mut retention.max_gib, range("max_gib", 0.0, 1_000_000.0));
    set(&mut retention.watermark, range("watermark", 0.1, 1.0));
    table.finish();
}

fn read_core(table: &Table<'_, '_>, core: &mut Settings) {
    const DAY_MS: i64 = 86_400_000;
    let ms = |key| table.get(key).and_then(|v| v.whole(1..=DAY_MS));
    let count = |key| table.get(key).and_then(|v| v.whole(1..=1_000_000));
    set(&mut core.reorder_timeout_ms, ms("reorder_timeout_ms"));
    set(&mut core.rebirth_interval_ms, ms("rebirth_interval_ms"));
    set(
        &mut core.rebirth_attempts,
        count("rebirth_attempts").map(|n| n as u32),
    );
    set(&mut core.ack_interval_ms, ms("ack_interval_ms"));
    set(&mut core.ack_messages, count("ack_messages").map(|n| n as u32));
    set(&mut core.resend_interval_ms, ms("resend_interval_ms"));
    set(&mut core.clock_skew_ms, ms("clock_skew_ms"));
    set(
        &mut core.stale_intervals,
        count("stale_intervals").map(|n| n as u32),
    );
    set(&mut core.stale_min_ms, ms("stale_min_ms"));
    set(
        &mut core.reorder_capacity,
        count("reorder_capacity").map(|n| n as usize),
    );
    table.finish();
}

fn read_web(table: &Table<'_, '_>, web: &mut Web) {
    let timezone = table.get("timezone").and_then(|v| {
        let name = v.text()?;
        if jiff::tz::TimeZone::get(name).is_err() {
            let names: Vec<_> = jiff::tz::db()
                .available()
                .map(|known| known.to_string())
                .collect();
            v.error(
                format!("unknown time zone `{name}`"),
                suggestion(name, names.iter().map(String::as_str))
                    .or_else(|| Some("a name of the IANA list, such as Asia/Shanghai".into())),
            );
        }
        Some(name.to_owned())
    });
    set(&mut web.timezone, timezone);
    let languages = [("zh", Language::Zh), ("en", Language::En)];
    set(
        &mut web.language,
        table.get("language").and_then(|v| v.choice(&languages)),
    );
    set(
        &mut web.behind_proxy,
        table.get("behind_proxy").and_then(|v| v.bool()),
    );
    let public_url = table.get("public_url").and_then(|v| read_public_url(&v));
    web.public_url = public_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
    table.finish();
}
