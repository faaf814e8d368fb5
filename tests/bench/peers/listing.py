"""What a client that nobody here wrote pays for the same two listings: all mailboxes with a partnership, and all devices.

With `--reader pypsrp` it is pypsrp as it comes; with `--reader elementtree` it is the same client, but each object is read by
ElementTree into a dictionary of its properties, which is what a script pays that is written for speed.

Prints a line of JSON with the CPU microseconds per object of each slice of the devices, and waits for a line before it goes on, so
that somebody else can be measured in between. The last line says how many mailboxes and which devices there are, and the CPU seconds
of both listings without the start of the interpreter.
"""

import argparse
import json
import pathlib
import sys
import time
import xml.etree.ElementTree as ElementTree

from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan


def properties(clixml):
    """The properties of one object, an enumeration's member as its label."""
    found = {}
    for node in ElementTree.fromstring(clixml).find("Props"):
        label = node.find("ToString") if node.tag == "Obj" else None
        found[node.get("N")] = node.text if label is None else label.text
    return found


def read_with_elementtree(pool):
    """Objects of output come to the deserializer alone; everything else says what it is to become."""
    deserialize = pool._serializer.deserialize

    def read(data, metadata=None, **more):
        if metadata is None and not more and isinstance(data, str) and data.startswith("<Obj"):
            return properties(data)
        return deserialize(data, metadata, **more)

    pool._serializer.deserialize = read


def listing(pool, take, cmdlet, each_slice=None, **parameters):
    """Runs a cmdlet and takes its objects as they come; after every so many, somebody else has a turn."""
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet)
    for name, value in parameters.items():
        shell.add_parameter(name, value)
    taken, begun = [], (0, time.process_time())
    shell.begin_invoke()
    while shell.state == PSInvocationState.RUNNING:
        shell.poll_invoke()
        taken.extend(take(each) for each in shell.output)
        shell.output.clear()
        objects, now = len(taken) - begun[0], time.process_time()
        if each_slice and objects >= each_slice:
            print(json.dumps({"slice_us": 1e6 * (now - begun[1]) / objects}), flush=True)
            sys.stdin.readline()
            begun = len(taken), time.process_time()
    shell.end_invoke()
    assert shell.state == PSInvocationState.COMPLETED and not shell.streams.error, shell.streams.error
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reader", choices=["pypsrp", "elementtree"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--password-file", type=pathlib.Path, required=True)
    parser.add_argument("--slice", type=int, required=True, help="devices after which somebody else has a turn")
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
        max_envelope_size=512_000,
    )
    if arguments.reader == "pypsrp":
        def values(each):
            return each.adapted_properties
    else:
        def values(each):
            return each

    def device(each):
        found = values(each)
        return [str(found[name]) for name in ("Guid", "DeviceId", "DeviceAccessState")]

    def mailbox(each):
        return str(values(each)["Guid"])

    began = time.process_time()
    with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        if arguments.reader == "elementtree":
            read_with_elementtree(pool)
        listing(pool, str, "Set-ADServerSettings", ViewEntireForest=True)
        having = "HasActiveSyncDevicePartnership -eq $true"
        mailboxes = listing(pool, mailbox, "Get-CASMailbox", Filter=having, ResultSize="Unlimited")
        devices = listing(pool, device, "Get-MobileDevice", each_slice=arguments.slice, ResultSize="Unlimited")
        cpu = time.process_time() - began
    print(json.dumps({"mailboxes": len(mailboxes), "devices": devices, "cpu_s": cpu}), flush=True)


if __name__ == "__main__":
    main()
