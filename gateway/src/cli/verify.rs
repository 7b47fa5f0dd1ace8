//! `vigil verify`: an evidence bundle, offline.

use super::{complain, print};
use crate::evidence::{PublicKey, verify};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `vigil verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The bundle.
    file: PathBuf,
    /// Public key of the gateway it must be of: 64 hex digits, or a file that holds them.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Language of the answer.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lang {
    Zh,
    En,
}

/// 0 = it holds, 1 = it does not, 2 = it is no bundle.
pub(super) fn main(args: &VerifyArgs) -> ExitCode {
    let refuse = |error: &dyn std::fmt::Display| {
        complain(&format!("vigil: {}: {error}", args.file.display()));
        ExitCode::from(2)
    };
    let key = match args.key.as_deref().map(PublicKey::read).transpose() {
        Ok(key) => key,
        Err(error) => {
            complain(&format!("vigil: {error}"));
            return ExitCode::from(2);
        }
    };
    let bytes = match std::fs::read(&args.file) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(&error),
    };
    match verify(&bytes, key.as_ref()) {
        Ok(verdict) => {
            if args.json {
                print(&serde_json::json!(verdict).to_string());
            } else {
                print(&verdict.in_words(args.lang == Lang::Zh));
            }
            ExitCode::from(u8::from(!verdict.holds))
        }
        Err(error) => refuse(&error),
    }
}
