//! Engines that others wrote, with the same ten rules. Each is given only what its rules ask for.

use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use cel::{Context, Program};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;

use exgate_domain::case::Case;

use super::Engine;
use super::asked::Asked;
use super::engines::{CEL, REGORUS};
use super::fleet::{blocked_models, policy_text};

const CEL_RULES: &str = r#"
"Mail users" in groups && !("Service desk" in groups)
&& (platform == "iOS" ? os >= 17004000000 : platform == "android" && os >= 13000000000)
&& encrypted && !jail_broken && passcode && threat <= 1
&& now - check_in < 14 * 86400 && now - sync < 60 * 86400 && !(model in models)
"#;

const ENTRY: &str = "data.exgate.allow";
const REGO_RULES: &str = r#"
package exgate
import rego.v1
default allow := false
models := {MODELS}
new_enough if { input.platform == "iOS"; input.os >= 17004000000 }
new_enough if { input.platform == "android"; input.os >= 13000000000 }
allow if {
    "Mail users" in input.groups
    not "Service desk" in input.groups
    new_enough
    input.encrypted
    not input.jail_broken
    input.passcode
    input.threat <= 1
    input.now - input.check_in < 14 * 86400
    input.now - input.sync < 60 * 86400
    not input.model in models
}
"#;

pub(super) fn engines() -> anyhow::Result<Vec<Box<dyn Engine>>> {
    Ok(vec![Box::new(Cel::new()?), Box::new(Regorus::new()?)])
}

struct Cel {
    program: Program,
    functions: Context<'static, 'static>,
}

impl Cel {
    fn new() -> anyhow::Result<Self> {
        let program = Program::compile(CEL_RULES.trim());
        let program = program.map_err(|errors| anyhow!("{errors:?}")).context(CEL)?;
        let mut functions = Context::default();
        // Made once, as the others make theirs.
        let models = blocked_models().map(cel::Value::from);
        functions.add_variable_from_value("models", cel::Value::List(Arc::new(models.collect())));
        Ok(Self { program, functions })
    }
}

impl Engine for Cel {
    fn name(&self) -> &'static str {
        CEL
    }

    fn allows(&mut self, case: &Case) -> anyhow::Result<bool> {
        let asked = Asked::of(case)?;
        let mut context = self.functions.new_inner_scope();
        let groups = asked.groups.iter().map(|group| cel::Value::from(group.as_str()));
        context.add_variable_from_value("groups", cel::Value::List(Arc::new(groups.collect())));
        context.add_variable_from_value("platform", asked.platform);
        context.add_variable_from_value("model", asked.model);
        for (name, number) in [
            ("os", asked.os),
            ("threat", asked.threat),
            ("check_in", asked.check_in),
            ("sync", asked.sync),
            ("now", asked.now),
        ] {
            context.add_variable_from_value(name, cel::Value::Int(number));
        }
        for (name, truth) in [
            ("encrypted", asked.encrypted),
            ("jail_broken", asked.jail_broken),
            ("passcode", asked.passcode),
        ] {
            context.add_variable_from_value(name, cel::Value::Bool(truth));
        }
        match self.program.execute(&context)? {
            cel::Value::Bool(allows) => Ok(allows),
            other => Err(anyhow!("cel answers {other:?}")),
        }
    }
}

struct Regorus {
    machine: RegoVM,
}

impl Regorus {
    fn new() -> anyhow::Result<Self> {
        let mut engine = regorus::Engine::new();
        engine.add_policy("exgate.rego".to_owned(), policy_text(REGO_RULES))?;
        let policy = engine.compile_with_entrypoint(&ENTRY.into())?;
        let program = Compiler::compile_from_policy(&policy, &[ENTRY]).context(REGORUS)?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        ensure!(machine.get_entry_point_count() == 1, "regorus: no single entry");
        Ok(Self { machine })
    }
}

impl Engine for Regorus {
    fn name(&self) -> &'static str {
        REGORUS
    }

    fn allows(&mut self, case: &Case) -> anyhow::Result<bool> {
        use regorus::Value;
        let asked = Asked::of(case)?;
        let groups: Vec<Value> = asked.groups.iter().map(|it| Value::from(it.as_str())).collect();
        let fields = [
            ("groups", Value::from(groups)),
            ("platform", Value::from(asked.platform)),
            ("model", Value::from(asked.model)),
            ("os", Value::from(asked.os)),
            ("threat", Value::from(asked.threat)),
            ("check_in", Value::from(asked.check_in)),
            ("sync", Value::from(asked.sync)),
            ("now", Value::from(asked.now)),
            ("encrypted", Value::from(asked.encrypted)),
            ("jail_broken", Value::from(asked.jail_broken)),
            ("passcode", Value::from(asked.passcode)),
        ];
        let input: std::collections::BTreeMap<_, _> =
            fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
        self.machine.set_input(Value::from(input));
        match self.machine.execute()? {
            Value::Bool(allows) => Ok(allows),
            other => Err(anyhow!("regorus answers {other:?}")),
        }
    }
}
