"""pypsrp, which nobody here wrote, runs a list of cmdlets in one runspace and prints what came back.

In: {"reach": {"host", "port", "ca", "account", "password", "auth"?, "ssl"?}, "cmdlets": [{"name", "parameters"}]}.
Out: for each cmdlet {"output": [{property: {"type", "value"}}], "errors": [..], "warnings": [..], "state"}.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree

from pypsrp.exceptions import WinRMError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan


def plain(value):
    """A value as JSON, with the name of its type: pypsrp's own, or the first one on the wire."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"type": {"NoneType": "null", "str": "string"}.get(type(value).__name__, type(value).__name__), "value": value}
    if isinstance(value, list):
        return {"type": "list", "value": [plain(each)["value"] for each in value]}
    if hasattr(value, "property_sets"):
        kind = (getattr(value, "types", None) or ["object"])[0]
        # pypsrp hands out what it does not know as text of XML, and what it does as values.
        texts = [each for each in value.property_sets if isinstance(each, str) and each.startswith("<")]
        nodes = [node for each in texts for node in ElementTree.fromstring(each).iter()]
        if any(node.tag == "LST" for node in nodes):
            return {"type": kind, "value": [node.text for node in nodes if node.tag == "S"]}
        return {"type": kind, "value": str(value)}
    return {"type": type(value).__name__, "value": str(value)}


def error_of(record):
    return {"message": str(record), "id": getattr(record, "fq_error", None), "category": getattr(record, "message", None)}


def run(pool, cmdlet):
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet["name"])
    for name, value in (cmdlet.get("parameters") or {}).items():
        shell.add_parameter(name, value)
    failure = None
    try:
        output = shell.invoke()
    except WinRMError as error:
        output, failure = [], str(error)
    rows = [
        {name: plain(value) for name, value in row.adapted_properties.items()} if hasattr(row, "adapted_properties") else plain(row)
        for row in output
    ]
    errors = [error_of(record) for record in shell.streams.error]
    if failure and not errors:
        errors.append({"message": failure, "id": None, "category": None})
    return {"output": rows, "errors": errors, "warnings": [str(each) for each in shell.streams.warning], "state": shell.state}


def main():
    asked = json.load(sys.stdin)
    reach = asked["reach"]
    wsman = WSMan(
        reach["host"],
        port=reach["port"],
        path="PowerShell",
        username=reach["account"],
        password=reach["password"],
        ssl=reach.get("ssl", True),
        auth=reach.get("auth", "basic"),
        cert_validation=reach["ca"],
    )
    with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        answers = [run(pool, cmdlet) for cmdlet in asked["cmdlets"]]
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
