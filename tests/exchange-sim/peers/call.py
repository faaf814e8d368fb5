#!/usr/bin/env python3
"""Calls one cmdlet of a running simulator with pypsrp, and says in a line what came of it.

    call.py [--state DIR] [--organization NAME] [--server EX02] CMDLET [PARAMETER=VALUE | PARAMETER=+VALUE]...

`PARAMETER=+VALUE` adds to a list, as @{Add="VALUE"} does. Ends with 0 when the cmdlet did what it was asked, with 1
when it was refused, and with 2 when there was no answer: nobody knows then whether it took effect.
"""

import argparse
import json
import os
import pathlib
import sys

import requests
from pypsrp.exceptions import WinRMError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

REFUSED, NO_ANSWER = 1, 2


def value_of(text):
    """A value as it is sent."""
    if text.startswith("+"):
        return {"Add": text[1:]}
    return {"true": True, "false": False}.get(text.lower(), int(text) if text.isdecimal() else text)


def reach(arguments):
    """Where the server answers, and the account that may sign in."""
    endpoints = json.loads((arguments.state / "endpoints.json").read_text())
    found = [each for each in endpoints["organizations"] if arguments.organization in (None, each["name"])]
    ports = {server["name"]: server["port"] for server in found[0]["servers"]}
    return ports.get(arguments.server, found[0]["port"]), found[0]["account"]


def call(arguments):
    """Runs the cmdlet in a runspace of its own; gives the exit status and what to say."""
    port, account = reach(arguments)
    wsman = WSMan(
        "localhost",
        port=port,
        path="PowerShell",
        username=account,
        password=(arguments.state / "password").read_text().rstrip("\n"),
        auth="basic",
        cert_validation=str(arguments.state / "ca.pem"),
        reconnection_retries=0,
    )
    pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
    try:
        pool.open()
        shell = PowerShell(pool)
        shell.add_cmdlet(arguments.cmdlet)
        for parameter in arguments.parameters:
            name, _, value = parameter.partition("=")
            shell.add_parameter(name, value_of(value))
        output = shell.invoke()
    except WinRMError as error:
        return REFUSED, f"refused: {error}"
    except requests.exceptions.RequestException as error:
        return NO_ANSWER, f"no answer: {type(error).__name__}"
    pool.close()
    if shell.streams.error:
        return REFUSED, f"refused: {shell.streams.error[0]}"
    return 0, f"done: {len(output)} objects"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("EXCHANGE_SIM_STATE")
    parser.add_argument("--state", type=pathlib.Path, default=default, required=default is None)
    parser.add_argument("--organization")
    parser.add_argument("--server")
    parser.add_argument("cmdlet")
    parser.add_argument("parameters", nargs="*")
    arguments = parser.parse_args()
    arguments.state = pathlib.Path(arguments.state)
    status, said = call(arguments)
    print(said)
    sys.exit(status)


if __name__ == "__main__":
    main()
