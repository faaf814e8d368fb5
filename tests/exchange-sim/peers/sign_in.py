"""pypsrp signs in, in the way that each run says, and lists.

In: {"environment": {name: value}, "ticket": {"principal", "password"}?, "runs": [run]}; a run is {"host", "options": those of
pypsrp's WSMan, "cmdlet"?, "times"?, "scheme"?: the header to choose, "harm"?}. A ticket is fetched from the KDC into the
environment's cache. Harms: "cookies" forgets them after the shell is made, "tamper" changes a byte of the third sealed request,
"replay" sends the third sealed request twice, "large" sends a request of that many bytes.
Out: for each run {"listed": how many objects, "requests", "protocol": of the seal, "status", "error"}.
"""

import json
import os
import sys


def fetch_ticket(ticket):
    import krb5

    context = krb5.init_context()
    principal = krb5.parse_name_flags(context, ticket["principal"].encode())
    options = krb5.get_init_creds_opt_alloc(context)
    credential = krb5.get_init_creds_password(context, principal, options, ticket["password"].encode())
    cache = krb5.cc_default(context)
    krb5.cc_initialize(context, cache, principal)
    krb5.cc_store_cred(context, cache, credential)


def harmed(transport, harm, counts):
    """Sends as pypsrp does, with the harm done to it."""
    original = transport._send_request

    def send(request, timeout=None):
        if request.body:
            counts["requests"] += 1
        sealed = b"Encrypted Boundary" in (request.body or b"")
        if harm == "cookies" and counts["requests"] > 1:
            transport.session.cookies.clear()
            request.headers.pop("Cookie", None)
        elif harm == "tamper" and counts["requests"] == 3 and sealed:
            at = len(request.body) - 60
            request.body = request.body[:at] + bytes([request.body[at] ^ 1]) + request.body[at + 1 :]
        elif harm == "replay" and counts["requests"] == 3 and sealed:
            original(request, timeout=timeout)
        elif isinstance(harm, int) and counts["requests"] == 2:
            request.body = b"<" + b"x" * (harm - 2) + b">"
            request.headers["Content-Length"] = str(harm)
        return original(request, timeout=timeout)

    transport._send_request = send


def run(one):
    from pypsrp import negotiate
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    if scheme := one.get("scheme"):
        negotiate.HTTPNegotiateAuth._check_auth_supported = staticmethod(lambda response, _: scheme)
    counts = {"requests": 0}
    said = {"listed": 0, "protocol": None, "status": None, "error": None}
    for _ in range(one.get("times", 1)):
        wsman = WSMan(one["host"], path="PowerShell", **one["options"])
        harmed(wsman.transport, one.get("harm"), counts)
        try:
            with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
                shell = PowerShell(pool)
                shell.add_cmdlet(one.get("cmdlet", "Get-MobileDevice"))
                said["listed"] += len(shell.invoke())
        except Exception as error:
            said["error"] = f"{type(error).__name__}: {error}"
            said["status"] = getattr(error, "code", None)
        if wsman.transport.encryption:
            said["protocol"] = wsman.transport.encryption.protocol
        wsman.transport.close()
    return {**said, **counts}


def main():
    asked = json.load(sys.stdin)
    os.environ.update(asked.get("environment", {}))
    if ticket := asked.get("ticket"):
        fetch_ticket(ticket)
    print(json.dumps([run(one) for one in asked["runs"]]), flush=True)


if __name__ == "__main__":
    main()
