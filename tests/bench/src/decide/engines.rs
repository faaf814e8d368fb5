//! The product's own evaluator, with the rules as typed fields and as expressions.

use anyhow::Context;

use exgate_domain::case::Case;
use exgate_domain::policy::Access;
use exgate_evaluator::bundles::{Bundle, PolicyFile};
use exgate_evaluator::verdict;

use super::Engine;
use super::asked::ByHand;
use super::fleet::{AS_EXPRESSIONS, policy_text};

pub(super) const CEL: &str = "cel, with its context";
pub(super) const BY_HAND: &str = "by hand, in Rust";
pub(super) const REGORUS: &str = "regorus, with its input";

/// The evaluator with a policy.
pub(super) struct Typed {
    name: &'static str,
    bundle: Bundle,
}

impl Typed {
    pub(super) fn new(policy: &str) -> anyhow::Result<Self> {
        Ok(Self { name: "ours: typed fields", bundle: bundle(policy)? })
    }
}

/// A policy, read and checked.
pub(crate) fn bundle(policy: &str) -> anyhow::Result<Bundle> {
    Bundle::read(&[PolicyFile {
        path: "policies.yaml".to_owned(),
        content: policy_text(policy).into_bytes(),
    }])
    .map_err(|mistakes| mistakes.into_iter().next().map(|first| first.to_string()))
    .map_err(|first| anyhow::anyhow!("{}", first.unwrap_or_default()))
    .context("the policy is refused")
}

impl Engine for Typed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn allows(&mut self, case: &Case) -> anyhow::Result<bool> {
        Ok(verdict::decide(&self.bundle, case).access == Access::Allow)
    }
}

/// All but the typed fields.
pub(super) fn others() -> anyhow::Result<Vec<Box<dyn Engine>>> {
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "nothing is added"))]
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(ByHand::new()),
        Box::new(Typed { name: "ours: rules: (Cedar)", bundle: bundle(AS_EXPRESSIONS)? }),
    ];
    #[cfg(feature = "peers")]
    engines.extend(super::peers::engines()?);
    Ok(engines)
}
