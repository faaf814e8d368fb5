//! The shortest whole conversation: pypsrp signs in, lists, edits and reads back.

use std::time::Duration;

use serde_json::json;

use crate::rig::{Peers, Rig, settings};

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_lists_and_edits() {
    let Some(peers) = Peers::find("pypsrp_lists_and_edits") else { return };
    let rig = Rig::start(settings()).await;
    for (organization, cmdlet) in
        [("contoso", "Get-MobileDevice"), ("fabrikam", "Get-ActiveSyncDevice")]
    {
        let mailbox = rig.control().mailboxes(organization).unwrap().swap_remove(0);
        let identity = mailbox.guid.to_string();
        let input = json!({
            "reach": rig.reach(organization),
            "cmdlets": [
                { "name": cmdlet, "parameters": { "ResultSize": "Unlimited" } },
                { "name": "Set-CASMailbox", "parameters": {
                    "Identity": identity, "ActiveSyncAllowedDeviceIDs": { "Add": ["ABC123"] } } },
                { "name": "Get-CASMailbox", "parameters": { "Identity": identity } },
                { "name": "Get-CASMailbox", "parameters": { "Identity": "nobody@example.com" } },
            ],
        });
        let said = peers.run("cmdlets.py", &input, Duration::from_secs(60)).await;
        let said = said.as_array().expect("an answer for each cmdlet");
        assert_eq!(said[0]["output"].as_array().map(Vec::len), Some(60), "{organization}");
        assert_eq!(said[0]["output"][0]["DeviceId"]["type"], "string");
        assert_eq!(said[1]["errors"], json!([]));
        let listed = &said[2]["output"][0]["ActiveSyncAllowedDeviceIDs"]["value"];
        assert!(listed.as_array().is_some_and(|ids| ids.contains(&json!("ABC123"))), "{listed}");
        assert_eq!(said[3]["errors"].as_array().map(Vec::len), Some(1));
    }
    rig.stop().await;
}
