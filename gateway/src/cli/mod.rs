//! The command line.

mod arena;
pub mod check;
mod codes;
mod demo;
mod desk;
mod import;
mod modbus;
mod outbox;
mod replay;
mod run;
mod user;
mod verify;

use clap::{Parser, Subcommand};
use run::stop_signal;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Watches special equipment over MQTT and keeps the register of hazards.
#[derive(Debug, Parser)]
#[command(name = "vigil", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Run(run::RunArgs),
    /// Check configuration, catalog, rule packs and the desk's rules; everything that is wrong, at once.
    Check(CheckArgs),
    /// What controllers' fault codes mean.
    Codes(codes::CodesArgs),
    /// Run a database's message log through the core again and print the hazards, or how they would
    /// differ under other rules.
    Replay(replay::ReplayArgs),
    /// Read a register of equipment (XLSX or CSV): what is wrong with it and what it would change, or take it over.
    Import(import::ImportArgs),
    /// Who may come in: add, list, password, disable, enable, role.
    User(user::UserArgs),
    /// Check an evidence bundle, offline: what holds, and what does not.
    Verify(verify::VerifyArgs),
    /// What waits to be sent to InfluxDB and webhooks, and what was given up: list, retry, drop.
    Outbox(outbox::OutboxArgs),
    /// Look at Modbus devices on site: who is there, what their registers hold. Reads only.
    Modbus(modbus::ModbusArgs),
    /// The shipped rules of the desk: names, deadlines, levels; with a name, the file's text to copy and change.
    Desk(desk::DeskArgs),
    /// See it work: gateway, broker and a simulated site of six lifts and three boilers, and a
    /// two-minute story. Nothing to configure.
    Demo(demo::DemoArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Configuration file; without it `vigil.toml` if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Runs the program: 0 = done, 1 = failed, 2 = wrong arguments.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::main(args),
        Command::Check(args) => check_main(&args),
        Command::Codes(args) => codes::main(args),
        Command::Replay(args) => replay::main(&args),
        Command::Import(args) => import::main(&args),
        Command::User(args) => user::main(&args),
        Command::Verify(args) => verify::main(&args),
        Command::Outbox(args) => outbox::main(args),
        Command::Modbus(args) => modbus::main(&args),
        Command::Desk(args) => desk::main(&args),
        Command::Demo(args) => demo::main(&args),
    }
}

fn check_main(args: &CheckArgs) -> ExitCode {
    let report = check::check(args.config.as_deref());
    if args.json {
        print(&report.to_json().to_string());
    } else {
        print(&report.to_string());
    }
    ExitCode::from(report.exit_code())
}

/// A line on standard output; whoever closed the other end does not want it.
fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// A line on standard error.
fn complain(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Runs a command to its end and says what went wrong, a line each; `code` is what it exits with when nothing did.
fn ended<T>(
    command: impl Future<Output = Result<T, Vec<String>>>,
    code: impl FnOnce(T) -> ExitCode,
) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(command) {
        Ok(done) => code(done),
        Err(lines) => {
            for line in lines {
                complain(&line);
            }
            ExitCode::FAILURE
        }
    }
}

/// A runtime for the whole program.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("vigil")
        .build()
        .map_err(|error| {
            complain(&format!("cannot start the runtime: {error}"));
            ExitCode::FAILURE
        })
}
