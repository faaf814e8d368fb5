"""Writes the requests of pypsrp 0.9.1 into this folder, without any server.

    python3 -m venv venv && venv/bin/pip install pypsrp==0.9.1
    venv/bin/python generate.py

Every id is fixed, so that a second run writes the same bytes.
"""

import itertools
import pathlib
import uuid

HERE = pathlib.Path(__file__).parent
COUNTER = itertools.count(1)
uuid.uuid4 = lambda: uuid.UUID(int=(0xA << 124) | next(COUNTER))

from pypsrp.powershell import PowerShell, RunspacePool  # noqa: E402
from pypsrp.shell import SignalCode  # noqa: E402
from pypsrp.wsman import SelectorSet, WSMan  # noqa: E402


class Sent(Exception):
    """The request was taken; no answer follows."""


def capture(wsman, name, call):
    def send(message, **_):
        (HERE / name).write_bytes(message + b"\n")
        raise Sent()

    wsman.transport.send = send
    try:
        call()
    except Sent:
        return
    raise AssertionError(f"{name} sent nothing")


def main():
    wsman = WSMan("ex01.contoso.com", path="PowerShell", port=443, username="u", password="p", auth="basic")
    pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
    capture(wsman, "create.xml", pool.open)

    shell = pool.shell
    selectors = SelectorSet()
    selectors.add_option("ShellId", "1B0F4A1E-0000-4000-8000-000000000001")
    shell._selector_set, shell.opened = selectors, True
    pool.state, pool.protocol_version = 2, "2.3"

    capture(wsman, "receive-shell.xml", lambda: shell.receive("stdout"))
    powershell = PowerShell(pool)
    powershell.add_cmdlet("Get-MobileDevice").add_parameter("ResultSize", "Unlimited")
    capture(wsman, "command.xml", powershell.begin_invoke)
    command = str(powershell.id).upper()
    capture(wsman, "receive-command.xml", lambda: shell.receive("stdout", command_id=command))
    capture(wsman, "send.xml", lambda: shell.send("stdin", b"\x00\x01\x02", command_id=command))
    capture(wsman, "signal-stop.xml", lambda: shell.signal(SignalCode.PS_CTRL_C, command))
    capture(wsman, "signal-terminate.xml", lambda: shell.signal(SignalCode.TERMINATE, command))
    capture(wsman, "delete.xml", shell.close)


main()
