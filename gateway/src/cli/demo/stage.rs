//! Everything the story needs: data directory, catalog, gateway, broker.

use super::DemoArgs;
use crate::config::{Broker, BrokerMode, Config, Language};
use crate::run::{RunError, RunOptions, Running, start};
use anyhow::Context as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use vigil_core::desk::{DeskRules, OwnDeskFile};
use vigil_core::diagnostic::Diagnostic;
use vigil_simulator::run::Speed;
use vigil_simulator::scenario::Scenario;

/// A running gateway and what belongs to it.
pub(super) struct Stage {
    pub(super) running: Running,
    /// Where the nodes connect to.
    pub(super) broker: String,
    /// Where the data are.
    pub(super) data: PathBuf,
    pub(super) language: Language,
    /// Removed when the stage goes.
    _temporary: Option<TempDir>,
}

/// Sparkplug host and client of the demo; not those of a gateway that may share the broker.
const NAME: &str = "vigil-demo";
/// Nobody waits 30 days in front of a demo: its look-backs fall due minutes after strike-off, and not before.
const RULES: &str =
    "[rounds]\nlook_back_after = ['3 minutes', '6 minutes']\n[look_back_early]\nlasts = '0 minutes'\n";
/// How long a broker may take.
const CONNECT: Duration = Duration::from_secs(15);

impl Stage {
    /// Starts the gateway and waits for its session with the broker.
    pub(super) async fn set(
        scenario: &Scenario,
        speed: Speed,
        args: &DemoArgs,
        language: Language,
    ) -> anyhow::Result<Self> {
        let temporary = match args.data {
            Some(_) => None,
            None => Some(TempDir::with_prefix("vigil-demo-").context("making a temporary directory")?),
        };
        let data = match (&args.data, &temporary) {
            (Some(data), _) => std::path::absolute(data).unwrap_or_else(|_| data.clone()),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => PathBuf::from("vigil-demo"),
        };
        std::fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
        let config = configure(scenario, speed, args, &data, language)?;
        let told = |findings: Vec<Diagnostic>| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the site's files are wrong:\n{}", lines.join("\n"))
        };
        let (catalog, _) = config.load_catalog().map_err(told)?;
        let options = RunOptions {
            desk: rules().map_err(told)?,
            ..RunOptions::default()
        };
        let running = start(config, catalog, options).await?;
        if tokio::time::timeout(CONNECT, running.connected()).await.is_err() {
            let broker = args.broker.as_deref().unwrap_or("the embedded broker");
            drop(running.shutdown(Duration::from_secs(2)).await);
            anyhow::bail!("no connection to {broker} within {} s", CONNECT.as_secs());
        }
        let broker = match (&args.broker, running.mqtt_addr) {
            (Some(url), _) => url.clone(),
            (None, Some(address)) => format!("mqtt://{address}"),
            (None, None) => anyhow::bail!("the embedded broker has no address"),
        };
        Ok(Self {
            running,
            broker,
            data,
            language,
            _temporary: temporary,
        })
    }

    /// Stops the gateway in order; a temporary data directory goes with it.
    pub(super) async fn strike(self, deadline: Duration) -> Result<(), RunError> {
        self.running.shutdown(deadline).await
    }
}

/// The rules of the demo's desk.
pub(super) fn rules() -> Result<DeskRules, Vec<Diagnostic>> {
    DeskRules::over(&[OwnDeskFile {
        name: "hazard-loop.toml",
        path: "vigil demo",
        text: RULES,
    }])
}

fn configure(
    scenario: &Scenario,
    speed: Speed,
    args: &DemoArgs,
    data: &Path,
    language: Language,
) -> anyhow::Result<Config> {
    let site = data.join("site.toml");
    std::fs::write(&site, scenario.catalog_toml()).with_context(|| format!("writing {}", site.display()))?;
    let mut config = Config {
        catalog: vec![site],
        ..Config::default()
    };
    config.store.data = data.to_owned();
    config.web.language = language;
    config.listen.mqtt = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.listen.http = args.http.unwrap_or_else(|| page_address(args.once));
    if let Some(url) = &args.broker {
        config.broker = Broker {
            mode: BrokerMode::External,
            url: Some(url.clone()),
            ..config.broker
        };
    }
    config.broker.client_id = NAME.into();
    config.broker.host_id = NAME.into();
    if speed.is_faster() {
        // Simulated time begins in the past; the nodes' clocks are right all the same.
        let past_ms = scenario.duration_ms.saturating_add(60_000);
        config.core.clock_skew_ms = config.core.clock_skew_ms.max(past_ms);
        // Nobody wants to wait for the last acknowledgement.
        config.core.ack_interval_ms = 250;
    }
    Ok(config)
}

/// The usual port if it is free; any other for a run nobody looks at.
fn page_address(once: bool) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    if !once && TcpListener::bind(usual).is_ok() {
        usual
    } else {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::rules;
    use vigil_core::hazard::policy::{Length, Policy};

    #[test]
    fn the_demo_looks_back_after_minutes_and_keeps_every_other_deadline() {
        let rules = rules().unwrap();
        let after = &rules.hazards.rounds.look_back_after;
        assert_eq!(after[..], [Length::Minutes(3), Length::Minutes(6)]);
        assert_eq!(rules.hazards.major, Policy::builtin().major);
    }
}
