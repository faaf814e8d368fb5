//! Which limits Exchange puts on the account, where its roles show them. They are learnt by meeting
//! them too; this is the friendlier way.

use exgate_domain::check::Step;
use exgate_exchange::cmdlets::{
    Capabilities as Visible, Identity, Product, ThrottlingPolicyRow, Unlimited,
    get_throttling_policy, get_throttling_policy_association,
};
use exgate_exchange::error::CmdletError;
use exgate_exchange::session::Session;

const NAME: &str = "throttling";

/// Which policy the account is under.
pub(super) async fn step(
    session: &Session,
    visible: &Visible,
    account: &str,
    product: Option<Product>,
) -> Step {
    let cmdlets = ["Get-ThrottlingPolicyAssociation", "Get-ThrottlingPolicy"];
    let identity = Identity::new(account);
    let (true, Ok(identity)) = (cmdlets.iter().all(|name| visible.can(name)), identity) else {
        return Step::passed(NAME, "not shown to this account; limits are learnt as they are met");
    };
    match read(session, identity).await {
        Ok((true, policy)) => {
            Step::passed(NAME, format!("a policy of its own: {}", limits(policy.as_ref())))
        }
        Ok((false, policy)) => {
            let finding = format!("Exchange's default policy: {}", limits(policy.as_ref()));
            Step::warned(NAME, finding, cure(account, product))
        }
        Err(error) => {
            let finding = format!("could not be read: {}", exgate_runtime::report(&error));
            Step::warned(NAME, finding, "see the finding; limits are learnt as they are met")
        }
    }
}

/// Whether the account has a policy of its own, and the one in force.
async fn read(
    session: &Session,
    account: Identity,
) -> Result<(bool, Option<ThrottlingPolicyRow>), CmdletError> {
    let association = session.run(get_throttling_policy_association(account)).await?;
    let own = association.collect().await?.into_iter().find_map(|row| row.throttling_policy);
    let own = own.and_then(|name| Identity::new(name).ok());
    let has_own = own.is_some();
    let rows = session.run(get_throttling_policy(own)).await?.collect().await?;
    let is_default = |row: &ThrottlingPolicyRow| {
        row.is_default == Some(true) || row.scope.as_deref() == Some("Global")
    };
    Ok((has_own, rows.into_iter().find(|row| has_own || is_default(row))))
}

fn limits(policy: Option<&ThrottlingPolicyRow>) -> String {
    let Some(policy) = policy else { return "its limits are not shown".to_owned() };
    let sessions = match policy.power_shell_max_concurrency {
        Some(Unlimited::Limited(count)) => format!("{count} sessions at once"),
        Some(Unlimited::Unlimited) => "any number of sessions".to_owned(),
        None => "18 sessions at once unless changed".to_owned(),
    };
    let cmdlets = match (policy.power_shell_max_cmdlets, policy.power_shell_max_cmdlets_period) {
        (Some(Unlimited::Limited(count)), Some(Unlimited::Limited(seconds))) => {
            format!("{count} cmdlets in {seconds} s")
        }
        _ => "no limit of cmdlets".to_owned(),
    };
    format!("{sessions}, {cmdlets}")
}

fn cure(account: &str, product: Option<Product>) -> String {
    let scope = match product {
        Some(Product::Older | Product::Exchange2010) | None => "",
        Some(
            Product::Exchange2013
            | Product::Exchange2016
            | Product::Exchange2019
            | Product::SubscriptionEdition,
        ) => " -ThrottlingPolicyScope Regular",
    };
    format!(
        "fine for small organizations; for large ones: New-ThrottlingPolicy exgate{scope} \
         -PowerShellMaxConcurrency 30, then Set-ThrottlingPolicyAssociation '{account}' \
         -ThrottlingPolicy exgate"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_said_in_words() {
        let policy = ThrottlingPolicyRow {
            power_shell_max_concurrency: Some(Unlimited::Limited(18)),
            power_shell_max_cmdlets: Some(Unlimited::Limited(200)),
            power_shell_max_cmdlets_period: Some(Unlimited::Limited(5)),
            ..ThrottlingPolicyRow::default()
        };
        assert_eq!(limits(Some(&policy)), "18 sessions at once, 200 cmdlets in 5 s");
        assert!(cure("a", Some(Product::Exchange2019)).contains("-ThrottlingPolicyScope"));
        assert!(!cure("a", Some(Product::Exchange2010)).contains("-ThrottlingPolicyScope"));
    }
}
