"""What the server's cmdlets print: directory objects in Exchange's shape, serialized by psrpcore, and what they remember."""

import collections
import datetime
import uuid
import xml.etree.ElementTree as ElementTree

from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    NETException,
    PSCryptoProvider,
    PSCustomObject,
    PSDateTime,
    PSEnumBase,
    PSGuid,
    PSNoteProperty,
    PSType,
    serialize,
)

MANAGEMENT = "Microsoft.Exchange.Data.Directory.Management"
SYSTEM = "Microsoft.Exchange.Data.Directory.SystemConfiguration"


@PSType([f"{SYSTEM}.DeviceAccessState"])
class DeviceAccessState(PSEnumBase):
    Unknown = 0
    Allowed = 1
    Blocked = 2
    Quarantined = 3


@PSType([f"{SYSTEM}.DeviceAccessStateReason"])
class DeviceAccessStateReason(PSEnumBase):
    Unknown = 0
    Global = 1
    Individual = 2


@PSType([f"{SYSTEM}.MobileClientType"])
class MobileClientType(PSEnumBase):
    EAS = 0


def record(type_name, to_string, properties):
    """An object of Exchange's: adapted properties, a type name, a text."""
    value = PSCustomObject()
    value.PSObject.type_names = [type_name, "System.Object"]
    value.PSObject.adapted_properties = [PSNoteProperty(name, value=held) for name, held in properties.items()]
    value.PSObject.to_string = to_string
    return value


def directory_object(path):
    return record(
        "Microsoft.Exchange.Data.Directory.ADObjectId",
        path,
        {"DistinguishedName": f"CN={path}", "Name": path.rsplit("/", 1)[-1], "ObjectGuid": PSGuid(int=len(path))},
    )


def device_guid(number):
    return uuid.UUID(int=0xE0000000_0000_4000_8000_000000000000 + number)


def device(number):
    """One partnership with the 40 properties that Exchange prints."""
    user, device_id = f"user{number:06d}", f"ANDROIDC{number:016d}"
    # Every tenth name needs escapes: a surrogate pair, markup, an escape-like text.
    friendly = f"Jane's <Phone> & \U0001f4f1 _x0041_ {number}" if number % 10 == 0 else f"phone {number}"
    when = PSDateTime(2026, 11, 1, 8, number % 60, 0, tzinfo=datetime.timezone.utc)
    name = f"Android\u00a7{device_id}"
    path = f"example.com/Users/{user}/ExchangeActiveSyncDevices/{name}"
    return record(
        f"{SYSTEM}.MobileDevice",
        path,
        {
            "FriendlyName": friendly,
            "DeviceId": device_id,
            "DeviceImei": f"35{number:013d}",
            "DeviceMobileOperator": "Example Mobile",
            "DeviceOS": "Android 14.0.0",
            "DeviceOSLanguage": "en",
            "DeviceTelephoneNumber": "******0042",
            "DeviceType": "Android",
            "DeviceUserAgent": "Android/14.0-EAS-2.0",
            "DeviceModel": "SM-G991B",
            "FirstSyncTime": when,
            "UserDisplayName": f"example.com/Users/{user}",
            "DeviceAccessState": DeviceAccessState.Quarantined,
            "DeviceAccessStateReason": DeviceAccessStateReason.Global,
            "DeviceAccessControlRule": None,
            "DeviceActiveSyncVersion": "16.1",
            "ClientVersion": "16.1",
            "ClientType": MobileClientType.EAS,
            "IsManaged": False,
            "IsCompliant": False,
            "IsDisabled": False,
            "AdminDisplayName": "",
            "ExchangeVersion": "0.20 (15.0.0.0)",
            "Name": name,
            "DistinguishedName": f"CN={name},CN=ExchangeActiveSyncDevices,CN={user},CN=Users,DC=example,DC=com",
            "Identity": directory_object(path),
            "Guid": PSGuid(int=device_guid(number).int),
            "ObjectCategory": "example.com/Configuration/Schema/ms-Exch-Active-Sync-Device",
            "ObjectClass": ["top", "msExchActiveSyncDevice"],
            "WhenChanged": when,
            "WhenCreated": when,
            "WhenChangedUTC": when,
            "WhenCreatedUTC": when,
            "OrganizationId": "",
            "Id": directory_object(path),
            "OriginatingServer": "dc01.example.com",
            "IsValid": True,
            "ObjectState": "Unchanged",
            "ProvisioningFlags": 0,
            "EventPriority": 0,
        },
    )


def server():
    return record(
        f"{MANAGEMENT}.ExchangeServer",
        "CAS01",
        {
            "Name": "CAS01",
            "Fqdn": "cas01.example.com",
            "AdminDisplayVersion": record("Microsoft.Exchange.Data.ServerVersion", "Version 15.2 (Build 1544.4)", {}),
            "IsClientAccessServer": True,
            "ServerRole": "Mailbox",
            "Guid": PSGuid(int=7),
        },
    )


def command(name, parameters):
    value = PSCustomObject(Name=name, CommandType="Function", Parameters={each: each for each in parameters})
    value.PSObject.type_names = ["System.Management.Automation.FunctionInfo", "System.Object"]
    return value


COMMANDS = {
    "Get-Command": ["Name"],
    "Set-ADServerSettings": ["ViewEntireForest", "PreferredServer"],
    "Get-ExchangeServer": ["Identity"],
    "Get-MobileDevice": ["Identity", "Mailbox", "Filter", "ResultSize", "DomainController"],
    "Get-CASMailbox": ["Identity", "Filter", "ResultSize", "DomainController"],
    "Set-CASMailbox": [
        "Identity",
        "ActiveSyncAllowedDeviceIDs",
        "ActiveSyncBlockedDeviceIDs",
        "Confirm",
        "DomainController",
    ],
}


class Refusal(Exception):
    """An error record: the class, the text, the category, and whether it ends the pipeline."""

    def __init__(self, reason, message, category, fqid=None, terminating=False):
        super().__init__(message)
        exception = NETException(Message=message, HResult=-2146233087)
        exception.PSObject.type_names = [reason, "System.Exception", "System.Object"]
        self.terminating = terminating
        self.exception = exception
        self.category = ErrorCategoryInfo(Category=category, Reason=reason)
        self.fqid = fqid or f"[Server=CAS01,RequestId={uuid.uuid4()}] [FailureCategory=Cmdlet-{reason}] 1A2B3C4D"


def not_found(identity):
    return Refusal(
        "ManagementObjectNotFoundException",
        f"The operation couldn't be performed because object '{identity}' couldn't be found on 'dc01.example.com'.",
        ErrorCategory.NotSpecified,
    )


class World:
    """What the cmdlets read and change."""

    def __init__(self, devices):
        cipher = PSCryptoProvider()
        self.rendered = [
            ElementTree.tostring(serialize(device(number), cipher), encoding="utf-8") for number in range(devices)
        ]
        self.by_guid = {str(device_guid(number)): number for number in range(devices)}
        self.lists = collections.defaultdict(lambda: {"Allowed": [], "Blocked": []})

    def edit(self, mailbox, parameters):
        for kind, held in self.lists[mailbox.lower()].items():
            change = parameters.get(f"ActiveSync{kind}DeviceIDs")
            if change is None:
                continue
            if not isinstance(change, dict):
                raise Refusal("ParameterBindingException", f"{kind}: not a hashtable", ErrorCategory.InvalidArgument)
            change = {str(key).lower(): list(value) for key, value in change.items()}
            held[:] = [each for each in held if each not in change.get("remove", [])]
            held.extend(each for each in change.get("add", []) if each not in held)

    def mailbox(self, name):
        lists = self.lists[name.lower()]
        return record(
            f"{MANAGEMENT}.CASMailbox",
            name,
            {
                "Name": name,
                "ActiveSyncEnabled": True,
                "HasActiveSyncDevicePartnership": True,
                "ActiveSyncAllowedDeviceIDs": [str(each) for each in lists["Allowed"]],
                "ActiveSyncBlockedDeviceIDs": [str(each) for each in lists["Blocked"]],
                "Guid": PSGuid(int=9),
            },
        )
