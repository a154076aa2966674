"""Zones signed for a test, from a root of its own down, served by BIND: `.`, `test.` and zones below it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.collection.servers import _await_output, free_port, program, running

MODERN = ("ECDSAP256SHA256",)
OLD = ("NSEC3RSASHA1", "-b", "1024")
ZONE = """$TTL 300
@ IN SOA ns1.elsewhere. hostmaster 1 3600 900 604800 300
@ IN NS ns1.elsewhere.
"""


@dataclass(frozen=True)
class Signed:
    """How a zone below `test.` is signed. `window` are arguments for the time of its signatures."""

    algorithm: tuple[str, ...] = MODERN
    window: tuple[str, ...] = ()
    delegated: bool = True
    denial: tuple[str, ...] = ()
    tampered: bool = False
    digest_of_other_key: bool = False


ZONES: dict[str, Signed | None] = {
    "good.test": Signed(),
    "plain.test": None,
    "island.test": Signed(delegated=False),
    "expired.test": Signed(window=("-s", "20200101000000", "-e", "20200201000000")),
    "soon.test": Signed(window=("-e", "now+3600")),
    "tampered.test": Signed(tampered=True),
    "foreign.test": Signed(digest_of_other_key=True),
    "plain.opted.test": None,
    "opted.test": Signed(denial=("-3", "-", "-H", "0", "-A")),
    "old.test": Signed(algorithm=OLD, denial=("-3", "abcd", "-H", "20")),
}


@dataclass(frozen=True)
class World:
    """Where the zones are served, and the anchor of their root."""

    port: int
    anchor: str


@contextlib.contextmanager
def signed_world(folder: Path) -> Iterator[World]:
    """All zones, each with its own keys."""
    folder.chmod(0o755)
    digests = [digest for name, how in ZONES.items() if how for digest in _sign(folder, name, how, _cuts(name))]
    (top,) = _sign(folder, "test", Signed(), _cuts("test") + "".join(f"{digest}\n" for digest in digests))
    (root,) = _sign(folder, ".", Signed(), f"test. IN NS ns1.elsewhere.\n{top}\nns1.elsewhere. IN A 127.0.0.1\n")
    for name, how in ZONES.items():
        if how is None:
            _file(folder, name).with_suffix(".signed").write_text(ZONE)
    port = free_port()
    entries = "".join(
        f'zone "{name}" {{ type primary; file "{_file(folder, name).with_suffix(".signed")}"; }};\n'
        for name in (".", "test", *ZONES)
    )
    (folder / "named.conf").write_text(
        f"""options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
        listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no; recursion no;
        notify no; empty-zones-enable no; check-integrity no; }};
        controls {{ }};
        {entries}"""
    )
    with running([program("named", "bind9"), "-g", "-4", "-c", str(folder / "named.conf")], port, folder):
        _await_output(folder, "all zones loaded")
        _, _, _, tag, algorithm, kind, *digest = root.split()
        yield World(port, f". {tag} {algorithm} {kind} {''.join(digest)}")


def _cuts(parent: str) -> str:
    """The delegations of a zone to those right below it."""
    return "".join(f"{name}. IN NS ns1.elsewhere.\n" for name in ZONES if name.partition(".")[2] == parent)


def _file(folder: Path, name: str) -> Path:
    return folder / f"zone-{name.strip('.') or 'root'}.db"


def _sign(folder: Path, name: str, how: Signed, more: str = "") -> list[str]:
    """Sign a zone into its file; its digests, for the parent: none for one that is not delegated securely."""
    keys = [_key(folder, name, how.algorithm, *flags) for flags in (("-f", "KSK"), ())]
    unsigned, signed = _file(folder, name), _file(folder, name).with_suffix(".signed")
    unsigned.write_text(ZONE + "@ IN A 192.0.2.1\n" + more + "".join(f"$INCLUDE {key}.key\n" for key in keys))
    signer = [program("dnssec-signzone", "bind9"), "-q", "-P", "-o", name, "-f", str(signed), *how.window, *how.denial]
    _run(folder, *signer, str(unsigned), *keys)
    if how.tampered:
        signed.write_text(signed.read_text().replace("hostmaster", "somebody"))
    if not how.delegated:
        return []
    named = _key(folder, name, how.algorithm, "-f", "KSK") if how.digest_of_other_key else keys[0]
    kind = "-1" if how.algorithm == OLD else "-2"
    return [_run(folder, program("dnssec-dsfromkey", "bind9"), kind, f"{named}.key").strip()]


def _key(folder: Path, name: str, algorithm: tuple[str, ...], *flags: str) -> str:
    return _run(folder, program("dnssec-keygen", "bind9"), "-q", "-a", *algorithm, *flags, name).strip()


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
