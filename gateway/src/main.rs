//! The `vigil` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigil_gateway::cli::main()
}
