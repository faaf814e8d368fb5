"""exchangelib, which nobody here wrote, finds a server by Autodiscover, signs in, sends and reads mail.

In: {"ca", "folder", "names": {"host:port": port on 127.0.0.1}, "steps": [{"do": .., "address", "account", "password", ..}]}.
Out: for each step what it saw, or {"error": class of the exception, "text"}, and always {"seconds"}.

The names of the simulator's world resolve nowhere. So this process has a name server of its own, which exchangelib's
documented settings point at, and connections lead where the test says, as port forwarding would make them. What runs
is exchangelib's own search, its own TLS and NTLM.
"""

import json
import os
import socket
import sys
import tempfile
import threading
import time

asked = json.load(sys.stdin)
os.environ["REQUESTS_CA_BUNDLE"] = asked["ca"]
# Where exchangelib keeps what it found, which is to be found anew.
tempfile.tempdir = asked["folder"]

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import exchangelib
from exchangelib.autodiscover import Autodiscovery, clear_cache
from exchangelib.protocol import Protocol
import urllib3.util.connection

names = asked["names"]
hosts = {name.rsplit(":", 1)[0].lower() for name in names}
connect = urllib3.util.connection.create_connection


def forwarded(address, *args, **options):
    host, port = address
    there = names.get(f"{host}:{port}")
    if there is None:
        raise ConnectionRefusedError(f"nobody answers at {host}:{port}")
    return connect(("127.0.0.1", there), *args, **options)


def name_server(port):
    while True:
        wire, client = port.recvfrom(4096)
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        question = query.question[0]
        host = question.name.to_text().rstrip(".").lower().split(":")[0]
        if host in hosts and question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
        elif host not in hosts:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        port.sendto(reply.to_wire(), client)


def resolve_here():
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind(("127.0.0.1", 0))
    threading.Thread(target=name_server, args=(port,), daemon=True).start()
    Autodiscovery.DNS_RESOLVER_KWARGS = {"configure": False}
    Autodiscovery.DNS_RESOLVER_ATTRS = {"nameservers": ["127.0.0.1"], "port": port.getsockname()[1], "timeout": 4}
    urllib3.util.connection.create_connection = forwarded


def account_of(step):
    policy = exchangelib.FaultTolerance(max_wait=60) if step.get("patient", True) else exchangelib.FailFast()
    credentials = exchangelib.Credentials(step["account"], step["password"])
    access = exchangelib.IMPERSONATION if step.get("impersonates") else exchangelib.DELEGATE
    options = {"credentials": credentials, "retry_policy": policy}
    if "endpoint" in step:
        config = exchangelib.Configuration(service_endpoint=step["endpoint"], **options)
        return exchangelib.Account(step["address"], config=config, access_type=access)
    config = exchangelib.Configuration(**options)
    return exchangelib.Account(step["address"], config=config, autodiscover=True, access_type=access)


def shown(mail):
    recipients = [each.email_address for each in mail.to_recipients or []]
    copies = [each.email_address for each in mail.cc_recipients or []]
    body = {"body": str(mail.body), "html": isinstance(mail.body, exchangelib.HTMLBody)}
    sender = mail.sender and mail.sender.email_address
    return {"subject": mail.subject, "from": sender, "to": recipients, "cc": copies, "message_id": mail.message_id, **body}


def discover(step):
    account = account_of(step)
    return {
        "address": account.primary_smtp_address,
        "endpoint": account.protocol.service_endpoint,
        "sign_in": account.protocol.auth_type,
        "build": str(account.version.build),
        "inbox": account.inbox.name,
        "build_of_answer": str(account.version.build),
    }


def send(step):
    account = account_of(step)
    body = step["body"]
    mail = exchangelib.Message(
        account=account,
        subject=step["subject"],
        body=exchangelib.HTMLBody(body) if step.get("html") else body,
        to_recipients=step["to"],
        cc_recipients=step.get("cc", []),
        author=step.get("author"),
    )
    mail.send(save_copy=step.get("keeps_copy", False))
    return {}


def read(step):
    account = account_of(step)
    folder = account.sent if step.get("folder") == "sent" else account.inbox
    found = folder.filter(subject=step["subject"]) if "subject" in step else folder.all()
    return {"mails": [shown(mail) for mail in found.order_by("-datetime_received")], "total": folder.total_count}


def resolve(step):
    account = account_of(step)
    found = account.protocol.resolve_names([step["name"]])
    return {"addresses": [each.email_address for each in found if isinstance(each, exchangelib.Mailbox)]}


def walk(step):
    return {"folders": [folder.name for folder in account_of(step).msg_folder_root.walk()]}


STEPS = {"discover": discover, "send": send, "read": read, "resolve": resolve, "walk": walk}


def main():
    resolve_here()
    said = []
    for step in asked["steps"]:
        clear_cache()
        Protocol.clear_cache()
        started = time.monotonic()
        try:
            seen = STEPS[step["do"]](step)
        except Exception as error:
            seen = {"error": type(error).__name__, "text": str(error)}
        said.append({**seen, "seconds": time.monotonic() - started})
    print(json.dumps(said), flush=True)


main()
