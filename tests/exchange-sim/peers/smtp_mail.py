"""smtplib, the client of Python's standard library, hands mail to the submission port.

In: {"port", "ca", "host", "steps": [{"account", "password", "from", "to": [..], "subject", "body", "tls"?, "bytes"?}]}.
Out: for each step {"refused": {..}} when the mail was taken, or {"error": class, "code", "text"}.
"""

import json
import smtplib
import ssl
import sys
from email.message import EmailMessage


def converse(asked, step):
    with smtplib.SMTP("127.0.0.1", asked["port"], timeout=20) as client:
        # The name in the certificate, as if it had been resolved.
        client._host = asked["host"]
        if step.get("tls", True):
            client.starttls(context=ssl.create_default_context(cafile=asked["ca"]))
        client.ehlo()
        features = client.esmtp_features
        if "account" in step:
            client.user, client.password = step["account"], step["password"]
            client.auth(step.get("mechanism", "LOGIN"), getattr(client, step.get("method", "auth_login")))
        mail = EmailMessage()
        mail["From"] = step.get("header_from", step["from"])
        mail["To"] = ", ".join(step.get("named", step["to"]))
        mail["Subject"] = step["subject"]
        mail["X-Ticket"] = "77"
        mail.set_content(step["body"] if "body" in step else "x" * step["bytes"])
        refused = client.send_message(mail, from_addr=step["from"], to_addrs=step["to"])
        return {"refused": {name: list(map(str, why)) for name, why in refused.items()}, "features": sorted(features)}


def outcome(asked, step):
    try:
        return converse(asked, step)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        return {"error": type(error).__name__, "code": code, "text": text.decode()}
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error
        return {"error": type(error).__name__, "code": error.smtp_code, "text": text.decode() if isinstance(text, bytes) else text}
    except (smtplib.SMTPException, OSError) as error:
        return {"error": type(error).__name__, "code": 0, "text": str(error)}


def main():
    asked = json.load(sys.stdin)
    print(json.dumps([outcome(asked, step) for step in asked["steps"]]), flush=True)


main()
