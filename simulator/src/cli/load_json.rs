//! `vigil-sim load-json`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use vigil_simulator::load::{JsonLoadOptions, LoadStats, run_json};
use vigil_simulator::mqtt::Broker;

use super::{BrokerArgs, interrupted, print};

#[derive(Args)]
pub(super) struct LoadJsonArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Devices, each a boiler of eight values; fifty to a site, a topic for each site.
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Messages a second, all devices together.
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// MQTT connections that share the sites.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// QoS 1, with so many messages ahead of their acknowledgements on each connection; without it QoS 0.
    #[arg(long, default_value_t = 0)]
    window: usize,
    /// Seconds to wait at the end for acknowledgements.
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: LoadJsonArgs) -> anyhow::Result<ExitCode> {
    let mut broker = Broker::parse(&args.broker.broker)?;
    if let Some(user) = &args.broker.username {
        broker.credentials = Some((user.clone(), args.broker.password()?.unwrap_or_default()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let options = JsonLoadOptions {
            broker,
            devices: args.devices,
            rate: args.rate,
            duration: Duration::from_secs(args.seconds),
            connections: args.connections,
            window: args.window,
            settle: Duration::from_secs(args.settle),
            cancel: interrupted(),
        };
        run_json(options, Arc::new(LoadStats::default())).await
    })?;
    if args.json {
        print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    } else {
        print(&format!(
            "{} messages of {} devices over {} connections at QoS {}: {:.0} /s of {:.0} /s asked, {:.1} s; {} acknowledged\n",
            report.sent,
            report.devices,
            report.connections,
            report.qos,
            report.rate,
            report.asked_rate,
            report.seconds,
            report.acked
        ))?;
    }
    let settled = report.qos == 0 || report.acked == report.sent;
    Ok(if settled {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
