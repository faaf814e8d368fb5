"""An HTTP proxy that nobody here wrote (proxy.py), in front of a server that it may or may not break open.

Prints {"port"} once it listens, then {"host", "port"} for each tunnel it was asked for and let pass, and ends when its standard
input does. With --intercept it answers in the server's place with a certificate of its own authority.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import proxy
from proxy.http.proxy import HttpProxyBasePlugin


class Tell(HttpProxyBasePlugin):
    """Tells of every request that passed the proxy's own checks."""

    def handle_client_request(self, request):
        if request.is_https_tunnel:
            print(json.dumps({"host": request.host.decode(), "port": request.port}), flush=True)
        return request


def authority(folder):
    """An authority as the proxy's manual makes one; the flags that name it."""
    key, certificate, signing = (folder / name for name in ("ca-key.pem", "ca-cert.pem", "ca-signing-key.pem"))
    for path in (key, signing):
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    subject = "/CN=Breaks TLS open/O=Inspection"
    request = ["openssl", "req", "-new", "-x509", "-days", "2", "-key", key, "-subj", subject, "-out", certificate]
    subprocess.run(request, check=True, capture_output=True)
    flags = ["--ca-key-file", key, "--ca-cert-file", certificate, "--ca-signing-key-file", signing]
    return [*flags, "--ca-cert-dir", folder / "made"]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--user", help="account that the proxy wants")
    arguments.add_argument("--password-file", type=pathlib.Path)
    arguments.add_argument("--intercept", action="store_true")
    arguments.add_argument("--upstream-ca", type=pathlib.Path, help="whom it trusts itself")
    options = arguments.parse_args()

    flags = ["--hostname", "127.0.0.1", "--port", "0", "--num-workers", "1", "--num-acceptors", "1", "--log-level", "INFO"]
    if options.user:
        flags += ["--basic-auth", f"{options.user}:{options.password_file.read_text().rstrip()}"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        flags += ["--data-dir", folder]
        if options.intercept:
            flags += [*authority(folder), "--ca-file", options.upstream_ca]
        with proxy.Proxy([str(flag) for flag in flags], plugins=[Tell]) as running:
            print(json.dumps({"port": running.flags.port}), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
