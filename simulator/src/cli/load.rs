//! `vigil-sim load`

use std::process::ExitCode;

use clap::Args;

use super::BrokerArgs;

#[derive(Args)]
pub(super) struct LoadArgs {
    #[command(flatten)]
    broker: BrokerArgs,
}

pub(super) fn execute(args: LoadArgs) -> anyhow::Result<ExitCode> {
    let _ = args.broker;
    anyhow::bail!("not yet")
}
