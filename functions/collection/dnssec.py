"""Chains of trust in DNS (RFC 4033 to 4035): from an anchor down to a zone. Signatures are checked by dnspython.

Every answer is asked for as it is, so that what a validating resolver would hide is seen and can be explained.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.rrset import RRset

Ask = Callable[[str, str], Awaitable["Message"]]
"""The answer to a question (name, type), with its signatures."""
ROOT_ANCHORS = (
    ". 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
"""The keys of the root, as IANA publishes them (root-anchors.xml)."""


MAX_ITERATIONS = 500
"""Rounds of hashing that are worked through; resolvers give up far earlier (RFC 9276 section 3.2)."""

MAX_TRIED = 24
"""Keys of a zone, or signatures of a record, that are tried: each with each costs time (CVE-2023-50387)."""


class State(StrEnum):
    """What a chain comes to. An island has keys that its parent does not vouch for."""

    SECURE = "secure"
    UNSIGNED = "unsigned"
    ISLAND = "island"
    EXPIRED = "expired"
    BOGUS = "bogus"


@dataclass(frozen=True, slots=True)
class Key:
    """A zone's key: its tag, algorithm (IANA's number) and size in bits."""

    tag: int
    algorithm: int
    bits: int
    signs_keys: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The verdict over a zone, where it was reached and why; what its keys, digests and signatures are like.
    `expires_at` is the end of the signature that ends first, in Unix seconds, or 0."""

    state: State
    at: str
    reason: str = ""
    keys: tuple[Key, ...] = ()
    digests: tuple[int, ...] = ()
    expires_at: int = 0
    iterations: int = -1
    links: tuple[str, ...] = field(default=())


class Broken(Exception):
    """A link of a chain that does not hold."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


async def follow(zone: str, anchors: tuple[str, ...], ask: Ask, now: float | None = None) -> Chain:
    """The chain from the nearest anchor above a zone. Raises ValueError for an anchor that is none, and whatever
    `ask` raises."""
    import dns.name

    walk = _Walk(dns.name.from_text(zone), ask, time.time() if now is None else now)
    try:
        return await walk.down(_anchored(walk.zone, anchors))
    except Broken as broken:
        return walk.verdict(broken.state, broken.reason)


def _anchored(zone: Name, anchors: tuple[str, ...]) -> RRset:
    """The digests of the deepest anchor above a zone. Raises ValueError."""
    import dns.exception
    import dns.name
    import dns.rrset

    found: dict[Name, list[str]] = {}
    try:
        for anchor in anchors:
            name, _, digest = anchor.partition(" ")
            found.setdefault(dns.name.from_text(name), []).append(digest)
        above = [owner for owner in found if zone.is_subdomain(owner)]
        if not above:
            raise ValueError(f"no trust anchor lies above {zone}")
        owner = max(above, key=len)
        return dns.rrset.from_text(owner, 0, "IN", "DS", *found[owner])
    except dns.exception.DNSException as error:
        raise ValueError(f"a trust anchor cannot be read: {error}") from error


class _Walk:
    """One way down, with what was seen on it."""

    def __init__(self, zone: Name, ask: Ask, now: float) -> None:
        self.zone = zone
        self._ask = ask
        self._now = now
        self._seen = Chain(State.UNSIGNED, zone.to_text())

    def verdict(self, state: State, reason: str = "") -> Chain:
        """What was seen, with a verdict."""
        return replace(self._seen, state=state, reason=reason)

    async def down(self, digests: RRset) -> Chain:
        """From an anchor's digests to the zone itself. Raises `Broken`."""
        owner = digests.name
        keys = await self._trusted_keys(owner, digests)
        for depth in range(len(owner) + 1, len(self.zone) + 1):
            child = self.zone.split(depth)[1]
            found = await self._delegation(child, owner, keys)
            if found is not None:
                keys, owner = await self._trusted_keys(child, found), child
        if owner != self.zone:
            return self.verdict(State.UNSIGNED, f"{self.zone} is no zone of its own")
        await self._apex(keys)
        return self.verdict(State.SECURE)

    async def _trusted_keys(self, owner: Name, digests: RRset) -> RRset:
        """A zone's keys, once one that the digests name has signed them all."""
        self._seen = replace(self._seen, at=owner.to_text(), links=(*self._seen.links, owner.to_text()))
        self._seen = replace(self._seen, digests=tuple(sorted({each.digest_type for each in digests})))
        answer = await self._ask(owner.to_text(), "DNSKEY")
        keys = _rrset(answer.answer, owner, "DNSKEY")
        if keys is None:
            raise Broken(State.BOGUS, f"{owner} has no keys, though its parent names some")
        self._seen = replace(self._seen, keys=tuple(_described(key) for key in keys))
        vouched = [key for key in keys if any(_matches(owner, key, digest) for digest in digests)]
        if not vouched:
            tags = ", ".join(str(digest.key_tag) for digest in digests)
            raise Broken(State.BOGUS, f"none of the keys of {owner} is one that its parent names ({tags})")
        self._verify(answer.answer, keys, _keys(owner, vouched))
        return keys

    async def _delegation(self, child: Name, parent: Name, keys: RRset) -> RRset | None:
        """The digests by which a parent vouches for a child; None where there is no cut between them."""
        answer = await self._ask(child.to_text(), "DS")
        digests = _rrset(answer.answer, child, "DS")
        if digests is not None:
            self._verify(answer.answer, digests, keys)
            return digests
        apex = await self._ask(child.to_text(), "SOA")
        if _rrset(apex.answer, child, "SOA") is None:
            return None
        self._seen = replace(self._seen, at=child.to_text())
        if not self._is_denied(answer.authority, child, keys):
            raise Broken(State.BOGUS, f"{parent} does not prove that it has no digest of a key of {child}")
        own = _rrset((await self._ask(child.to_text(), "DNSKEY")).answer, child, "DNSKEY")
        if own is None:
            raise Broken(State.UNSIGNED, f"{parent} has no digest of a key of {child}, and {child} has no keys")
        self._seen = replace(self._seen, keys=tuple(_described(key) for key in own))
        raise Broken(State.ISLAND, f"{child} has keys, but {parent} does not name them")

    def _is_denied(self, section: list[RRset], child: Name, keys: RRset) -> bool:
        """Whether signed records prove that a delegation has no digest (RFC 4035 section 5.2, RFC 5155 section 8.9).
        Raises `Broken` for records whose signature is wrong."""
        import dns.rdatatype

        proofs = [rrset for rrset in section if rrset.rdtype in (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)]
        for rrset in proofs:
            self._verify(section, rrset, keys)
        return any(_denies(rrset.name, record, child) for rrset in proofs for record in rrset)

    async def _apex(self, keys: RRset) -> None:
        """The zone's own record of authority is signed; how it denies names is noted."""
        answer = await self._ask(self.zone.to_text(), "SOA")
        soa = _rrset(answer.answer, self.zone, "SOA")
        if soa is None:
            raise Broken(State.BOGUS, f"{self.zone} has no record of authority")
        self._verify(answer.answer, soa, keys)
        denial = await self._ask(self.zone.to_text(), "NSEC3PARAM")
        parameters = _rrset(denial.answer, self.zone, "NSEC3PARAM")
        if parameters is not None:
            self._seen = replace(self._seen, iterations=max(each.iterations for each in parameters))

    def _verify(self, section: list[RRset], rrset: RRset, keys: RRset | dict[Name, Any]) -> None:
        """Raises `Broken` unless one of the keys has signed the records, and the signature holds today."""
        import dns.dnssec
        import dns.exception

        signed: dict[Name, Any] = keys if isinstance(keys, dict) else {keys.name: keys}
        signatures = _rrset(section, rrset.name, "RRSIG", covers=rrset.rdtype)
        what = f"{rrset.name} {rrset.to_text().split()[3]}"
        if signatures is None:
            raise Broken(State.BOGUS, f"{what} is not signed")
        if max(len(signatures), *(len(known) for known in signed.values())) > MAX_TRIED:
            raise Broken(State.BOGUS, f"{what} has more keys or signatures than anybody would try")
        try:
            dns.dnssec.validate(rrset, signatures, signed, now=self._now)
        except (dns.exception.DNSException, ValueError) as error:
            if _held_once(rrset, signatures, signed):
                raise Broken(State.EXPIRED, f"no signature of {what} is valid today") from error
            raise Broken(State.BOGUS, f"the signature of {what} is wrong: {error}") from error
        ends = min(each.expiration for each in signatures if each.expiration > self._now)
        self._seen = replace(self._seen, expires_at=min(ends, self._seen.expires_at or ends))


def _held_once(rrset: RRset, signatures: RRset, keys: dict[Name, Any]) -> bool:
    """Whether a signature is right but for its time."""
    import dns.dnssec
    import dns.exception

    for signature in signatures:
        try:
            dns.dnssec.validate_rrsig(rrset, signature, keys, now=float(signature.inception))
        except (dns.exception.DNSException, ValueError):
            continue
        return True
    return False


def _denies(owner: Name, record: Any, child: Name) -> bool:
    """Whether one record says that a delegation carries no digest: its own record of types, or with NSEC3 a span
    over names that may be unsigned (opt-out)."""
    import dns.dnssec
    import dns.rdatatype

    if record.rdtype == dns.rdatatype.NSEC:
        return bool(owner == child) and not _lists(record, dns.rdatatype.DS) and _lists(record, dns.rdatatype.NS)
    if record.iterations > MAX_ITERATIONS:
        return False
    sought = dns.dnssec.nsec3_hash(child, record.salt, record.iterations, record.algorithm).lower()
    here = owner.labels[0].decode().lower()
    if sought == here:
        return not _lists(record, dns.rdatatype.DS) and _lists(record, dns.rdatatype.NS)
    following = base64.b32hexencode(record.next).decode().lower()
    spans = here < sought < following if here < following else sought > here or sought < following
    return bool(record.flags & 1) and spans


def _lists(record: Any, kind: int) -> bool:
    """Whether a record of types (RFC 4034 section 4.1.2) holds one."""
    return any(
        window == kind // 256 and kind % 256 // 8 < len(bits) and bool(bits[kind % 256 // 8] & 0x80 >> kind % 8)
        for window, bits in record.windows
    )


def _matches(owner: Name, key: Any, digest: Any) -> bool:
    import dns.dnssec
    import dns.exception

    if dns.dnssec.key_id(key) != digest.key_tag or key.algorithm != digest.algorithm:
        return False
    try:
        made = dns.dnssec.make_ds(owner, key, digest.digest_type, validating=True)
    except (dns.exception.DNSException, ValueError):
        return False
    return bool(made.digest == digest.digest)


def _keys(owner: Name, keys: list[Any]) -> dict[Name, Any]:
    import dns.rdataset

    return {owner: dns.rdataset.from_rdata_list(0, keys)}


def _rrset(section: list[RRset], name: Name, kind: str, covers: RdataType | int = 0) -> RRset | None:
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(kind)
    return next(
        (s for s in section if s.name == name and s.rdtype == wanted and (not covers or s.covers == covers)), None
    )


def _described(key: Any) -> Key:
    import dns.dnssec

    return Key(dns.dnssec.key_id(key), int(key.algorithm), _bits(key.algorithm, key.key), bool(key.flags & 1))


def _bits(algorithm: int, key: bytes) -> int:
    """The size of a key (RFC 3110 section 2 for RSA, where the exponent comes first)."""
    if algorithm not in (1, 5, 7, 8, 10) or not key:
        return len(key) * 4 if algorithm in (13, 14) else len(key) * 8
    long_form = key[0] == 0
    start = (3 + int.from_bytes(key[1:3], "big")) if long_form else 1 + key[0]
    return int.from_bytes(key[start:], "big").bit_length()


def weak(chain: Chain) -> Iterator[str]:
    """What is out of date in a chain's keys and digests (RFC 8624, RFC 9276), in words."""
    for key in chain.keys:
        if key.algorithm in (1, 3, 5, 6, 7, 12):
            yield f"key {key.tag} uses algorithm {key.algorithm}, which rests on a broken hash"
        elif key.algorithm in (8, 10) and key.bits < 1280:
            yield f"key {key.tag} has {key.bits} bits"
    if chain.digests and max(chain.digests) < 2:
        yield "the parent names the key by SHA-1 alone"
    if chain.iterations > 0:
        yield f"names are denied with {chain.iterations} rounds of hashing, which burden resolvers and protect nothing"
