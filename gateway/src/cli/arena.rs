//! How the C library keeps the memory of many threads.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

const SETTING: &str = "MALLOC_ARENA_MAX";

/// glibc gives each thread an arena of its own, and what one thread frees the others cannot use: with 20,000 pieces of
/// equipment that is a tenth of the gateway's memory. The setting is read once, when a program starts, so it starts itself
/// again with it, as the same process. Whoever has chosen a number is obeyed; where it cannot be, memory is used as it comes.
pub(super) fn share_one() {
    if !cfg!(target_env = "gnu") || std::env::var_os(SETTING).is_some() {
        return;
    }
    let (Ok(program), Some(name)) = (std::env::current_exe(), std::env::args_os().next()) else {
        return;
    };
    // Comes back only if it failed.
    let _failed = Command::new(program)
        .arg0(name)
        .args(std::env::args_os().skip(1))
        .env(SETTING, "1")
        .exec();
}
