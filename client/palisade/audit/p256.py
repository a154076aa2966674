"""ECDSA on the curve P-256 with SHA-256 (FIPS 186-5): verification alone, which handles no secret."""

from __future__ import annotations

import hashlib

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""How the SubjectPublicKeyInfo of every uncompressed P-256 key begins."""
Affine = tuple[int, int]
Jacobian = tuple[int, int, int]
INFINITY: Jacobian = (1, 1, 0)


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a DER signature of a message is good under a public key (DER, SubjectPublicKeyInfo)."""
    point, numbers = _point(key), _numbers(signature)
    if point is None or numbers is None:
        return False
    r, s = numbers
    inverse = pow(s, -1, N)
    digest = int.from_bytes(hashlib.sha256(message).digest())
    x, _, z = _sum_of_products(digest * inverse % N, GENERATOR, r * inverse % N, point)
    return z != 0 and x * pow(z * z, -1, P) % P % N == r


def _point(key: bytes) -> Affine | None:
    if not key.startswith(SPKI) or len(key) != len(SPKI) + 64:
        return None
    x, y = (int.from_bytes(key[at : at + 32]) for at in (len(SPKI), len(SPKI) + 32))
    on_curve = x < P and y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0
    return (x, y) if on_curve else None


def _numbers(signature: bytes) -> tuple[int, int] | None:
    """The two numbers of a DER sequence; None for any other bytes."""
    if len(signature) < 2 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return None
    found, rest = [], signature[2:]
    for _ in range(2):
        if len(rest) < 2 or rest[0] != 0x02 or not 0 < rest[1] <= min(33, len(rest) - 2):
            return None
        body, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if body[0] & 0x80 or (len(body) > 1 and body[0] == 0 and not body[1] & 0x80):
            return None
        found.append(int.from_bytes(body))
    return (found[0], found[1]) if not rest and all(0 < number < N for number in found) else None


def _sum_of_products(first: int, one: Affine, second: int, other: Affine) -> Jacobian:
    """first · one + second · other, bit by bit for both at once."""
    both = _added((*one, 1), (*other, 1))
    total = INFINITY
    for bit in reversed(range(256)):
        total = _doubled(total)
        match first >> bit & 1, second >> bit & 1:
            case 1, 1:
                total = _added(total, both)
            case 1, 0:
                total = _added(total, (*one, 1))
            case 0, 1:
                total = _added(total, (*other, 1))
    return total


def _doubled(point: Jacobian) -> Jacobian:
    x, y, z = point
    if not y or not z:
        return INFINITY
    squared = y * y % P
    s = 4 * x * squared % P
    zz = z * z % P
    m = 3 * (x - zz) * (x + zz) % P
    new_x = (m * m - 2 * s) % P
    return new_x, (m * (s - new_x) - 8 * squared * squared) % P, 2 * y * z % P


def _added(one: Jacobian, other: Jacobian) -> Jacobian:
    (x1, y1, z1), (x2, y2, z2) = one, other
    if not z1 or not z2:
        return other if not z1 else one
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    if u1 == u2:
        return _doubled(one) if s1 == s2 else INFINITY
    h, r = u2 - u1, s2 - s1
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x = (r * r - hhh - 2 * v) % P
    return x, (r * (v - x) - s1 * hhh) % P, h * z1 * z2 % P
