"""Writes the vectors of this folder with psrpcore 0.3.1.

    python3 -m venv venv && venv/bin/pip install psrpcore==0.3.1
    venv/bin/python generate.py

Every id and date is fixed, so that a second run writes the same bytes.
"""

import datetime
import decimal
import pathlib
import uuid

import psrpcore
from psrpcore import types as t
from psrpcore.types._serializer import serialize
from xml.etree import ElementTree

HERE = pathlib.Path(__file__).parent
POOL = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
PIPELINE = uuid.UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")


class NoCipher(t.PSCryptoProvider):
    def decrypt(self, value):
        raise NotImplementedError()

    def encrypt(self, value):
        raise NotImplementedError()

    def register_key(self, key):
        raise NotImplementedError()


def save(name, data):
    if isinstance(data, bytes):
        text = data.hex()
        data = "\n".join(text[at : at + 96] for at in range(0, len(text), 96)) + "\n"
    (HERE / name).write_text(data, encoding="utf-8")


def xml(value):
    return ElementTree.tostring(serialize(value, NoCipher()), encoding="unicode")


def drain(pool, size=None):
    out = b""
    while True:
        payload = pool.data_to_send(size)
        if payload is None:
            return out
        out += payload.data


def clixml():
    utc = datetime.timezone.utc
    east = datetime.timezone(datetime.timedelta(hours=2))
    items = [
        None,
        t.PSString("plain"),
        t.PSString(""),
        t.PSString("a_x0041_b _X \r\n\t\x7f\x85 \U0001F600 <&>\"' \u00a7"),
        t.PSChar("\u00e9"),
        True,
        False,
        t.PSDateTime(2021, 9, 28, 17, 32, 1, 123456, nanosecond=700, tzinfo=utc),
        t.PSDateTime(2021, 9, 28, 19, 32, 1, tzinfo=east),
        t.PSDateTime(2021, 9, 28, 17, 32, 1),
        t.PSDuration(seconds=3605),
        t.PSDuration(days=-1, seconds=1),
        t.PSByte(255),
        t.PSSByte(-128),
        t.PSUInt16(65535),
        t.PSInt16(-32768),
        t.PSUInt(4294967295),
        t.PSInt(-2147483648),
        t.PSUInt64(18446744073709551615),
        t.PSInt64(-9223372036854775808),
        t.PSSingle(0.5),
        t.PSDouble(-1.25e300),
        t.PSDecimal("79228162514264337593543950335"),
        t.PSByteArray(bytes(range(8))),
        t.PSGuid("7f0e2b3c-1111-4222-8333-444455556666"),
        t.PSUri("http://h\u00f6st/?a=1&b=2"),
        t.PSVersion("15.2.986.5"),
        t.PSXml("<a>b</a>"),
        t.PSScriptBlock("Get-Item"),
    ]
    save("primitives.xml", xml(t.PSList(items)))

    stack, queue = t.PSStack(["a", "b"]), t.PSQueue()
    queue.put("a")
    inner = t.PSCustomObject(Answer=42)
    custom = t.PSCustomObject(Name="x", First=inner, Second=inner)
    save(
        "containers.xml",
        xml(
            t.PSList(
                [
                    stack,
                    queue,
                    t.PSDict({"Add": t.PSList(["67AE"]), "Remove": t.PSList([])}),
                    t.PSIEnumerable([1, 2]),
                    t.ErrorCategory.ObjectNotFound,
                    t.ErrorCategory.PermissionDenied,
                    custom,
                ]
            )
        ),
    )


def session():
    client = psrpcore.ClientRunspacePool(runspace_pool_id=POOL)
    client.open()
    creation = drain(client)
    save("open.hex", creation)

    server = psrpcore.ServerRunspacePool()
    server.receive_data(psrpcore.PSRPPayload(creation, psrpcore.StreamType.default, None))
    while server.next_event() is not None:
        pass
    opened = drain(server)
    save("opened.hex", opened)
    client.receive_data(psrpcore.PSRPPayload(opened, psrpcore.StreamType.default, None))
    while client.next_event() is not None:
        pass

    pipeline = psrpcore.ClientPowerShell(client, pipeline_id=PIPELINE)
    pipeline.add_command("Set-CASMailbox")
    pipeline.add_parameter("Identity", "jane@contoso.com")
    pipeline.add_parameter("ActiveSyncAllowedDeviceIDs", {"Add": t.PSList(["67AE\u00a7"])})
    pipeline.add_parameter("Confirm", False)
    pipeline.add_command("Out-Null")
    pipeline.start()
    create = drain(client)
    save("create-pipeline.hex", create)

    script = psrpcore.ClientPowerShell(client, pipeline_id=uuid.UUID(int=7))
    script.add_script("Get-Mailbox | Remove-Mailbox")
    script.start()
    save("create-script.hex", drain(client))

    running = psrpcore.ServerPipeline(server, PIPELINE)
    server.receive_data(psrpcore.PSRPPayload(create, psrpcore.StreamType.default, PIPELINE))
    while server.next_event() is not None:
        pass
    running.start()
    device = t.PSCustomObject(
        PSTypeName="Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileDevice",
        DeviceId="67AE\u00a7",
        Model="\U0001F4F1",
    )
    running.write_output(device)
    running.write_output(None)
    running.write_error(
        t.NETException(
            Message="The operation couldn't be performed because object 'jane' couldn't be found on 'dc1'.",
            HResult=-2146233088,
        ),
        category_info=t.ErrorCategoryInfo(
            Category=t.ErrorCategory.ObjectNotFound,
            Activity="Get-MobileDevice",
            Reason="ManagementObjectNotFoundException",
            TargetName="jane",
            TargetType="MobileDeviceIdParameter",
        ),
        fully_qualified_error_id="[Server=EX01] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] 9F2B1C3D",
        target_object="jane",
    )
    running.write_warning("There are more results available than are currently displayed.")
    running.write_verbose("verbose text")
    running.write_debug("debug text")
    running.write_progress("Reading", 3, "half", percent_complete=50, current_operation="step")
    running.write_information(
        "information text",
        "source",
        time_generated=t.PSDateTime(2021, 9, 28, tzinfo=datetime.timezone.utc),
        tags=["tag"],
        user="jane",
        computer="ex01",
        process_id=1,
        native_thread_id=2,
        managed_thread_id=3,
    )
    running.complete()
    running.close()
    save("pipeline.hex", drain(server))

    second = psrpcore.ClientPowerShell(client, pipeline_id=PIPELINE)
    second.add_command("Get-Device")
    client.pipeline_table.clear()
    second.start()
    failing = psrpcore.ServerPipeline(server, PIPELINE)
    server.receive_data(psrpcore.PSRPPayload(drain(client), psrpcore.StreamType.default, PIPELINE))
    while server.next_event() is not None:
        pass
    failing.start()
    record = t.ErrorRecord(
        Exception=t.NETException(Message="The term 'Get-Device' is not recognized as the name of a cmdlet"),
        CategoryInfo=t.ErrorCategoryInfo(
            Category=t.ErrorCategory.ObjectNotFound, Reason="CommandNotFoundException", TargetName="Get-Device", TargetType="String"
        ),
        FullyQualifiedErrorId="CommandNotFoundException",
    )
    failing._change_state(t.PSInvocationState.Failed, record)
    # Cut small, so that several fragments make one message.
    save("failed.hex", drain(server, 300))


clixml()
session()
