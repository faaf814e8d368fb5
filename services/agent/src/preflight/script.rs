//! The script that gives an account its rights: the file that is shipped, headed by the line that runs
//! it for this account and this version. File and output cannot differ.

use exgate_exchange::cmdlets::{DeviceFamily, Product};

const SCRIPT: &str = include_str!("../../../../deploy/exchange/exchange-role.ps1");

/// The script for this version; where it is not known, for the oldest that shows these names.
pub(super) fn role(
    product: Option<Product>,
    family: Option<DeviceFamily>,
    account: &str,
) -> String {
    let version = match (product, family) {
        (Some(Product::Older | Product::Exchange2010), _) => "2010",
        (Some(Product::Exchange2013), _) => "2013",
        (Some(Product::Exchange2016), _) => "2016",
        (Some(Product::Exchange2019), _) => "2019",
        (Some(Product::SubscriptionEdition), _) => "SE",
        (None, Some(DeviceFamily::Mobile)) => "2013",
        (None, Some(DeviceFamily::ActiveSync) | None) => "2010",
    };
    // A quote in single quotes is doubled; a name of an account holds none, but a setting may.
    let account = account.replace('\'', "''");
    format!(
        "# Save this as exchange-role.ps1 and run it in the Exchange Management Shell:\n\
         #   .\\exchange-role.ps1 -Account '{account}' -ExchangeVersion {version}\n\n{SCRIPT}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_the_shipped_one_headed_by_the_line_that_runs_it() {
        for (product, version) in [
            (Product::Exchange2010, "2010"),
            (Product::Exchange2013, "2013"),
            (Product::SubscriptionEdition, "SE"),
        ] {
            let script = role(Some(product), None, r"CONTOSO\svc-exgate");
            assert!(script.ends_with(SCRIPT));
            let line = format!(r"-Account 'CONTOSO\svc-exgate' -ExchangeVersion {version}");
            assert!(script.lines().nth(1).unwrap().contains(&line), "{script}");
            assert!(SCRIPT.contains(&format!("'{version}'")), "the script takes it");
        }
    }

    #[test]
    fn it_names_every_cmdlet_of_every_task() {
        use exgate_exchange::cmdlets::{Families, Task};

        // What the script's loops make of verbs and nouns.
        let named = |cmdlet: &str| {
            let (verb, noun) = cmdlet.split_once('-').unwrap();
            let noun = noun.strip_suffix("Statistics").unwrap_or(noun);
            SCRIPT.contains(&format!("'{cmdlet}'"))
                || (SCRIPT.contains(&format!("'{noun}'"))
                    && SCRIPT.contains(&format!("\"{verb}-$")))
                || (SCRIPT.contains(&format!("$_-{noun}\""))
                    && SCRIPT.contains(&format!("'{verb}'")))
        };
        for family in [DeviceFamily::ActiveSync, DeviceFamily::Mobile] {
            for task in [Task::Read, Task::Write, Task::Wipe] {
                for required in Families::all(family).required(task) {
                    assert!(named(required.cmdlet), "{}", required.cmdlet);
                }
            }
        }
    }
}
