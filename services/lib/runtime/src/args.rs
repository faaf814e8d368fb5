//! Owns the flags that every service understands, and nothing of what they mean.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What clap calls the values of a word.
const VALUES: &str = "values";

/// What a person or a unit file asked for.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) config: Option<PathBuf>,
    pub(crate) overrides: Vec<(String, String)>,
    pub(crate) check_config: bool,
    pub(crate) print_config: bool,
    /// What was asked for by the service's own flag or one of its words.
    pub(crate) action: Option<Asked>,
}

/// What was asked of a service's own action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The word; none when it was the flag.
    pub command: Option<&'static str>,
    /// The switches that are given, without dashes.
    pub switches: Vec<&'static str>,
    /// The options that are given, without dashes, each with its value.
    pub options: Vec<(&'static str, String)>,
    /// The values.
    pub values: Vec<String>,
}

impl Asked {
    /// Whether a switch is given.
    pub fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }

    /// The value of an option, if it is given.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| *option == name).map(|(_, value)| value.as_str())
    }
}

/// The one flag that is a service's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) values: Option<&'static str>,
    pub(crate) help: &'static str,
    pub(crate) commands: &'static [OwnCommand],
}

/// The same, or something close to it, asked for by a word instead of a flag.
#[derive(Clone, Copy, Debug)]
pub struct OwnCommand {
    /// The word, such as `doctor`.
    pub name: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// Switches without dashes, each with its help.
    pub switches: &'static [(&'static str, &'static str)],
    /// Options without dashes, each with the name of its value and its help.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// What its values are called in the help, when it takes any; then at least one is needed.
    pub values: Option<&'static str>,
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
    let words = own.map(|own| own.commands).unwrap_or_default();
    let command = words.iter().fold(command, |command, word| command.subcommand(subcommand(word)));
    let mut matches = command.try_get_matches_from(args)?;
    let by_flag = own.and_then(|own| match own.values {
        Some(_) => matches.remove_many(own.name).map(Iterator::collect),
        None => matches.get_flag(own.name).then(Vec::new),
    });
    let by_flag = by_flag.map(|values| Asked { values, ..Asked::default() });
    let by_word =
        words.iter().find_map(|word| Some(asked(word, matches.subcommand_matches(word.name)?)));
    Ok(Args {
        action: by_word.or(by_flag),
        config: matches.remove_one("config"),
        overrides: matches.remove_many("set").map(Iterator::collect).unwrap_or_default(),
        check_config: matches.get_flag("check-config"),
        print_config: matches.get_flag("print-config"),
    })
}

fn subcommand(word: &OwnCommand) -> Command {
    let OwnCommand { name, help, switches, options, values } = *word;
    let switch = |(name, help): &(&'static str, &'static str)| {
        Arg::new(*name).long(*name).action(ArgAction::SetTrue).help(*help)
    };
    let option = |(name, value, help): &(&'static str, &'static str, &'static str)| {
        Arg::new(*name).long(*name).value_name(*value).help(*help)
    };
    let command = Command::new(name).about(help);
    let command = command.args(switches.iter().map(switch)).args(options.iter().map(option));
    match values {
        Some(values) => {
            command.arg(Arg::new(VALUES).value_name(values).num_args(1..).required(true))
        }
        None => command,
    }
}

fn asked(word: &OwnCommand, given: &ArgMatches) -> Asked {
    let switches = word.switches.iter().map(|(name, _)| *name);
    let options = word
        .options
        .iter()
        .filter_map(|(name, ..)| Some((*name, given.get_one::<String>(name)?.clone())));
    let values = word.values.and_then(|_| given.get_many::<String>(VALUES));
    Asked {
        command: Some(word.name),
        switches: switches.filter(|name| given.get_flag(name)).collect(),
        options: options.collect(),
        values: values.into_iter().flatten().cloned().collect(),
    }
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
            let own = Flag { name: "check-policy", values, help: "Checks files", commands: &[] };
            super::parse("exgate-test", Some(own), args.iter().map(OsString::from))
        };
        let given = parse(Some("PATH"), &["exgate-test", "--check-policy", "a", "b"]).unwrap();
        assert_eq!(given.action.unwrap().values, ["a", "b"]);
        assert!(parse(Some("PATH"), &["exgate-test", "--check-policy"]).is_err());
        let given = parse(None, &["exgate-test", "--check-policy"]).unwrap();
        assert_eq!(given.action, Some(Asked::default()));
        assert_eq!(parse(None, &["exgate-test"]).unwrap().action, None);
    }

    #[test]
    fn a_service_may_have_commands_of_its_own() {
        const WORDS: &[OwnCommand] = &[
            OwnCommand {
                name: "doctor",
                help: "Checks",
                switches: &[("json", "As JSON"), ("brief", "Less")],
                options: &[],
                values: None,
            },
            OwnCommand {
                name: "show",
                help: "Shows",
                switches: &[],
                options: &[("organization", "ORG", "Only this one")],
                values: Some("PATH"),
            },
        ];
        let parse = |args: &[&str]| {
            let own = Flag { name: "preflight", values: None, help: "Checks", commands: WORDS };
            super::parse("exgate-test", Some(own), args.iter().map(OsString::from))
        };
        assert_eq!(parse(&["exgate-test"]).unwrap().action, None);
        let asked = |args: &[&str]| parse(args).unwrap().action.unwrap();
        assert_eq!(asked(&["exgate-test", "--preflight"]), Asked::default());
        assert_eq!(asked(&["exgate-test", "doctor"]).command, Some("doctor"));
        let given = parse(&["exgate-test", "--set=a=b", "doctor", "--json", "--config", "x"]);
        let given = given.unwrap();
        assert_eq!(given.config.unwrap(), PathBuf::from("x"));
        assert_eq!(given.overrides, [("a".to_owned(), "b".to_owned())]);
        let doctor = given.action.unwrap();
        assert!(doctor.has("json") && !doctor.has("brief") && doctor.values.is_empty());
        let show = asked(&["exgate-test", "show", "a", "--organization", "contoso", "b"]);
        assert_eq!((show.option("organization"), show.values.len()), (Some("contoso"), 2));
        for wrong in [&["doctr"][..], &["show"], &["show", "a", "--json"], &["doctor", "a"]] {
            let args: Vec<_> = std::iter::once(&"exgate-test").chain(wrong).copied().collect();
            assert!(parse(&args).is_err(), "{wrong:?}");
        }
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
