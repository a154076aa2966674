"""Real servers on loopback, started for a test from its own folder. A test whose server is absent is skipped."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"))
READY_SECONDS = 15.0


def program(name: str, package: str) -> str:
    """The path of a program, or the test is skipped with the package that brings it."""
    found = shutil.which(name, path=SBIN)
    if not found:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def free_port() -> int:
    """A port that is free for TCP and UDP on loopback."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A server process from when its port answers until the block ends."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        _await_port(process, port, folder)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _await_port(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not serve: {(folder / 'output').read_text()[-2000:]}")


def _await_output(folder: Path, text: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while text not in (folder / "output").read_text():
        if time.monotonic() > deadline:
            raise AssertionError(f"the server never said {text!r}")
        time.sleep(0.02)


ZONE_FILE = """
$TTL 300
@ IN SOA ns1 hostmaster 1 3600 900 604800 300
@ IN NS ns1
@ IN NS ns2
@ IN MX 10 mail
@ IN MX 20 mail.elsewhere.test.
@ IN TXT "v=spf1 mx a:one.example.test -all"
@ IN TXT "unrelated"
@ IN CAA 0 issue "ca.example"
@ IN A 192.0.2.1
@ IN AAAA 2001:db8::1
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:d@example.test"
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.1
mail IN A 192.0.2.25
www IN CNAME web
web IN A 192.0.2.80
web IN A 192.0.2.81
dev IN A 192.0.2.90
gone IN CNAME nowhere.example.test.
bücher-placeholder IN A 192.0.2.9
long IN TXT "{long}" "{long}" "{long}" "{long}" "{long}" "{long}"
"""
WILDCARD_ZONE = """
$TTL 300
@ IN SOA ns1.example.test. hostmaster 1 3600 900 604800 300
@ IN NS ns1.example.test.
* IN A 192.0.2.200
www IN A 192.0.2.80
"""
REVERSE_ZONE = """
$TTL 300
@ IN SOA ns1.example.test. hostmaster 1 3600 900 604800 300
@ IN NS ns1.example.test.
1 IN PTR one.example.test.
1 IN PTR also.example.test.
"""


@contextlib.contextmanager
def named(folder: Path, *, transfers: bool = False, recursion: bool = False, version: str = "none") -> Iterator[int]:
    """BIND 9 with the zones example.test, wild.test and 2.0.192.in-addr.arpa; its port."""
    binary = program("named", "bind9")
    port = free_port()
    text = ZONE_FILE.format(long="x" * 250).replace("bücher-placeholder", "xn--bcher-kva")
    for name, content in (("example", text), ("wild", WILDCARD_ZONE), ("reverse", REVERSE_ZONE)):
        (folder / f"{name}.zone").write_text(content)
    allow = "any" if transfers else "none"
    zones = {"example.test": "example", "wild.test": "wild", "2.0.192.in-addr.arpa": "reverse"}
    entries = "".join(
        f'zone "{zone}" {{ type primary; file "{name}.zone"; allow-transfer {{ {allow}; }}; }};\n'
        for zone, name in zones.items()
    )
    (folder / "named.conf").write_text(
        f"""options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
        listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no;
        recursion {"yes" if recursion else "no"}; allow-query {{ any; }}; version {version};
        hostname {"none" if version == "none" else '"inside-1"'}; server-id none; notify no;
        {"allow-recursion { any; };" if recursion else ""} empty-zones-enable no; }};
        controls {{ }};
        {entries}"""
    )
    with running([binary, "-g", "-4", "-c", str(folder / "named.conf")], port, folder):
        _await_output(folder, "all zones loaded")  # it takes connections before it can answer
        yield port


@contextlib.contextmanager
def nginx(folder: Path, servers: str) -> Iterator[None]:
    """nginx with these server blocks; `{root}` is the folder's `www`, the first `listen` its port."""
    binary = program("nginx", "nginx-light")
    (folder / "www").mkdir(exist_ok=True)
    spools = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
        events {{ worker_connections 256; }}
        http {{ client_body_temp_path {folder}/body; {spools} access_log off;
        types {{ text/html html; text/plain txt; }} {servers.replace("{root}", str(folder / "www"))} }}"""
    )
    port = int(servers.partition("127.0.0.1:")[2].split(";")[0].split()[0])
    with running(
        [binary, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")], port, folder
    ):
        yield


@contextlib.contextmanager
def sshd(folder: Path, *options: str) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """OpenSSH with options; its port, and its own account of its algorithms (`sshd -T`)."""
    binary, keygen = program("sshd", "openssh-server"), program("ssh-keygen", "openssh-client")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # the server refuses to start as root without it
    port, config = free_port(), folder / "sshd_config"
    for kind in ("ed25519", "rsa"):
        subprocess.run([keygen, "-q", "-t", kind, "-N", "", "-f", folder / kind], check=True)
    keys = [f"HostKey {folder}/{kind}" for kind in ("ed25519", "rsa")]
    lines = [f"Port {port}", "ListenAddress 127.0.0.1", f"PidFile {folder}/pid", *keys, *options]
    config.write_text("\n".join(lines) + "\n")
    said = subprocess.run([binary, "-T", "-f", config], check=True, capture_output=True, text=True).stdout
    settings = {line.partition(" ")[0]: line.partition(" ")[2].split(",") for line in said.splitlines()}
    with running([binary, "-D", "-e", "-f", str(config)], port, folder):
        yield port, settings


@contextlib.contextmanager
def zones_served(folder: Path, zones: dict[str, str]) -> Iterator[int]:
    """BIND 9 with these zones, by name; its port."""
    binary, port = program("named", "bind9"), free_port()
    for name, content in zones.items():
        (folder / f"{name}.zone").write_text(content)
    entries = "".join(f'zone "{name}" {{ type primary; file "{name}.zone"; check-names ignore; }};\n' for name in zones)
    (folder / "named.conf").write_text(
        f"""options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
        listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no; recursion no;
        allow-query {{ any; }}; notify no; empty-zones-enable no; }};
        controls {{ }};
        {entries}"""
    )
    with running([binary, "-g", "-4", "-c", str(folder / "named.conf")], port, folder):
        _await_output(folder, "all zones loaded")
        yield port
