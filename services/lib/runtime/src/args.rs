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
    /// The values of the service's own flag, when it was given.
    pub(crate) action: Option<Vec<String>>,
}

/// The one flag that is a service's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) values: Option<&'static str>,
    pub(crate) help: &'static str,
    pub(crate) command: Option<OwnCommand>,
}

/// The same asked for by a word instead of a flag, with switches of its own.
#[derive(Clone, Copy, Debug)]
pub struct OwnCommand {
    /// The word, such as `doctor`.
    pub name: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// Switches without dashes, each with its help; the names of those that are given are the values.
    pub switches: &'static [(&'static str, &'static str)],
}

/// Reads the flags; help, the version and wrong usage come back as the error to print.
pub(crate) fn parse(
    name: &'static str,
    own: Option<Flag>,
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
                .global(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Reads settings from this TOML file [env: EXGATE_CONFIG]"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .global(true)
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
    let command = match own {
        Some(Flag { name, values: None, help, .. }) => command.arg(flag(name, help)),
        Some(Flag { name, values: Some(values), help, .. }) => {
            command.arg(Arg::new(name).long(name).value_name(values).num_args(1..).help(help))
        }
        None => command,
    };
    let word = own.and_then(|own| own.command);
    let command = match word {
        Some(OwnCommand { name, help, switches }) => {
            let switches = switches.iter().map(|(name, help)| flag(name, help));
            command.subcommand(Command::new(name).about(help).args(switches))
        }
        None => command,
    };
    let mut matches = command.try_get_matches_from(args)?;
    let action = own.and_then(|own| match own.values {
        Some(_) => matches.remove_many(own.name).map(Iterator::collect),
        None => matches.get_flag(own.name).then(Vec::new),
    });
    let asked = word.and_then(|word| {
        let given = matches.subcommand_matches(word.name)?;
        let switches = word.switches.iter().filter(|(name, _)| given.get_flag(name));
        Some(switches.map(|(name, _)| (*name).to_owned()).collect())
    });
    Ok(Args {
        action: asked.or(action),
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
        super::parse("exgate-test", None, args.iter().map(OsString::from))
    }

    #[test]
    fn a_service_may_have_a_flag_of_its_own() {
        let parse = |values, args: &[&str]| {
            let own = Flag { name: "check-policy", values, help: "Checks files", command: None };
            super::parse("exgate-test", Some(own), args.iter().map(OsString::from))
        };
        let given = parse(Some("PATH"), &["exgate-test", "--check-policy", "a", "b"]).unwrap();
        assert_eq!(given.action.unwrap(), ["a", "b"]);
        assert!(parse(Some("PATH"), &["exgate-test", "--check-policy"]).is_err());
        assert_eq!(parse(None, &["exgate-test", "--check-policy"]).unwrap().action, Some(vec![]));
        assert_eq!(parse(None, &["exgate-test"]).unwrap().action, None);
    }

    #[test]
    fn a_service_may_have_a_command_of_its_own() {
        let parse = |args: &[&str]| {
            let command = Some(OwnCommand {
                name: "doctor",
                help: "Checks",
                switches: &[("json", "As JSON"), ("brief", "Less")],
            });
            let own = Flag { name: "preflight", values: None, help: "Checks", command };
            super::parse("exgate-test", Some(own), args.iter().map(OsString::from))
        };
        assert_eq!(parse(&["exgate-test"]).unwrap().action, None);
        assert_eq!(parse(&["exgate-test", "--preflight"]).unwrap().action, Some(vec![]));
        assert_eq!(parse(&["exgate-test", "doctor"]).unwrap().action, Some(vec![]));
        let given = parse(&["exgate-test", "--set=a=b", "doctor", "--json", "--config", "x"]);
        let given = given.unwrap();
        assert_eq!(given.action.unwrap(), ["json"]);
        assert_eq!(given.config.unwrap(), PathBuf::from("x"));
        assert_eq!(given.overrides, [("a".to_owned(), "b".to_owned())]);
        assert!(parse(&["exgate-test", "doctr"]).is_err());
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
