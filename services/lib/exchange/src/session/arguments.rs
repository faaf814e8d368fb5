//! From a cmdlet's arguments to the typed values of a remote command. This is where the values
//! of [`crate::cmdlets`] meet PowerShell remoting, and the only place. Enumerations and `Unlimited`
//! travel as text, which the server's parameter binder converts; edits of lists as the hashtables of
//! `Set-CASMailbox`'s page.

use crate::clixml::Value;
use crate::cmdlets::{Argument, Cmdlet, Edit};
use crate::psrp::Command;

/// The remote command of a cmdlet: never a script, every argument typed.
pub(super) fn command<R>(cmdlet: &Cmdlet<R>) -> Command {
    cmdlet.parameters().iter().fold(Command::new(cmdlet.name()), |command, parameter| {
        command.with(parameter.name, value(&parameter.argument))
    })
}

fn value(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => text.as_str().into(),
        Argument::Number(number) => match i32::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => (*number).into(),
        },
        Argument::Boolean(value) => (*value).into(),
        Argument::Null => Value::Nil,
        Argument::List(texts) => list(texts),
        Argument::Edit(Edit { add, remove }) => {
            let sides = [("Add", add), ("Remove", remove)];
            let named = sides.into_iter().filter(|(_, texts)| !texts.is_empty());
            Value::hashtable(named.map(|(key, texts)| (key, list(texts))))
        }
    }
}

fn list(texts: &[String]) -> Value {
    Value::array(texts.iter().map(|text| text.as_str().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::{Identity, ListEdit, get_command, set_cas_mailbox};

    #[test]
    fn an_edit_travels_as_a_hashtable_of_lists() {
        let jane = Identity::new("jane").unwrap();
        let allow = ListEdit::allow("D1").unwrap();
        let command = command(&set_cas_mailbox(jane, allow, None));
        assert_eq!(command.name, "Set-CASMailbox");
        assert!(!command.is_script);
        let texts = |parameter: &str, key: &str| -> Vec<String> {
            let edit = command.parameter(parameter).unwrap();
            let side = edit.entry(key).map(Value::as_list).unwrap_or_default();
            side.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(texts("ActiveSyncAllowedDeviceIDs", "Add"), ["D1"]);
        assert_eq!(texts("ActiveSyncAllowedDeviceIDs", "Remove"), [""; 0]);
        assert_eq!(texts("ActiveSyncBlockedDeviceIDs", "Remove"), ["D1"]);
        assert_eq!(command.parameter("Confirm"), Some(&Value::Bool(false)));
        assert_eq!(command.parameter("Identity").unwrap().as_str(), Some("jane"));
    }

    #[test]
    fn a_list_travels_as_an_array() {
        let command = command(&get_command(["Get-CASMailbox"]));
        assert_eq!(command.parameter("Name"), Some(&Value::array(["Get-CASMailbox".into()])));
    }
}
