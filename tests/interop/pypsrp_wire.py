"""pypsrp against the simulator's wire, one case at a time: prints one line of JSON with what it saw, and judges little itself.

listing     every device, with envelopes of --envelope bytes
argument    adds --count device ids to a mailbox at once and reads them back
records     a warning, an error record, an error that ends the pipeline
stop        stops a cmdlet that takes its time, and goes on with the pool
pool        several cmdlets at once in a pool of four runspaces
timeouts    a cmdlet that takes longer than many Receives
cut         every device; the connection is cut on the way
"""

import argparse
import json
import pathlib
import time
import xml.etree.ElementTree as ElementTree

from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

CONFIGURATION = "Microsoft.Exchange"


class Counting(WSMan):
    """Counts what is asked, and how large the largest request was."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.asked, self.largest = {}, 0
        send, self.transport.send = self.transport.send, self.counted
        self._send = send

    def counted(self, message, **options):
        action = ElementTree.fromstring(message).find(".//{http://schemas.xmlsoap.org/ws/2004/08/addressing}Action").text
        name = action.rsplit("/", 1)[-1]
        self.asked[name] = self.asked.get(name, 0) + 1
        self.largest = max(self.largest, len(message))
        return self._send(message, **options)


def shell(pool, cmdlet, **parameters):
    made = PowerShell(pool)
    made.add_cmdlet(cmdlet)
    for name, value in parameters.items():
        made.add_parameter(name, value)
    return made


def described(device):
    names = ("DeviceId", "Guid", "Identity", "FriendlyName", "DeviceAccessState", "WhenChangedUTC")
    return {name: str(device.adapted_properties.get(name)) for name in names}


def listing(pool, arguments):
    run = shell(pool, "Get-MobileDevice", ResultSize="Unlimited")
    return {"devices": [described(device) for device in run.invoke()], "errors": len(run.streams.error)}


def entries(mailbox, name):
    rendered = mailbox.adapted_properties[name].property_sets
    return [node.text for each in rendered for node in ElementTree.fromstring(str(each)).iter() if node.tag == "S"]


def argument(pool, arguments):
    ids = [f"PYPSRP{number:026}" for number in range(arguments.count)]
    edit = {"Add": ids}
    run = shell(pool, "Set-CASMailbox", Identity=arguments.mailbox, ActiveSyncAllowedDeviceIDs=edit)
    run.invoke()
    errors = [str(error) for error in run.streams.error]
    [mailbox] = shell(pool, "Get-CASMailbox", Identity=arguments.mailbox).invoke()
    held = entries(mailbox, "ActiveSyncAllowedDeviceIDs")
    return {"errors": errors, "missing": len(set(ids) - set(held)), "held": len(held)}


def records(pool, arguments):
    some = shell(pool, "Get-MobileDevice", ResultSize=2)
    rows = some.invoke()
    unknown = shell(pool, "Get-MobileDevice", Identity="nobody\u00a7\U0001f4f1_x0041_")
    unknown.invoke()
    ended = shell(pool, "Get-Nothing")
    ended.invoke()
    return {
        "rows": len(rows),
        "warnings": [str(each) for each in some.streams.warning],
        "errors": [[str(each), str(each.category), str(each.reason), str(each.fq_error)] for each in unknown.streams.error],
        "failure": [ended.state == PSInvocationState.FAILED, *map(str, ended.streams.error)],
    }


def stop(pool, arguments):
    run = shell(pool, "Get-MobileDevice")
    run.begin_invoke()
    begun = time.monotonic()
    run.stop()
    seconds = time.monotonic() - begun
    after = shell(pool, "Get-ExchangeServer").invoke()
    return {"state": run.state == PSInvocationState.STOPPED, "seconds": seconds, "after": len(after)}


def pool_of_four(pool, arguments):
    free = pool.get_available_runspaces()
    runs = [shell(pool, "Get-MobileDevice", ResultSize=5) for _ in range(4)]
    for run in runs:
        run.begin_invoke()
    busy = pool.get_available_runspaces()
    output = [len(run.end_invoke()) for run in runs]
    return {"free": free, "busy": busy, "output": output}


def timeouts(pool, arguments):
    begun = time.monotonic()
    rows = shell(pool, "Get-MobileDevice", ResultSize="Unlimited").invoke()
    return {"rows": len(rows), "seconds": time.monotonic() - begun}


def cut(pool, arguments):
    run = shell(pool, "Get-MobileDevice", ResultSize="Unlimited")
    run.begin_invoke()
    try:
        while run.state == PSInvocationState.RUNNING:
            run.poll_invoke()
        failure = None
    except Exception as error:
        failure = type(error).__name__
    return {"failure": failure, "devices": [str(device.adapted_properties["DeviceId"]) for device in run.output]}


CASES = {
    "listing": listing,
    "argument": argument,
    "records": records,
    "stop": stop,
    "pool": pool_of_four,
    "timeouts": timeouts,
    "cut": cut,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--password-file", type=pathlib.Path, required=True)
    parser.add_argument("--envelope", type=int, default=153600, help="bytes")
    parser.add_argument("--operation-timeout", type=int, default=20, help="seconds a Receive is held open, at most")
    parser.add_argument("--runspaces", type=int, default=1)
    parser.add_argument("--mailbox", help="a Guid")
    parser.add_argument("--count", type=int, default=0)
    arguments = parser.parse_args()
    wsman = Counting(
        "localhost",
        port=arguments.port,
        path="PowerShell",
        username=arguments.account,
        password=arguments.password_file.read_text().rstrip("\n"),
        ssl=True,
        auth="basic",
        cert_validation=arguments.ca,
        max_envelope_size=arguments.envelope,
        operation_timeout=arguments.operation_timeout,
    )
    pool = RunspacePool(wsman, configuration_name=CONFIGURATION, max_runspaces=arguments.runspaces)
    pool.open()
    result = CASES[arguments.case](pool, arguments)
    result.update(asked=wsman.asked, largest=wsman.largest)
    print(json.dumps(result), flush=True)
    if arguments.case != "cut":
        pool.close()


if __name__ == "__main__":
    main()
