"""pypsrp runs lists of cmdlets, each list in one runspace, and says of every object which type it is and
which properties of which types it has: as names of .NET, read off the CLIXML that pypsrp keeps.

In: {"sessions": [{"reach": {"host", "port", "ca", "account", "password"}, "cmdlets": [{"name", "parameters"}]}]}.
Out: for each session, for each cmdlet {"objects": [{"text", "type", "properties": {name: type}, "extended": {name: type},
"keys": {name: [the keys of a dictionary]}}], "errors": [{"message", "id"}], "warnings": [..], "state"}. The type of a null
is "null".
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

from pypsrp.exceptions import WinRMError
from pypsrp.powershell import PowerShell, PSInvocationState, RunspacePool
from pypsrp.wsman import WSMan

# [MS-PSRP] 2.2.5.1, the elements of values that are no objects.
PRIMITIVES = {
    "S": "String", "C": "Char", "B": "Boolean", "DT": "DateTime", "TS": "TimeSpan", "By": "Byte", "SB": "SByte",
    "U16": "UInt16", "I16": "Int16", "U32": "UInt32", "I32": "Int32", "U64": "UInt64", "I64": "Int64", "Sg": "Single",
    "Db": "Double", "D": "Decimal", "BA": "Byte[]", "G": "Guid", "URI": "Uri", "Nil": "null", "Version": "Version",
}
# A type argument with its assembly.
ARGUMENT = re.compile(r"\[([^\[\],]+)(?:,[^\[\]]*)?\]")


def tag(element):
    return element.tag.rsplit("}", 1)[-1]


def child(element, name):
    return next((each for each in element if tag(each) == name), None)


def short(name):
    """`A`1[[B, assembly, Version=1]]` as `A`1[B]`."""
    open_at = name.find("[[")
    if open_at < 0:
        return name
    return name[:open_at] + "[" + ";".join(ARGUMENT.findall(name[open_at + 1:])) + "]"


class Reader:
    """The types in one object: later parts refer to what earlier ones named."""

    def __init__(self, root):
        self.names, self.objects = {}, {}
        for element in root.iter():
            if tag(element) == "TN":
                self.names[element.get("RefId")] = [each.text for each in element]
            if tag(element) == "Obj" and element.get("RefId") is not None:
                self.objects[element.get("RefId")] = element

    def type_of(self, element):
        kind = tag(element)
        if kind == "Ref":
            return self.type_of(self.objects[element.get("RefId")])
        if kind != "Obj":
            return PRIMITIVES[kind]
        own, again = child(element, "TN"), child(element, "TNRef")
        names = [each.text for each in own] if own is not None else self.names[again.get("RefId")] if again is not None else ["?"]
        return short(names[0])

    def bag(self, root, name):
        bag = child(root, name)
        return {} if bag is None else {each.get("N"): self.type_of(each) for each in bag}


def describe(row):
    root = ElementTree.fromstring(row._xml)
    reader = Reader(root)
    properties = reader.bag(root, "Props")
    assert set(properties) == set(row.adapted_properties), "pypsrp read other properties than it was sent"
    dictionaries = {name: list(value) for name, value in row.adapted_properties.items() if isinstance(value, dict)}
    return {
        "text": row.to_string,
        "type": reader.type_of(root),
        "properties": properties,
        "extended": reader.bag(root, "MS"),
        "keys": dictionaries,
    }


def run(pool, cmdlet):
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet["name"])
    for name, value in (cmdlet.get("parameters") or {}).items():
        shell.add_parameter(name, value)
    output, failure = [], None
    try:
        output = shell.invoke()
    except WinRMError as error:
        failure = str(error)
    errors = [{"message": str(record), "id": getattr(record, "fq_error", None)} for record in shell.streams.error]
    if failure and not errors:
        errors.append({"message": failure, "id": None})
    return {
        "objects": [describe(row) for row in output],
        "errors": errors,
        "warnings": [str(each) for each in shell.streams.warning],
        "state": {PSInvocationState.COMPLETED: "Completed", PSInvocationState.FAILED: "Failed"}.get(shell.state, str(shell.state)),
    }


def session(asked):
    reach = asked["reach"]
    wsman = WSMan(
        reach["host"],
        port=reach["port"],
        path="PowerShell",
        username=reach["account"],
        password=reach["password"],
        auth="basic",
        cert_validation=reach["ca"],
    )
    with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        return [run(pool, cmdlet) for cmdlet in asked["cmdlets"]]


if __name__ == "__main__":
    print(json.dumps([session(asked) for asked in json.load(sys.stdin)["sessions"]]), flush=True)
