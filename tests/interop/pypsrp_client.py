"""A remote PowerShell client that nobody here wrote, pypsrp, against the simulator's wire: opens a runspace, lists devices,
edits a personal list in place and reads it back.

Checks what it can by itself, and prints one line of JSON for the rest.
"""

import argparse
import json
import pathlib
import xml.etree.ElementTree as ElementTree

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

# What a device of Exchange prints, of which every reader relies on these.
EXPECTED = {"DeviceId", "DeviceAccessState", "DeviceAccessStateReason", "DeviceType", "Guid", "DistinguishedName", "FirstSyncTime"}


class Exchange:
    def __init__(self, pool):
        self.pool = pool

    def run(self, cmdlet, **parameters):
        shell = PowerShell(self.pool)
        shell.add_cmdlet(cmdlet)
        for name, value in parameters.items():
            shell.add_parameter(name, value)
        output = shell.invoke()
        errors = [str(error) for error in shell.streams.error]
        return output, errors, [str(warning) for warning in shell.streams.warning]

    def well(self, cmdlet, **parameters):
        output, errors, _ = self.run(cmdlet, **parameters)
        assert not errors, (cmdlet, errors)
        return output


def entries(mailbox, name):
    """The texts of a list of Exchange's, which pypsrp hands out as it came."""
    rendered = mailbox.adapted_properties[name].property_sets
    return [node.text for each in rendered for node in ElementTree.fromstring(str(each)).iter() if node.tag == "S"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--password-file", type=pathlib.Path, required=True)
    parser.add_argument("--mailbox", required=True, help="a Guid")
    parser.add_argument("--device", required=True, help="a DeviceId to add to the mailbox's allowed list")
    arguments = parser.parse_args()

    wsman = WSMan(
        "localhost",
        port=arguments.port,
        path="PowerShell",
        username=arguments.account,
        password=arguments.password_file.read_text().rstrip("\n"),
        ssl=True,
        auth="basic",
        cert_validation=arguments.ca,
    )
    with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        exchange = Exchange(pool)
        exchange.well("Set-ADServerSettings", ViewEntireForest=True)

        devices = exchange.well("Get-MobileDevice", ResultSize="Unlimited")
        for device in devices:
            missing = EXPECTED - set(device.adapted_properties)
            assert not missing, missing
        some, _, warnings = exchange.run("Get-MobileDevice", ResultSize=2)
        assert len(some) == 2 and len(warnings) == 1, (len(some), warnings)

        lists = "ActiveSyncAllowedDeviceIDs", "ActiveSyncBlockedDeviceIDs"
        [before] = exchange.well("Get-CASMailbox", Identity=arguments.mailbox)
        edit = {"Add": [arguments.device]}
        assert exchange.well("Set-CASMailbox", Identity=arguments.mailbox, ActiveSyncAllowedDeviceIDs=edit) == []
        [after] = exchange.well("Get-CASMailbox", Identity=arguments.mailbox)
        allowed = entries(after, lists[0])
        assert arguments.device in allowed and arguments.device not in entries(before, lists[0]), allowed
        assert entries(after, lists[1]) == entries(before, lists[1])

        _, errors, _ = exchange.run("Set-CASMailbox", Identity="nobody@example.com", ActiveSyncAllowedDeviceIDs=edit)
        assert len(errors) == 1, errors

    result = {
        "devices": sorted(str(device.adapted_properties["DeviceId"]) for device in devices),
        "before": entries(before, lists[0]),
        "after": allowed,
        "refusal": errors[0],
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
