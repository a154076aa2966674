"""Daemons on loopback, each started for a test with a configuration of its own and ended with it."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collection.servers import free_port, program, running

USER = getpass.getuser()


def only_root(what: str) -> None:
    """Skips the test unless it runs as root."""
    if os.getuid():
        pytest.skip(f"{what} starts as root only")


@contextlib.contextmanager
def redis(folder: Path, *options: str) -> Iterator[int]:
    """Redis; its port."""
    port = free_port()
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--daemonize", "no"]
    with running([program("redis-server", "redis-server"), *where, *options], port, folder):
        yield port


@contextlib.contextmanager
def memcached(folder: Path, *options: str) -> Iterator[int]:
    """memcached; its port, for TCP and with `-U` for UDP."""
    port = free_port()
    words = [str(port) if word == "PORT" else word for word in options]
    where = ["-l", "127.0.0.1", "-p", str(port), "-u", USER]
    with running([program("memcached", "memcached"), *where, *words], port, folder):
        yield port


@contextlib.contextmanager
def mosquitto(folder: Path, *, anonymous: bool) -> Iterator[int]:
    """The MQTT broker; its port."""
    port = free_port()
    settings = f"listener {port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\nuser {USER}\n"
    (folder / "mosquitto.conf").write_text(settings)
    with running([program("mosquitto", "mosquitto"), "-c", str(folder / "mosquitto.conf")], port, folder):
        yield port


@contextlib.contextmanager
def slapd(folder: Path, *settings: str) -> Iterator[int]:
    """OpenLDAP with one entry below `dc=example,dc=test`; its port."""
    binary, port = program("slapd", "slapd"), free_port()
    (folder / "db").mkdir()
    (folder / "slapd.conf").write_text(
        f"""include /etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
{chr(10).join(settings)}
database mdb
suffix "dc=example,dc=test"
rootdn "cn=admin,dc=example,dc=test"
directory {folder}/db
"""
    )
    (folder / "entries.ldif").write_text(
        "dn: dc=example,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"
        "dn: ou=people,dc=example,dc=test\nobjectClass: organizationalUnit\nou: people\n"
    )
    config = ["-f", str(folder / "slapd.conf")]
    add = [program("slapadd", "slapd"), *config, "-l", str(folder / "entries.ldif")]
    subprocess.run(add, check=True, capture_output=True)
    with running([binary, *config, "-h", f"ldap://127.0.0.1:{port}", "-d", "0"], port, folder):
        yield port


@contextlib.contextmanager
def samba(folder: Path, *settings: str) -> Iterator[int]:
    """A file server; its port."""
    only_root("smbd")
    binary, port = program("smbd", "samba"), free_port()
    for name in ("private", "lock", "state", "cache", "run", "logs", "share"):
        (folder / name).mkdir()
    places = "\n".join(
        f"{key} = {folder}/{name}"
        for key, name in {
            "private dir": "private", "lock directory": "lock", "state directory": "state",
            "cache directory": "cache", "pid directory": "run", "ncalrpc dir": "run/ncalrpc",
        }.items()
    )  # fmt: skip
    (folder / "smb.conf").write_text(
        f"[global]\nworkgroup = TEST\nserver role = standalone server\ninterfaces = 127.0.0.1/8\n"
        f"bind interfaces only = yes\nsmb ports = {port}\nlog file = {folder}/logs/log\ndisable spoolss = yes\n"
        f"load printers = no\n{places}\n" + "\n".join(settings) + f"\n[share]\npath = {folder}/share\n"
    )
    command = [binary, "--foreground", "--configfile", str(folder / "smb.conf")]
    with running(command, port, folder):
        yield port


@contextlib.contextmanager
def dovecot(folder: Path, *settings: str) -> Iterator[dict[str, int]]:
    """Mailboxes over IMAP and POP3; their ports. Whoever comes to 127.0.0.2 comes from another address, and Dovecot
    takes only what comes from its own for safe."""
    only_root("dovecot")
    binary, ports = program("dovecot", "dovecot-imapd"), {"imap": free_port(), "pop3": free_port()}
    (folder / "users").write_text("reader:{PLAIN}secret::::::\n")  # pragma: allowlist secret
    (folder / "dovecot.conf").write_text(
        f"""base_dir = {folder}/run
state_dir = {folder}/state
protocols = imap pop3
listen = 127.0.0.1, 127.0.0.2
log_path = /dev/stderr
ssl = no
mail_location = maildir:{folder}/mail
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}
}}
"""
        + "".join(
            f"service {name}-login {{\n inet_listener {name} {{\n  port = {port}\n }}\n"
            f" inet_listener {name}s {{\n  port = 0\n }}\n}}\n"
            for name, port in ports.items()
        )
        + "\n".join(settings)
        + "\n"
    )
    with running([binary, "-F", "-c", str(folder / "dovecot.conf")], ports["imap"], folder):
        yield ports


@contextlib.contextmanager
def vsftpd(folder: Path, *settings: str) -> Iterator[int]:
    """The FTP server; its port."""
    only_root("vsftpd")
    binary, port = program("vsftpd", "vsftpd"), free_port()
    (folder / "empty").mkdir()
    (folder / "files").mkdir()
    (folder / "vsftpd.conf").write_text(
        f"listen=YES\nlisten_ipv6=NO\nlisten_port={port}\nlisten_address=127.0.0.1\nbackground=NO\nseccomp_sandbox=NO\n"
        f"secure_chroot_dir={folder}/empty\nanon_root={folder}/files\nftp_username=ftp\nrun_as_launching_user=NO\n"
        + "".join(f"{setting}\n" for setting in settings)
    )
    with running([binary, str(folder / "vsftpd.conf")], port, folder):
        yield port


@contextlib.contextmanager
def snmpd(folder: Path, *communities: str) -> Iterator[int]:
    """The SNMP agent of Net-SNMP, for these communities; its UDP port."""
    binary, port = program("snmpd", "snmpd"), free_port()
    lines = [f"rocommunity {community} 127.0.0.1" for community in communities]
    (folder / "snmpd.conf").write_text("\n".join([*lines, "sysName palisade-test", "sysServices 72", ""]))
    command = [binary, "-f", "-Lo", "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux"]
    where = [f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"]
    with running(["/usr/bin/env", f"SNMP_PERSISTENT_DIR={folder}", *command, *where], port, folder):
        yield port


@contextlib.contextmanager
def chronyd(folder: Path) -> Iterator[int]:
    """An NTP server that trusts its own clock; its UDP port."""
    only_root("chronyd")
    binary, port = program("chronyd", "chrony"), free_port()
    (folder / "chrony.conf").write_text(
        f"port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 8\ncmdport 0\n"
        f"pidfile {folder}/chrony.pid\nbindcmdaddress /\n"
    )
    with _silent([binary, "-d", "-x", "-U", "-f", str(folder / "chrony.conf")], folder, "chronyd version"):
        yield port


@contextlib.contextmanager
def unbound(folder: Path, *settings: str) -> Iterator[int]:
    """A resolver that anybody on loopback may use; its port."""
    binary, port = program("unbound", "unbound"), free_port()
    (folder / "unbound.conf").write_text(
        f"""server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  local-zone: "." static
  local-data: "example.test. IN A 192.0.2.1"
"""
        + "".join(f"  {setting}\n" for setting in settings)
        + "remote-control:\n  control-enable: no\n"
    )
    with running([binary, "-d", "-c", str(folder / "unbound.conf")], port, folder):
        yield port


@contextlib.contextmanager
def dnsmasq(folder: Path) -> Iterator[int]:
    """A forwarder without anybody to forward to; its port."""
    binary, port = program("dnsmasq", "dnsmasq-base"), free_port()
    where = ["--port", str(port), "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts"]
    known = ["--address=/example.test/192.0.2.1", f"--user={USER}", f"--pid-file={folder}/pid", "--conf-file=/dev/null"]
    with running([binary, "--keep-in-foreground", *where, *known], port, folder):
        yield port


@contextlib.contextmanager
def _silent(command: list[str], folder: Path, says: str) -> Iterator[None]:
    """A server without a TCP port, from when it says something until the block ends."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        deadline = time.monotonic() + 10
        while says not in (text := (folder / "output").read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def postfix(folder: Path, *settings: str) -> Iterator[int]:
    """The mail server, for nobody's mail but its own; its port."""
    only_root("postfix")
    binary, port = program("postfix", "postfix"), free_port()
    etc, spool, data = folder / "etc", folder / "spool", folder / "data"
    for place in (etc, spool, data):
        place.mkdir()
    folder.chmod(0o755)
    _reachable(folder)
    for name in ("master.cf.proto", "postfix-files", "dynamicmaps.cf", "post-install", "postfix-script"):
        for home in (Path("/etc/postfix"), Path("/usr/share/postfix")):
            if (home / name).exists():
                shutil.copy(home / name, etc / name)
                break
    shutil.chown(data, "postfix")
    lines = [
        "compatibility_level=3.6", f"queue_directory={spool}", f"data_directory={data}", "inet_protocols=ipv4",
        "inet_interfaces=127.0.0.1", "mynetworks=10.255.255.255/32", "myhostname=mail.example.test", "alias_maps=",
        "mydestination=mail.example.test", "smtpd_relay_restrictions=reject_unauth_destination",
        "local_recipient_maps=", "maillog_file=/dev/stdout", "smtpd_peername_lookup=no", *settings,
    ]  # fmt: skip
    wanted = dict(line.split("=", 1) for line in lines)
    (etc / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in wanted.items()))
    services = Path("/usr/share/postfix/master.cf.dist").read_text()
    (etc / "master.cf").write_text(
        "\n".join(
            line.replace("smtp ", f"127.0.0.1:{port} ", 1) if line.startswith("smtp ") and " inet " in line else line
            for line in services.splitlines()
        )
        + "\n"
    )
    with running([binary, "-c", str(etc), "start-fg"], port, folder):
        try:
            yield port
        finally:  # its script has a child that outlives it
            subprocess.run([binary, "-c", str(etc), "abort"], check=False, capture_output=True)


def _reachable(folder: Path) -> None:
    """Lets the server's own user through to a folder of the test's."""
    top = Path(tempfile.gettempdir())
    for parent in folder.parents:
        if parent.is_relative_to(top) and parent != top and parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o011)
