//! Owns the flags that every service understands, and nothing of what they mean.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, Command};

/// What a person or a unit file asked for.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) config: Option<PathBuf>,
    pub(crate) overrides: Vec<(String, String)>,
    pub(crate) check_config: bool,
    pub(crate) print_config: bool,
}

/// Reads the flags; help, the version and wrong usage come back as the error to print.
pub(crate) fn parse(
    name: &'static str,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Args, clap::Error> {
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Reads settings from this TOML file [env: EXGATE_CONFIG]"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .value_parser(pair)
                .help("Overrides one setting, such as --set log.level=debug"),
        )
        .arg(flag("check-config", "Checks the settings and exits"))
        .arg(flag("print-config", "Prints the settings in force, without secrets, and exits"))
        .after_help(
            "Settings come from built-in defaults, then the file, then environment variables \
             such as EXGATE__LOG__LEVEL, then --set.",
        );
    let mut matches = command.try_get_matches_from(args)?;
    Ok(Args {
        config: matches.remove_one("config"),
        overrides: matches.remove_many("set").map(Iterator::collect).unwrap_or_default(),
        check_config: matches.get_flag("check-config"),
        print_config: matches.get_flag("print-config"),
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected KEY=VALUE, such as log.level=debug".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        super::parse("exgate-test", args.iter().map(OsString::from))
    }

    #[test]
    fn flags_say_what_to_read_and_what_to_do() {
        let args = parse(&[
            "exgate-test",
            "--config",
            "a.toml",
            "--set",
            "log.level=debug",
            "--set=sync.name=a=b",
            "--check-config",
        ])
        .unwrap();
        assert_eq!(args.config.unwrap(), PathBuf::from("a.toml"));
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(args.overrides, [pair("log.level", "debug"), pair("sync.name", "a=b")]);
        assert!(args.check_config && !args.print_config);
    }

    #[test]
    fn wrong_usage_is_an_error_and_help_and_version_are_not() {
        for wrong in ["--sett=a=b", "--set=ab", "stray"] {
            assert!(parse(&["exgate-test", wrong]).unwrap_err().use_stderr(), "{wrong}");
        }
        for asked in ["--help", "--version"] {
            assert!(!parse(&["exgate-test", asked]).unwrap_err().use_stderr(), "{asked}");
        }
    }
}
