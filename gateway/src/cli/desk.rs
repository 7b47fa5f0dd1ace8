//! `vigil desk`: the shipped rules of the desk, to copy and change.

use super::{complain, print};
use clap::Args;
use std::process::ExitCode;
use vigil_core::desk::desk_files;

/// Arguments of `vigil desk`.
#[derive(Debug, Args)]
pub(super) struct DeskArgs {
    /// Name of a file, such as hazard-loop.toml: its text.
    name: Option<String>,
}

pub(super) fn main(args: &DeskArgs) -> ExitCode {
    match text(args.name.as_deref()) {
        Ok(text) => {
            print(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("vigil: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn text(name: Option<&str>) -> Result<String, String> {
    let Some(name) = name else {
        let lines = desk_files().map(|file| format!("{:27} {}（{}）\n", file.name, file.en, file.zh));
        let list: String = lines.collect();
        return Ok(
            list + "\nA file of one of these names in the folder `[desk] folder` of the configuration changes what it names."
        );
    };
    let asked = name.strip_suffix(".toml").unwrap_or(name);
    let found = desk_files().find(|file| file.name.strip_suffix(".toml") == Some(asked));
    found.map(|file| file.text.to_owned()).ok_or_else(|| {
        let known: Vec<&str> = desk_files().map(|file| file.name).collect();
        format!(
            "no shipped file is called `{name}`; there are {}",
            known.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn shipped_files_are_listed_and_printed_by_name() {
        let list = text(None).unwrap();
        assert!(
            list.contains("hazard-loop.toml") && list.contains("[desk] folder"),
            "{list}"
        );
        let file = text(Some("hazard-loop.toml")).unwrap();
        assert!(file.contains("[general]"));
        assert_eq!(text(Some("hazard-loop")), Ok(file));
        assert!(text(Some("nothing")).unwrap_err().contains("four-lists.toml"));
    }
}
