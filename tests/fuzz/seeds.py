"""Writes the hand-made part of the corpus, seed-*, from the vectors of the exchange crate and from shapes that once mattered.

    python3 tests/fuzz/seeds.py

Needs nothing but Python; a second run writes the same bytes. What the fuzzer found beside them is kept under its own names.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parents[1] / "services/lib/exchange/vectors"
# In the order of src/messages.rs.
KINDS = [
    *(0x10002, 0x10004, 0x10005, 0x10006, 0x10007, 0x10008, 0x21002, 0x21003, 0x21004, 0x21005),
    *(0x21006, 0x21007, 0x21008, 0x21009, 0x2100A, 0x2100B, 0x2100C, 0x21100, 0x21101, 0x41002),
    *(0x41003, 0x41004, 0x41005, 0x41006, 0x41007, 0x41008, 0x41009, 0x41010, 0x41011, 0x41100),
]


def save(target, number, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{number:02}").write_bytes(data if isinstance(data, bytes) else data.encode())


def messages(stream):
    """The messages in a stream of fragments."""
    held = {}
    while stream:
        number, _, flags, length = struct.unpack(">QQBI", stream[:21])
        held[number] = held.get(number, b"") + stream[21 : 21 + length]
        stream = stream[21 + length :]
        if flags & 2:
            yield held.pop(number)


def envelope(body, header=""):
    return f'<s:Envelope xmlns:s="soap"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'


def main():
    soap = [path.read_bytes() for path in sorted(VECTORS.glob("pypsrp/*.xml")) + sorted(VECTORS.glob("ms-wsmv/*.xml"))]
    done = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"
    command = 'CommandId="A0000000-0000-0000-0000-000000000006"'
    soap += [
        envelope(f'<r:ReceiveResponse><r:Stream Name="stdout" {command}>YWJj</r:Stream><r:Stream Name="stdout" End="true"/>'
                 f'<r:CommandState {command} State="{done}"/></r:ReceiveResponse>',
                 "<a:Action>x</a:Action><a:RelatesTo>uuid:00000000-0000-0000-0000-00000000000A</a:RelatesTo>"),
        envelope("<r:CommandResponse><r:CommandId>A0000000-0000-0000-0000-000000000006</r:CommandId></r:CommandResponse>"),
        envelope('<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector Name="ShellId">1</w:Selector>'
                 "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated><r:Shell><r:ShellId>1</r:ShellId></r:Shell>"),
        envelope("<r:SignalResponse/>"), envelope("<r:SendResponse/>"), envelope(""),
        '<!DOCTYPE a [<!ENTITY b "bb">]>' + envelope("&b;"),
        "<s:Envelope>" * 70,
    ]
    for number, data in enumerate(soap):
        save("soap", number, data)

    streams = [bytes.fromhex(path.read_text()) for path in sorted(VECTORS.glob("*/*.hex"))]
    for number, stream in enumerate(streams):
        save("fragments", number, bytes([number * 7, number * 31]) + stream)
    for number, parts in enumerate([
        [(1, 0, 1, b"a"), (2, 0, 1, b"1"), (3, 0, 3, b"whole"), (2, 1, 0, b"2"), (1, 1, 2, b"b"), (2, 2, 2, b"3")],
        [(1, 1, 2, b"")], [(1, 0, 1, b""), (1, 2, 2, b"")], [(1, 0, 1, b""), (1, 0, 3, b"")], [(1, 0, 0, b"x")],
        [(each, 0, 1, b"") for each in range(65)], [(1, 0, 1, b"x" * 3000), (2, 0, 1, b"y" * 3000)],
    ]):
        stream = b"".join(struct.pack(">QQBI", *part[:3], len(part[3])) + part[3] for part in parts)
        save("fragments", 20 + number, bytes([9, 40]) + stream)

    number = 0
    for stream in streams:
        for message in messages(stream):
            kind = struct.unpack("<I", message[4:8])[0]
            if kind in KINDS:
                save("messages", number, bytes([KINDS.index(kind)]) + message[40:])
                number += 1
    error = '<Obj RefId="0"><MS><Obj N="Exception"><Props><S N="Message">no</S></Props></Obj></MS></Obj>'
    for kind, body in [
        (0x41005, error), (0x41006, f'<Obj><MS><I32 N="PipelineState">5</I32>{error.replace("<Obj RefId", "<Obj N=~ExceptionAsErrorRecord~ RefId").replace("~", chr(34))}</MS></Obj>'),
        (0x41009, "<S>bare</S>"), (0x41009, '<Obj><MS><Nil N="InformationalRecord_Message"/></MS></Obj>'), (0x41004, ""),
        (0x41100, '<Obj><MS><I64 N="ci">1</I64><Obj N="mi"><ToString>Prompt</ToString><I32>7</I32></Obj></MS></Obj>'),
        (0x21004, '<Obj><MS><B N="SetMinMaxRunspacesResponse">true</B><I64 N="ci">1</I64></MS></Obj>'),
    ]:
        save("messages", number, bytes([KINDS.index(kind)]) + body.encode())
        number += 1

    clixml = [path.read_bytes() for path in sorted(VECTORS.glob("psrpcore/*.xml")) + sorted(VECTORS.glob("ms-psrp/*.xml"))]
    row = '<Obj RefId="0"><TN RefId="0"><T>a</T></TN><ToString>b</ToString><Props>{}</Props></Obj>'
    clixml += [row.format(inside) for inside in [
        '<S N="A">_xD83D__xDE00_ _x005F_x0041_</S><G N="Guid">00000000-0000-4000-8000-000000000001</G>',
        '<DT N="WhenChangedUTC">2026-11-01T08:00:00.1234567Z</DT><Obj N="ObjectClass" RefId="1"><LST><S>top</S></LST></Obj>',
        '<Obj N="Identity" RefId="1"><Props><S N="Name">x</S></Props><ToString>y\u00a7z</ToString></Obj><Ref N="A" RefId="1"/>',
        '<BA N="SerializationData">AAEAAAD/////</BA><BA N="A">I3NpZyM=</BA><MS N="_x0041_"><S N="B">c</S></MS>',
        '<Obj N="A" RefId="1"><TNRef RefId="0"/><ToString>Blocked</ToString><I32>2</I32></Obj><Db N="A">NaN</Db><Sg N="A">-INF</Sg>',
        '<Obj N="A" RefId="1"><DCT><En><S N="Key">k</S><Nil N="Value"/></En></DCT></Obj><TS N="A">PT3605S</TS><C N="A">55357</C>',
    ]]
    clixml += ["<Obj>" * 70, "<S>_xZZZZ_</S>", '<Obj><LST><Ref RefId="0"/></LST></Obj>', "<Nil/>", "\ufeff<I32> 7 </I32>"]
    for number, data in enumerate(clixml):
        save("clixml", number, data)

    def text(value):
        data = value.encode("utf-16-le", "surrogatepass")
        return bytes([min(127, len(data)) << 1 | 1]) + data[:127]

    for number, texts in enumerate([
        ("Get-X", "Identity", "a"), ("", "", ""), ("Set-CASMailbox", "_x0041_", "\u00a7\U0001f4f1"), ("x", "]]>", "</S>&lt;"),
        ("_x", "\0", "\x1f\x7f\x85"), ("\ud83d", "\udc00", "\ufffe\uffff"), ("'; rm", "$(x)", "`\n\r\t"), ("A" * 60, "B" * 60, "C" * 60),
    ]):
        name, parameter, value = map(text, texts)
        one = bytes([0]) + name + bytes([2]) + parameter + bytes([6]) + value + parameter + bytes([3, 3, 6]) + value + bytes([6]) + name
        save("arguments", number, one)
        two = bytes([200]) + name + bytes([1]) + parameter + bytes([4, 2]) + name + bytes([3, 1, 7]) + value + parameter + bytes([1, 1, 2, 3, 4])
        save("arguments", 20 + number, two)


if __name__ == "__main__":
    main()
