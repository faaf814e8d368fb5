"""A phone: pyactivesync, which nobody here wrote, does what it is told and prints what it got.

In: {"host", "port", "ca", "user", "password", "device_id", "device_type"?, "agent"?, "actions": [..]}, an action being
"options", "provision", "folders", "inbox", "ping", or one of those below with a protocol version of its own:
{"do": "folder_sync", "protocol", "key"?}, {"do": "wipe"}, {"do": "wiped"}, {"do": "applied", "status"}, {"do": "tell", "os"}.
Out: for each action {"http", "status"?, ...}; where the library raises, its status instead of a result.
"""

import json
import sys

import requests
from pyactivesync import Client
from pyactivesync._wbxml import WBXMLReader, WBXMLWriter, find, text_of, wtag
from pyactivesync.exceptions import StatusError

INBOX = 2


class Phone:
    def __init__(self, asked):
        self.asked = asked
        self.base = f"https://{asked['host']}:{asked['port']}/Microsoft-Server-ActiveSync"
        self.client = Client(
            f"{asked['host']}:{asked['port']}",
            asked["user"],
            asked["password"],
            device_id=asked["device_id"],
            device_type=asked.get("device_type", "iPhone"),
            verify_ssl=asked["ca"],
        )
        session = self.client._transport.session
        # Or requests would trust what the environment names, and not the certificate that it is given.
        session.trust_env = False
        session.headers["User-Agent"] = asked.get("agent", "Apple-iPhone15C2/2105.236")
        self.session = session

    def options(self):
        reply = self.session.options(self.base, timeout=20)
        names = ["MS-ASProtocolVersions", "MS-ASProtocolCommands", "MS-Server-ActiveSync", "WWW-Authenticate"]
        return {"http": reply.status_code, "headers": {name: reply.headers.get(name) for name in names}}

    def provision(self):
        self.client.provision()
        return {"http": 200, "status": "1"}

    def folders(self):
        return {"http": 200, "names": [folder.name for folder in self.client.list_folders()]}

    def inbox(self):
        """What a phone reads that begins with nothing."""
        folders = self.client.list_folders()
        inbox = next(folder.id for folder in folders if int(folder.type) == INBOX)
        begun = self.client.sync_folder(inbox, "0")
        got = self.client.sync_folder(inbox, begun.sync_key)
        mails = [item.fields for item in got.added]
        return {"http": 200, "subjects": [mail.get("Email.Subject") for mail in mails], "bodies": [mail.get("AirSyncBase.Data") for mail in mails]}

    def ping(self):
        return {"http": 200, "status": self.client.ping("5", heartbeat=60, timeout=90).status}

    def post(self, command, document, protocol="16.1", key=None):
        params = {"Cmd": command, "User": self.asked["user"], "DeviceId": self.asked["device_id"], "DeviceType": "iPhone"}
        headers = {"Content-Type": "application/vnd.ms-sync.wbxml", "MS-ASProtocolVersion": protocol}
        if key is not None:
            headers["X-MS-PolicyKey"] = str(key)
        reply = self.session.post(self.base, params=params, data=document, headers=headers, timeout=20)
        nodes = WBXMLReader(reply.content).parse() if reply.status_code == 200 and reply.content else []
        kept = {name: reply.headers.get(name) for name in ["Retry-After", "X-MS-ASThrottle"]}
        return nodes, {"http": reply.status_code, "headers": kept}

    def folder_sync(self, protocol, key=None):
        writer = WBXMLWriter()
        writer.tag("FolderHierarchy", "FolderSync", children=[wtag("FolderHierarchy", "SyncKey", text="0")])
        nodes, said = self.post("FolderSync", writer.render(), protocol, key)
        return {**said, "status": text_of(find(nodes, "FolderHierarchy.Status"))}

    def wipe(self):
        """An empty Provision, as after status 140 ([MS-ASPROV] 3.1.5.1.1)."""
        writer = WBXMLWriter()
        writer.tag("Provision", "Provision")
        nodes, said = self.post("Provision", writer.render(), key=0)
        return {**said, "status": text_of(find(nodes, "Provision.Status")), "wipe": find(nodes, "Provision.RemoteWipe") is not None}

    def wiped(self):
        """The acknowledgment of a remote wipe ([MS-ASPROV] 3.1.5.1.2.2)."""
        writer = WBXMLWriter()
        wipe = wtag("Provision", "RemoteWipe", children=[wtag("Provision", "Status", text="1")])
        writer.tag("Provision", "Provision", children=[wipe])
        nodes, said = self.post("Provision", writer.render(), key=0)
        return {**said, "status": text_of(find(nodes, "Provision.Status"))}

    def tell(self, os):
        """Settings: the phone got a new system."""
        writer = WBXMLWriter()
        held = wtag("Settings", "DeviceInformation", children=[wtag("Settings", "Set", children=[wtag("Settings", "OS", text=os)])])
        writer.tag("Settings", "Settings", children=[held])
        nodes, said = self.post("Settings", writer.render(), key=self.client._transport.policy_key)
        return {**said, "status": text_of(find(nodes, "Settings.Status"))}

    def do(self, action):
        if isinstance(action, str):
            action = {"do": action}
        arguments = {name: value for name, value in action.items() if name != "do"}
        try:
            return getattr(self, action["do"])(**arguments)
        except StatusError as error:
            return {"http": 200, "status": error.code}
        except requests.HTTPError as error:
            headers = error.response.headers
            kept = {name: headers.get(name) for name in ["Retry-After", "X-MS-ASThrottle"]}
            return {"http": error.response.status_code, "headers": kept}


def main():
    asked = json.load(sys.stdin)
    phone = Phone(asked)
    print(json.dumps([phone.do(action) for action in asked["actions"]]), flush=True)


if __name__ == "__main__":
    main()
