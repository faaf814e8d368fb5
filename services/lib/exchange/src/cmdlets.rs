//! The cmdlets exgate speaks: typed arguments in, typed rows out, in Exchange's own words. Nothing
//! here knows how a cmdlet travels, so another transport than PowerShell remoting can carry the
//! same values; and nothing builds a cmdlet but the functions listed here, so no text from outside
//! ever becomes a command.

mod argument;
mod unlimited;
mod filter;
mod row;
mod versions;
mod availability;
mod requirements;
mod capabilities;
mod commands;
mod servers;
mod organization;
mod rules;
mod classes;
mod policies;
mod devices;
mod statistics;
mod wipes;
mod throttling;
mod mailboxes;
mod recipients;

use std::marker::PhantomData;

pub use argument::{Argument, DomainController, Edit, Identity, NameError, Parameter, ResultSize};
pub use availability::{has_cmdlet, has_parameter};
pub use capabilities::Capabilities;
pub use classes::{DeviceClassRow, get_device_class};
pub use commands::{CommandRow, get_command};
pub use devices::{Client, DeviceRow, DeviceSelection, get_device, get_mobile_device_of};
pub use filter::{Filter, Operand, Operator, Property, Text, TextError};
pub use mailboxes::{
    CasMailboxRow, EditEmpty, ListEdit, get_cas_mailbox, set_cas_mailbox,
    set_cas_mailbox_active_sync, set_cas_mailbox_policy,
};
pub use organization::{
    AccessLevel, Insert, InsertTooLong, OrganizationChange, OrganizationSettingsRow,
    OrganizationUnchanged, get_organization_settings, set_organization_settings,
};
pub use policies::{
    MailboxPolicyRow, PolicyChange, PolicyHead, PolicySettings, PolicyUnchanged,
    get_mailbox_policy, new_mailbox_policy, remove_mailbox_policy, set_mailbox_policy,
};
pub use recipients::{RecipientRow, get_recipient};
pub use requirements::{Families, Missing, Requirement, Task, asked_about, missing};
pub use row::{Nothing, Row};
pub use rules::{
    Characteristic, DeviceAccessRuleRow, QueryString, get_device_access_rule,
    new_device_access_rule, remove_device_access_rule, set_device_access_rule,
};
pub use servers::{ServerRow, get_exchange_server, set_ad_server_settings};
pub use statistics::{DeviceStatisticsRow, StatisticsSelection, get_device_statistics};
pub use throttling::{
    ThrottlingAssociationRow, ThrottlingPolicyRow, get_throttling_policy,
    get_throttling_policy_association,
};
pub use unlimited::{Bytes, Limit, Unlimited};
pub use versions::{
    DeviceFamily, PolicyCmdlets, Product, ServerVersion, VERSION_MIN, VersionError,
};
pub use wipes::{Wipe, cancel_clear_device, clear_device, remove_device};

/// One command: a cmdlet's name, its arguments, and what a row of its output is.
#[derive(Debug)]
pub struct Cmdlet<R> {
    name: &'static str,
    parameters: Vec<Parameter>,
    effect: Effect,
    row: PhantomData<fn() -> R>,
}

/// What a command does to the organization; decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing outside its own runspace changes: it may be said again.
    Read,
    /// Something changes: without an answer nobody knows whether it did, and it is read back before
    /// it is said again.
    Write,
}

/// Which objects a Get cmdlet returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every object.
    All,
    /// Those a filter holds for.
    Filtered(Filter),
    /// One object.
    One(Identity),
}

impl<R> Cmdlet<R> {
    fn read(name: &'static str) -> Self {
        Self { name, parameters: Vec::new(), effect: Effect::Read, row: PhantomData }
    }

    fn write(name: &'static str) -> Self {
        Self { effect: Effect::Write, ..Self::read(name) }
    }

    fn with(mut self, name: &'static str, argument: impl Into<Argument>) -> Self {
        self.parameters.push(Parameter { name, argument: argument.into() });
        self
    }

    fn with_some(self, name: &'static str, argument: Option<impl Into<Argument>>) -> Self {
        match argument {
            Some(argument) => self.with(name, argument),
            None => self,
        }
    }

    /// An edit that names nothing is not sent: it would be taken for an empty list.
    fn with_edit(self, name: &'static str, edit: Edit) -> Self {
        if edit.is_empty() { self } else { self.with(name, Argument::Edit(edit)) }
    }

    fn with_all(mut self, parameters: Vec<Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn select(self, selection: Selection) -> Self {
        match selection {
            Selection::All => self,
            Selection::Filtered(filter) => self.with("Filter", filter.to_string()),
            Selection::One(identity) => self.with("Identity", identity),
        }
    }

    /// The rehearsal of a command that changes something: Exchange checks it and changes nothing, so it
    /// may be said again. A command that only reads stays as it is.
    #[must_use]
    pub fn what_if(self) -> Self {
        match self.effect {
            Effect::Read => self,
            Effect::Write => Self { effect: Effect::Read, ..self }.with("WhatIf", true),
        }
    }

    /// The same command, each of its objects read as another row.
    pub fn read_as<S>(self) -> Cmdlet<S> {
        let Self { name, parameters, effect, .. } = self;
        Cmdlet { name, parameters, effect, row: PhantomData }
    }

    /// The cmdlet's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its arguments, in the order they travel.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// What it does to the organization.
    pub fn effect(&self) -> Effect {
        self.effect
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<String>> for Argument {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts)
    }
}

#[cfg(test)]
mod tests;
