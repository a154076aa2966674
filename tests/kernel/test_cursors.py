"""Cursors: signed, and good for one list only."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.cursors import MAX_CURSOR, Cursors
from kernel.errors import BadRequest

pytestmark = pytest.mark.usefixtures("cloud")

POSITIONS = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(-(10**9), 10**9), max_size=4)
example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@example
@given(st.text(), POSITIONS)
def test_a_position_survives(query: str, position: dict[str, object]) -> None:
    cursors = Cursors(query.encode("utf-8", "replace").decode())
    assert cursors.read(cursors.write(position)) == position


@example
@given(st.text(max_size=5), st.text(max_size=5), POSITIONS)
def test_another_list_refuses_it(one: str, other: str, position: dict[str, object]) -> None:
    one, other = f"a|{one!r}", f"b|{other!r}"
    with pytest.raises(BadRequest):
        Cursors(other).read(Cursors(one).write(position))


@example
@given(POSITIONS, st.data())
def test_one_flipped_bit_is_seen(position: dict[str, object], data: st.DataObject) -> None:
    cursors = Cursors("boats")
    cursor = cursors.write(position)
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadRequest):
        cursors.read(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize(
    "forged", ["", "x", "é", "\x00", "A" * 22, "=" * 4, "A" * (MAX_CURSOR + 1), "{}", "AA AA", "🙂"]
)
def test_nonsense_is_a_bad_request(forged: str) -> None:
    with pytest.raises(BadRequest, match="Start again without it"):
        Cursors("boats").read(forged)


def test_a_cursor_shows_no_key_material() -> None:
    cursor = Cursors("boats").write({"after": "x"})
    assert b"only-for-tests" not in base64.urlsafe_b64decode(cursor + "==")
