"""Verifying an export: every line against the one signed log, and the log against what was locked away."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from palisade.audit import p256, tree
from palisade.audit.tree import Tree
from palisade.audit.verdict import Fault, Verdict

FORMAT = 1
GENESIS = "palisade-audit/1"
CHAIN, BLOCK = b"\x02", b"\x03"
MAGIC = b"\x1f\x8b"
ERASURE = "PersonErasureRequested"
"""What the log says of a wish that a person be forgotten."""
CLOCKS_DIFFER = timedelta(minutes=5)
ANCHORED_WITHIN = timedelta(hours=1)
"""A block is older than this without an anchor only if somebody keeps the anchors back."""
Line = dict[str, Any]


class Unreadable(Exception):
    """The file is no export, or no longer one."""


def canonical(value: Any) -> bytes:
    """RFC 8785 for what the format holds: ASCII names, texts, whole numbers, true, false and null."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def fingerprint(key: str) -> str:
    """How people name a public key."""
    return hashlib.sha256(base64.b64decode(key)).hexdigest()


def read(file: Path) -> list[bytes]:
    """The lines of an export, compressed or not. Raises Unreadable."""
    try:
        raw = file.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(MAGIC) else raw
    except (OSError, EOFError, zlib.error) as problem:
        raise Unreadable(f"{file} cannot be read: {problem}.") from problem
    return raw.splitlines(keepends=True)


def verify(lines: Iterable[bytes], trusted: Iterable[str] = (), now: datetime | None = None) -> Verdict:
    """Check an export. `trusted` are the fingerprints of the keys that may have signed it; without them, one key must
    have signed all of it, and the reader looks whether it is the platform's."""
    return _Check(frozenset(trusted), now or datetime.now(UTC)).run(list(lines))


def verify_with(lines: Iterable[bytes], older: Verdict, trusted: Iterable[str] = ()) -> Verdict:
    """Check an export, and that it goes on where an older one stopped: nothing that was there is gone or changed."""
    check = _Check(frozenset(trusted), datetime.now(UTC))
    verdict = check.run(list(lines))
    verdict.faults += check.continues(older)
    return verdict


class _Check:
    """One pass over an export."""

    def __init__(self, trusted: frozenset[str], now: datetime) -> None:
        self.trusted, self.now = trusted, now
        self.found = Verdict()
        self.tree = Tree()
        self.start: tuple[int, list[bytes]] = (0, [])
        self.chain, self.block, self.number = b"", "", 0
        self.leaves: list[bytes] = []
        self.ends: dict[int, Line] = {}
        self.after: str | None = None
        self.through: str | None = None
        self.expected: dict[str, tuple[int, bytes]] = {}
        self.awaited: dict[str, int] = {}
        self.expires_after = 0
        self.anchors: list[Line] = []
        self.erasures: list[Line] = []
        self.forgotten: dict[str, str] = {}
        self.head: Line | None = None
        self.proof: Line | None = None
        self.manifest: Line | None = None

    def run(self, lines: list[bytes]) -> Verdict:
        """Everything, in the order of the file; the signed manifest is its last line and covers all before it."""
        parsed = [self._parsed(number, raw) for number, raw in enumerate(lines, 1)]
        last = parsed[-1] if parsed else None
        if last is None or last.get("type") != "manifest":
            self._fault("cut", "file", "The file does not end with its manifest: it was cut off.")
        else:
            self._take_manifest(last, hashlib.sha256(b"".join(lines[:-1])).hexdigest())
        for number, line in enumerate(parsed, 1):
            if line is not None:
                self._guarded(number, line)
        self._end_block()
        try:
            self._conclude()
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            self._fault("unreadable", "file", f"What is signed lacks what it should hold ({problem!r}).")
        return self.found

    def _parsed(self, number: int, raw: bytes) -> Line | None:
        try:
            line = json.loads(raw)
            if isinstance(line, dict):
                return line
        except (ValueError, RecursionError):
            pass
        self._fault("unreadable", f"line {number}", "The line is not a JSON object.")
        return None

    def _guarded(self, number: int, line: Line) -> None:
        """A line of a known kind; one that lacks what its kind has is a fault, and not the end of the check."""
        kinds: dict[str, Callable[[Line], object]] = {
            "start": self._take_start,
            "block": self._take_block,
            "entry": self._take_entry,
            "anchor": self.anchors.append,
            "erasure": self.erasures.append,
            "head": self._take_head,
            "consistency": self._take_proof,
            "manifest": lambda _line: None,
        }
        take = kinds.get(str(line.get("type")))
        if take is None:
            self._fault("unreadable", f"line {number}", "The line is of no known kind.")
            return
        try:
            take(line)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
            self._fault("unreadable", f"line {number}", f"The line lacks what it should hold ({problem!r}).")

    def _take_start(self, line: Line) -> None:
        if self.number or self.leaves or self.tree.size:
            self._fault("start", "start", "The file begins twice.")
            return
        self.start = line["size"], [bytes.fromhex(node) for node in line["nodes"]]
        self.tree = Tree(*self.start)
        self.found.first = line["size"]
        self.chain, self.block, self.number = bytes.fromhex(line["chain"]), line["block"], line["number"]
        if line["size"] == 0:
            genesis = hashlib.sha256(f"{GENESIS}\n{self.found.tenant_id}".encode()).hexdigest()
            if (line["chain"], line["block"], line["number"]) != (genesis, genesis, 0):
                self._fault("start", "start", "The log does not begin with its organisation's name.")

    def _take_block(self, line: Line) -> None:
        self._end_block()
        block = line["block"]
        where = f"block {block['number']}"
        ids, leaves = block["ids"], [bytes.fromhex(leaf) for leaf in block["leaves"]]
        if hashlib.sha256(BLOCK + canonical(block)).hexdigest() != line["hash"]:
            self._fault("block", where, "The block was changed after it was sealed.")
        if block["number"] != self.number + 1 or block["first"] != self.tree.size:
            self._fault(
                "gap",
                where,
                f"Block {self.number + 1} with sequence {self.tree.size} should come here: blocks were taken out, "
                "put in, or moved.",
            )
        follows = self.through in (None, block["after"])
        if block["previous"] != self.block or block["before"] != self.chain.hex() or not follows:
            self._fault("fork", where, "The block does not continue the one before it.")
        if block["tenant_id"] != self.found.tenant_id or block["v"] != FORMAT:
            self._fault("block", where, "The block belongs to another log.")
        if not len(ids) == len(leaves) == block["size"] - block["first"] or len(set(ids)) != len(ids):
            self._fault("block", where, "The block does not hold as many entries as it says.")
        for sequence, (entry_id, leaf) in enumerate(zip(ids, leaves, strict=False), block["first"]):
            self._grow(leaf)
            self.expected[entry_id] = sequence, leaf
        self.awaited = {entry_id: sequence for sequence, entry_id in enumerate(ids, block["first"])}
        self.expires_after = block["expires_after"]
        if block["chain"] != self.chain.hex():
            self._fault("order", where, "The chain over the block's entries does not end as it was sealed.")
        if block["root"] != self.tree.root().hex():
            self._fault("root", where, "The Merkle root over the entries up to this block is not the sealed one.")
        self.number, self.block, self.through = block["number"], line["hash"], block["through"]
        self.after = block["after"] if self.after is None else self.after
        self.ends[block["size"]] = {**block, "root": self.tree.root().hex(), "hash": line["hash"]}
        self.found.blocks += 1

    def _grow(self, leaf: bytes) -> None:
        self.chain = hashlib.sha256(CHAIN + self.chain + leaf).digest()
        self.tree.append(leaf)
        self.leaves.append(leaf)

    def _take_entry(self, line: Line) -> None:
        leaf, content = line["leaf"], line["content"]
        entry_id = leaf["entry_id"]
        sequence, sealed = self.expected.get(entry_id, (None, b""))
        if sequence is None:
            self._fault("unknown", f"entry {entry_id}", "No block holds this entry: it was put in.")
            return
        where = f"entry {sequence} ({entry_id})"
        if self.awaited.pop(entry_id, None) is None:
            self._fault("doubled", where, "The entry comes twice, or behind another block than its own.")
        if tree.leaf_hash(canonical(leaf)) != sealed:
            self._fault("entry", where, "The entry is not the one that was sealed: who, what, when or where differs.")
        elif content == "" and line.get("forgotten"):
            self.found.forgotten += 1
            self.forgotten.setdefault(str(line["forgotten"]), where)
        elif hashlib.sha256(content.encode()).hexdigest() != leaf["content"]:
            self._fault("content", where, "The entry's details, address or e-mail are not those that were sealed.")
        self.found.entries += 1

    def _end_block(self) -> None:
        """Entries of a block that are not there: expired, or taken away."""
        horizon = min(self.now, _moment(self.found.exported_at) or self.now).timestamp()
        for entry_id, sequence in self.awaited.items():
            if 0 < self.expires_after < horizon:
                self.found.expired += 1
            else:
                self._fault("missing", f"entry {sequence} ({entry_id})", "The entry was taken away.")
        self.awaited = {}

    def _take_head(self, line: Line) -> None:
        self.head = line

    def _take_proof(self, line: Line) -> None:
        self.proof = line

    def _take_manifest(self, line: Line, digest: str) -> None:
        statement = line.get("statement")
        if not self._is_signed(line, "manifest", "export") or not isinstance(statement, dict):
            return
        self.manifest = statement
        self.found.tenant_id = str(statement.get("tenant_id"))
        self.found.exported_at = str(statement.get("exported_at"))
        if statement.get("digest") != digest:
            self._fault("file", "file", "The lines are not those that were exported and signed.")
        made = _moment(self.found.exported_at)
        if made is None or made > self.now + CLOCKS_DIFFER:
            self._fault("manifest", "manifest", "The export was made in the future.")

    def _is_signed(self, line: Line, where: str, kind: str) -> bool:
        """Whether a statement of a kind carries the signature of a key that may sign it."""
        try:
            statement, key = line["statement"], line["key"]
            print_ = fingerprint(key)
            good = p256.is_signed(base64.b64decode(key), canonical(statement), base64.b64decode(line["signature"]))
        except (KeyError, TypeError, ValueError):
            good, print_, statement = False, "", {}
        if print_ and print_ not in self.found.fingerprints:
            self.found.fingerprints.append(print_)
            others = self.trusted or self.found.fingerprints[:1]
            if print_ not in others:
                self._fault("key", where, f"The signature is of a key that is not trusted here: {print_}.")
        if not good or not isinstance(statement, dict) or statement.get("kind") != kind:
            self._fault("signature", where, "The signature is not good.")
            return False
        return True

    def _conclude(self) -> None:
        found, size = self.found, self.tree.size
        found.size = size
        if self.manifest is None:
            return
        if not self.leaves and not self.anchors and self.manifest.get("head_size") == 0:
            return
        told = (self.manifest.get("first"), self.manifest.get("size"), self.manifest.get("entries"))
        if self.leaves and told != (found.first, size, found.entries):
            self._fault(
                "truncated", "manifest", f"{told[2]} entries from {told[0]} up to {told[1]} were exported, not these."
            )
        self._check_head(size)
        self._check_anchors()
        self._check_forgotten()

    def _check_forgotten(self) -> None:
        """Contents are left out for erasures alone that were asked for, as the log itself says."""
        asked = {line["id"] for line in self.erasures if self._was_asked(line)}
        for erasure_id, where in self.forgotten.items():
            if erasure_id not in asked:
                self._fault("content", where, "The content was left out, and the log knows of no such erasure.")

    def _was_asked(self, line: Line) -> bool:
        leaf = line["leaf"]
        told = (leaf["action"], leaf["resource"], leaf["tenant_id"], leaf["external"])
        path = [bytes.fromhex(node) for node in line["path"]]
        root = tree.root_of_path(line["place"], self.found.head_size, tree.leaf_hash(canonical(leaf)), path)
        wanted = (ERASURE, line["id"], self.found.tenant_id, False)
        return told == wanted and root is not None and root.hex() == self.found.head_root

    def _check_head(self, size: int) -> None:
        """The head is signed, and what is exported is the beginning of what it stands for."""
        found = self.found
        head = self.head
        if head is None or not self._is_signed(head, "head", "tree-head"):
            self._fault("head", "head", "The head of the log is missing, or not signed.")
            return
        statement = head["statement"]
        found.head_size, found.head_root = statement["size"], statement["root"]
        assert self.manifest is not None
        if (self.manifest["head_size"], self.manifest["head_root"]) != (found.head_size, found.head_root):
            self._fault("head", "head", "The head is not the one that the export was made with.")
        if statement["tenant_id"] != found.tenant_id:
            self._fault("head", "head", "The head belongs to another log.")
        self._check_reach(statement["through"], size)
        if not self.leaves:
            return
        proof = self.proof or {}
        try:
            hashes = [bytes.fromhex(each) for each in proof.get("hashes", ())]
            root = bytes.fromhex(found.head_root)
        except (TypeError, ValueError):
            hashes, root = [b""], b""
        if not tree.is_consistent(size, found.head_size, self.tree.root(), root, hashes):
            self._fault("fork", "head", "The entries are not the beginning of what the signed head stands for.")

    def _check_reach(self, sealed_through: str, size: int) -> None:
        """The blocks reach over all of the period that was asked for, as far as the log does."""
        assert self.manifest is not None
        first, last = self.manifest["asked_first"], self.manifest["asked_last"]
        if self.after is None or self.through is None:
            if first <= sealed_through:
                self._fault("gap", "file", "The blocks of the period were taken out.")
            return
        if self.found.first > 0 and self.after >= first:
            self._fault("gap", "start", "The period begins before the first block that is here.")
        if size < self.found.head_size and self.through < last:
            self._fault("gap", f"block {self.number}", "The period goes on behind the last block that is here.")

    def _check_anchors(self) -> None:
        found = self.found
        good = [line["statement"] for line in self.anchors if self._is_signed(line, _name(line), "tree-head")]
        found.anchors = len(good)
        roots = self._roots({anchor["size"] for anchor in good})
        seen: dict[int, Line] = {}
        for anchor in good:
            where = f"anchor {anchor['size']}"
            if anchor["tenant_id"] != found.tenant_id:
                self._fault("anchor", where, "The anchor belongs to another log.")
                continue
            if seen.setdefault(anchor["size"], anchor) != anchor:
                self._fault("fork", where, "Two different heads of this size were anchored: the log was forked.")
            if anchor["size"] > found.head_size:
                self._fault("truncated", where, "More was anchored than the log holds: its end was cut off.")
            elif anchor["size"] == found.head_size and anchor["root"] != found.head_root:
                self._fault("fork", where, "The log's head is not the one that was anchored.")
            if anchor["size"] in roots and roots[anchor["size"]].hex() != anchor["root"]:
                self._fault("fork", where, "The entries up to here are not those that were anchored.")
            end = self.ends.get(anchor["size"])
            if end and (end["hash"], end["chain"]) != (anchor["block"], anchor["chain"]):
                self._fault("fork", where, "The block that ends here is not the one that was anchored.")
        self._check_withheld(max(seen, default=0))

    def _check_withheld(self, anchored: int) -> None:
        """Blocks are anchored as they are sealed; one that never was may have been made up later."""
        made = _moment(self.found.exported_at) or self.now
        for size, block in self.ends.items():
            sealed = _moment(block["sealed_at"])
            if size > anchored and (sealed is None or sealed < made - ANCHORED_WITHIN):
                self._fault("anchor", f"block {block['number']}", "The block was sealed long ago and never anchored.")

    def _roots(self, sizes: set[int]) -> dict[int, bytes]:
        """The roots of some sizes, grown anew where they are not at a block's end."""
        known = {size: bytes.fromhex(block["root"]) for size, block in self.ends.items()}
        grown = Tree(*self.start)
        known[grown.size] = grown.root()
        inside = {size for size in sizes - known.keys() if grown.size < size <= self.tree.size}
        for leaf in self.leaves if inside else ():
            grown.append(leaf)
            if grown.size in inside:
                known[grown.size] = grown.root()
        return {size: known[size] for size in sizes if size in known}

    def continues(self, older: Verdict) -> list[Fault]:
        """What is wrong with this export, if the older one is right."""
        size, where = older.head_size, "the earlier export"
        if older.tenant_id != self.found.tenant_id:
            return [Fault("against", where, "The two exports are of different organisations.")]
        if size > self.found.head_size:
            return [Fault("truncated", where, "The log is shorter than it was then: its end was cut off.")]
        if not set(older.fingerprints) & set(self.found.fingerprints):
            return [Fault("key", where, "The two exports are signed by different keys.")]
        roots = self._roots({size}) | {self.found.head_size: bytes.fromhex(self.found.head_root)}
        if size not in roots:
            return [Fault("against", where, "They do not overlap: export from before the end of the earlier one.")]
        if roots[size].hex() != older.head_root:
            return [Fault("fork", where, "The log is not the one of then: its history was changed.")]
        return []

    def _fault(self, code: str, where: str, message: str) -> None:
        self.found.faults.append(Fault(code, where, message))


def _name(line: Line) -> str:
    statement = line.get("statement")
    return f"anchor {statement.get('size') if isinstance(statement, dict) else '?'}"


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
