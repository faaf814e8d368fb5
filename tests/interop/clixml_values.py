"""Values of every type of CLIXML as psrpcore holds them, and a plain description of any of them in JSON.

A primitive is described as [element, text]; an object by what it holds of: types, text, props (a list of name and value, adapted
and extended alike), kind and items of a collection, entries of a dictionary, inner (the primitive of an enumeration member).
The scenarios describe exgate's own values in the same words (tests/scenarios/interop_clixml/description.rs).
"""

import datetime
import enum
import struct

from psrpcore import types as t

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=2))
DESERIALIZED = "Deserialized."

# What a text may do to an XML document, to the escape of CLIXML, and to UTF-16.
TEXTS = {
    "empty": "",
    "plain": "plain",
    "section": "iPhone\u00a7ApplDNPGW0ABFF9R",
    "markup": "<&>\"' ]]> &amp; <!-- -->",
    "control": "\x00\x01\t\n\r\x1f\x7f\x80\x85\x9f",
    "escape": "_x0041_ _x005F_ _x _X0041_ __x0041__ _x004 _xD83D_",
    "surrogates": "\U0001f4f1\U00010000\U0010ffff",
    "borders": "\ud7ff\ue000\ufffd",
    "scripts": "\u041f\u043e\u0447\u0442\u0430 \u30e1\u30fc\u30eb \u0627\u0644\u0628\u0631\u064a\u062f e\u0301",
    "spaces": "  two  \u00a0\u2028 spaces  ",
    "long": "0123456789abcde\u00a7" * 30_000,
}


class Cipher(t.PSCryptoProvider):
    """Stands for a session key, so that secure strings can be written and read: their text is not looked at."""

    def decrypt(self, value):
        return value

    def encrypt(self, value):
        return "QUFBQQ=="

    def register_key(self, key):
        pass


def primitives():
    """Every primitive, its borders included; name to value."""
    return {
        "nil": None,
        **{f"text {name}": t.PSString(text) for name, text in TEXTS.items()},
        "char": t.PSChar("\u00e9"),
        "char of one surrogate": t.PSChar(0xD83D),
        "true": True,
        "false": False,
        "date": t.PSDateTime(2021, 9, 28, 17, 32, 1, 123456, nanosecond=700, tzinfo=UTC),
        "date with offset": t.PSDateTime(2021, 9, 28, 19, 32, 1, tzinfo=EAST),
        "date without offset": t.PSDateTime(2021, 9, 28, 17, 32, 1),
        "span": t.PSDuration(seconds=3605),
        "long span": t.PSDuration(days=10_000, seconds=1, nanoseconds=100),
        "negative span": t.PSDuration(days=-1, seconds=-1),
        "u8": t.PSByte(255),
        "i8": t.PSSByte(-128),
        "u16": t.PSUInt16(65_535),
        "i16": t.PSInt16(-32_768),
        "u32": t.PSUInt(4_294_967_295),
        "i32": t.PSInt(-2_147_483_648),
        "u64": t.PSUInt64(18_446_744_073_709_551_615),
        "i64": t.PSInt64(-9_223_372_036_854_775_808),
        "f32": t.PSSingle(0.5),
        "f64": t.PSDouble(-1.25e300),
        "small f64": t.PSDouble(5e-324),
        "decimal": t.PSDecimal("79228162514264337593543950335"),
        "decimal with zeros": t.PSDecimal("-1.500"),
        "bytes": t.PSByteArray(bytes(range(256))),
        "no bytes": t.PSByteArray(b""),
        "guid": t.PSGuid("7f0e2b3c-1111-4222-8333-444455556666"),
        "uri": t.PSUri("http://h\u00f6st/?a=1&b=<2>"),
        "version": t.PSVersion("15.2.986.5"),
        "short version": t.PSVersion("2.3"),
        "xml": t.PSXml("<a>b &amp; c</a>"),
        "script block": t.PSScriptBlock("Get-Item '\u00a7'"),
    }


@t.PSType(["Example.DeviceAccessState"])
class State(t.PSEnumBase):
    Quarantined = 3


def record(types, text, adapted, extended):
    value = t.PSCustomObject()
    value.PSObject.type_names = types
    value.PSObject.adapted_properties = [t.PSNoteProperty(name, value=held) for name, held in adapted.items()]
    value.PSObject.extended_properties = [t.PSNoteProperty(name, value=held) for name, held in extended.items()]
    value.PSObject.to_string = text
    return value


def containers():
    """Every container, nested, empty, referred to twice; name to value."""
    queue = t.PSQueue()
    for each in ("a", 1, None):
        queue.put(each)
    inner = record(["Example.Inner", "System.Object"], "example.com/Users/x\u00a7", {"Name": "x", "Guid": t.PSGuid(int=7)}, {})
    deep = t.PSList(["bottom"])
    for _ in range(12):
        deep = t.PSList([deep])
    return {
        "list": t.PSList(["a", 1, None, True]),
        "empty list": t.PSList([]),
        "list in lists": deep,
        "stack": t.PSStack(["a", "b"]),
        "queue": queue,
        "enumerable": t.PSIEnumerable([1, "b"]),
        "dictionary": t.PSDict({"Add": t.PSList(["67AE\u00a7"]), "Remove": t.PSList([])}),
        "dictionary of numbers": t.PSDict({1: None, 2: inner}),
        "empty dictionary": t.PSDict({}),
        "member": State.Quarantined,
        "object": record(["Example.Outer", "System.Object"], "text", {"A": "1", "B": None}, {"C": t.PSInt(3)}),
        "object twice": t.PSList([inner, inner, t.PSDict({"k": inner})]),
        "one type twice": t.PSList([record(["Example.Same"], str(each), {"N": each}, {}) for each in range(3)]),
        # A property of many values comes as a list, as one value, or as nothing.
        "many-valued": record(["Example.M"], "m", {"Many": t.PSList(["a", "b"]), "One": "a", "None": None}, {}),
        "members": t.PSList([State.Quarantined, State.Quarantined]),
    }


def text_of_date(value):
    utc = value.astimezone(UTC) if value.tzinfo else value
    digits = f"{utc.microsecond:06}{getattr(value, 'nanosecond', 0) // 100}"
    date = f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}.{digits}"
    return date + ("Z" if value.tzinfo else "")


def text_of_span(value):
    seconds = value.days * 86_400 + value.seconds
    return str((seconds * 1_000_000 + value.microseconds) * 1_000 + getattr(value, "nanoseconds", 0) % 1_000)


# A subclass stands before its base.
PRIMITIVES = [
    (t.PSUri, "URI", str),
    (t.PSXml, "XD", str),
    (t.PSScriptBlock, "SBK", str),
    (t.PSString, "S", str),
    (t.PSChar, "C", lambda value: str(int(value))),
    (t.PSDateTime, "DT", text_of_date),
    (t.PSDuration, "TS", text_of_span),
    (t.PSByte, "By", int),
    (t.PSSByte, "SB", int),
    (t.PSUInt16, "U16", int),
    (t.PSInt16, "I16", int),
    (t.PSUInt, "U32", int),
    (t.PSUInt64, "U64", int),
    (t.PSInt64, "I64", int),
    (t.PSInt, "I32", int),
    (t.PSSingle, "Sg", lambda value: struct.pack(">f", value).hex()),
    (t.PSDouble, "Db", lambda value: struct.pack(">d", value).hex()),
    (t.PSDecimal, "D", lambda value: format(value, "f")),
    (t.PSByteArray, "BA", bytes.hex),
    (t.PSGuid, "G", str),
    (t.PSVersion, "Version", str),
    (t.PSSecureString, "SS", str),
    (str, "S", str),
    (int, "I32", int),
]
LISTS = [(t.PSStack, "STK"), (t.PSIEnumerable, "IE"), (t.PSQueue, "QUE"), (t.PSList, "LST"), (list, "LST")]


def lossless(text):
    """A text that JSON can carry: a lone surrogate becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def types_of(value):
    return [str(each).removeprefix(DESERIALIZED) for each in value.PSObject.type_names]


def items_of(value):
    if not isinstance(value, t.PSQueue):
        return list(value)
    items = [value.get() for _ in range(value.qsize())]
    for each in items:
        value.put(each)
    return items


def primitive(value):
    if value is None:
        return ["Nil", ""]
    if isinstance(value, bool):
        return ["B", str(value).lower()]
    for kind, element, text in PRIMITIVES:
        if isinstance(value, kind):
            return [element, lossless(str(text(value)))]
    return None


def describe(value):
    if isinstance(value, (t.PSEnumBase, enum.Enum)):
        return {"types": types_of(value), "text": value.name, "inner": ["I32", str(int(value))]}
    plain = primitive(value)
    if plain is not None:
        # Unknown members come as a number with a text and with the types that were sent.
        if any(str(each).startswith(DESERIALIZED) for each in getattr(getattr(value, "PSObject", None), "type_names", [])):
            return {"types": types_of(value), "text": str(value.PSObject.to_string), "inner": plain}
        return plain
    if isinstance(value, (t.PSDict, dict)):
        return {"entries": [[describe(key), describe(held)] for key, held in value.items()]}
    for kind, element in LISTS:
        if isinstance(value, kind):
            return {"kind": element, "items": [describe(each) for each in items_of(value)]}
    properties = list(value.PSObject.adapted_properties) + list(value.PSObject.extended_properties)
    props = sorted(([held.name, describe(held.get_value(value))] for held in properties), key=lambda pair: pair[0])
    return {"types": types_of(value), "text": lossless(str(value.PSObject.to_string)), "props": props}
