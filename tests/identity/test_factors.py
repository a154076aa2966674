"""The second factor, recovery codes, passwords and the rules of sign-in."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pyotp
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from contracts.access import Role
from functions.identity.errors import WeakPassword
from functions.identity.model.passwords import demand_strong
from kernel import clock
from kernel.ids import new_id
from tests.identity.kit import ANN, PASSWORD, add, claims, log_in, post, refresh, send, with_factor
from tests.identity.pool import Pool
from tests.kit import actor, committed_events

NEW = "Another-Horse-9-Battery"


def told() -> list[str]:
    return [event.type for event in committed_events()]


def challenge() -> str:
    asked = log_in()
    assert (asked.status, asked.body["challenge"]) == (202, "mfa")
    return str(asked.body["session"])


def test_a_second_factor_is_set_up_and_asked_for(pool: Pool) -> None:
    add(new_id("org"))
    tokens = log_in().body
    shown = send(tokens, "POST", "/auth/mfa/enable").body
    assert shown["otpauth_uri"].startswith("otpauth://totp/Palisade:ann%40example.com?secret=" + shown["secret"])
    assert ElementTree.fromstring(shown["qr_svg"]).tag.endswith("svg")
    assert log_in().status == 200, "it does not count yet"
    wrong = send(tokens, "POST", "/auth/mfa/verify", {"code": "000000"})
    assert (wrong.status, wrong.problem) == (422, "wrong-code")
    codes = with_factor(pool, tokens)
    assert len(set(codes)) == 10
    session = challenge()
    answer = post("/auth/challenge", {"session": session, "code": pool.totp(ANN)})
    assert answer.status == 200, answer.body
    assert [each["mfa"] for each in send(answer.body, "GET", "/auth/sessions").body["items"] if each["current"]] == [
        True
    ]
    assert {"FactorBegun.v1", "FactorEnabled.v1"} <= set(told())
    assert not any(code in event.model_dump_json() for event in committed_events() for code in codes)
    assert send(tokens, "POST", "/auth/mfa/enable").problem == "mfa-enabled"


def test_a_code_is_good_once(pool: Pool) -> None:
    add(new_id("org"))
    with_factor(pool, log_in().body)
    code = pool.totp(ANN)
    first, second = challenge(), challenge()
    assert post("/auth/challenge", {"session": first, "code": code}).status == 200
    replayed = post("/auth/challenge", {"session": second, "code": code})
    assert (replayed.status, replayed.problem) == (401, "code-used")
    assert committed_events()[-1].data["reason"] == "code-used"
    again = post("/auth/challenge", {"session": first, "code": code})
    assert (again.status, again.problem) == (401, "challenge-over")
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        assert post("/auth/challenge", {"session": second, "code": pool.totp(ANN)}).status == 200


def test_the_code_that_set_the_factor_up_does_not_log_in(pool: Pool) -> None:
    add(new_id("org"))
    tokens = log_in().body
    secret = send(tokens, "POST", "/auth/mfa/enable").body["secret"]
    code = pyotp.TOTP(secret).now()
    assert send(tokens, "POST", "/auth/mfa/verify", {"code": code}).status == 200
    assert post("/auth/challenge", {"session": challenge(), "code": code}).problem == "code-used"


def test_guessing_codes_ends_the_log_in_and_closes_the_door(pool: Pool) -> None:
    add(new_id("org"))
    with_factor(pool, log_in().body)
    session = challenge()
    wrong = f"{(int(pool.totp(ANN)) + 1) % 10**6:06}"
    answers = [post("/auth/challenge", {"session": session, "code": wrong}).problem for _ in range(7)]
    assert answers[:5] == ["wrong-code"] * 5
    assert set(answers[5:]) <= {"challenge-over", "locked-out"}
    assert log_in().problem == "locked-out"


def test_a_log_in_half_done_ends_by_itself(pool: Pool) -> None:
    add(new_id("org"))
    with_factor(pool, log_in().body)
    session = challenge()
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        assert post("/auth/challenge", {"session": session, "code": pool.totp(ANN)}).problem == "challenge-over"
    assert post("/auth/challenge", {"session": "x" * 40, "code": "123456"}).problem == "challenge-over"


def test_a_recovery_code_lets_in_once_and_switches_the_factor_off(pool: Pool) -> None:
    add(new_id("org"))
    codes = with_factor(pool, log_in().body)
    assert log_in(password="Wrong-Horse-9-Battery", recovery_code=codes[0]).problem == "wrong-credentials"
    wrong = log_in(recovery_code="aaaa-aaaa-aaaa-aaaa")
    assert (wrong.status, wrong.problem) == (401, "wrong-code")
    inside = log_in(recovery_code=codes[0].upper().replace("-", " "))
    assert inside.status == 200, inside.body
    assert inside.body["mfa_was_disabled"] is True
    assert {"RecoveryCodeUsed.v1", "FactorDisabled.v1"} <= set(told())
    assert log_in().status == 200
    codes = with_factor(pool, inside.body)
    assert log_in(recovery_code=codes[0]).status == 200


def test_a_recovery_code_that_was_used_is_gone(pool: Pool) -> None:
    """The factor is still asked for when the process died right after the code was used."""
    add(new_id("org"))
    codes = with_factor(pool, log_in().body)
    pool.instead["AdminSetUserMFAPreference"] = {"Error": {"Code": "InternalErrorException", "Message": "x"}}
    assert log_in(recovery_code=codes[0]).status == 500
    del pool.instead["AdminSetUserMFAPreference"]
    assert log_in(recovery_code=codes[0]).problem == "wrong-code"
    assert log_in(recovery_code=codes[1]).status == 200


def test_new_recovery_codes_replace_the_old(pool: Pool) -> None:
    add(new_id("org"))
    tokens = log_in().body
    assert send(tokens, "POST", "/auth/mfa/recovery-codes", {"password": PASSWORD}).problem == "mfa-not-enabled"
    old = with_factor(pool, tokens)
    assert send(tokens, "POST", "/auth/mfa/recovery-codes", {"password": "wrong"}).problem == "wrong-password"
    new = send(tokens, "POST", "/auth/mfa/recovery-codes", {"password": PASSWORD}).body["recovery_codes"]
    assert log_in(recovery_code=old[0]).problem == "wrong-code"
    assert log_in(recovery_code=new[0]).status == 200


def test_the_factor_is_switched_off_with_the_password_alone(pool: Pool) -> None:
    add(new_id("org"))
    tokens = log_in().body
    assert send(tokens, "POST", "/auth/mfa/disable", {"password": PASSWORD}).problem == "mfa-not-enabled"
    with_factor(pool, tokens)
    assert send(tokens, "POST", "/auth/mfa/disable", {"password": "wrong"}).problem == "wrong-password"
    assert pool.people[ANN].has_factor
    assert send(tokens, "POST", "/auth/mfa/disable", {"password": PASSWORD}).status == 204
    assert log_in().status == 200


def test_an_api_key_has_no_second_factor() -> None:
    holder = actor(key_id="key_1")
    for path, body in (("enable", None), ("verify", {"code": "123456"}), ("disable", {"password": "x"})):
        refused = post(f"/auth/mfa/{path}", body, holder)
        assert (refused.status, refused.problem) == (403, "session-needed")


def test_an_organisation_demands_the_factor_and_gives_nothing_without(pool: Pool) -> None:
    tenant_id = new_id("org")
    add(tenant_id, email="admin@example.com", roles=[Role.ORGANIZATION_ADMIN.value])
    add(tenant_id)
    admin, ann = log_in("admin@example.com").body, log_in().body
    path = f"/organizations/{tenant_id}/sign-in"
    assert send(admin, "PUT", path, {"mfa_required": True}).problem == "mfa-first"
    with_factor(pool, admin)
    assert send(admin, "PUT", path, {"mfa_required": True, "idle_minutes": 30}).status == 200
    rules = {"idle_minutes": 30, "mfa_required": True, "sso_only": False, "version": 1}
    assert send(admin, "GET", path).body == rules
    stale = send(admin, "PUT", path, {}, headers={"if-match": '"0"'})
    assert (stale.status, stale.problem) == (412, "precondition-failed")
    told = committed_events()[-1]
    assert (told.type, told.data["before_mfa_required"], told.data["mfa_required"]) == (
        "SignInRulesChanged.v1",
        False,
        True,
    )
    ann = refresh(ann).body
    assert ann["mfa_setup_required"] is True
    assert claims(ann)["permissions"] == []
    fresh = log_in().body
    assert fresh["mfa_setup_required"] is True
    with_factor(pool, fresh)
    whole = refresh(fresh).body
    assert "scans:*" in claims(whole)["permissions"]
    assert send(whole, "POST", "/auth/mfa/disable", {"password": PASSWORD}).problem == "mfa-required"


def test_the_rules_of_another_organisation_look_like_none() -> None:
    add(new_id("org"), roles=[Role.ORGANIZATION_ADMIN.value])
    admin, path = log_in().body, f"/organizations/{new_id('org')}/sign-in"
    assert (send(admin, "GET", path).status, send(admin, "PUT", path, {}).status) == (404, 404)


def test_a_password_is_changed_by_who_knows_it_and_other_sessions_end() -> None:
    add(new_id("org"))
    here, there = log_in().body, log_in().body
    path = "/auth/change-password"
    wrong = send(here, "POST", path, {"current_password": "wrong", "new_password": NEW})
    assert (wrong.status, wrong.problem) == (403, "wrong-password")
    weak = send(here, "POST", path, {"current_password": PASSWORD, "new_password": "Password-2026!"})
    assert (weak.status, weak.problem) == (422, "weak-password")
    assert send(here, "POST", path, {"current_password": PASSWORD, "new_password": NEW}).status == 204
    assert log_in().problem == "wrong-credentials"
    assert log_in(password=NEW).status == 200
    assert refresh(there).problem == "session-over"
    assert refresh(here).status == 200
    assert "PasswordChanged.v1" in told()


def test_a_forgotten_password_is_reset_with_the_mailed_code_once(pool: Pool) -> None:
    add(new_id("org"))
    before = log_in().body
    assert post("/auth/forgot-password", {"email": ANN}).status == 204
    code = pool.codes[ANN][-1]
    other = f"{(int(code) + 1) % 10**6:06}"
    wrong = post("/auth/reset-password", {"email": ANN, "code": other, "new_password": NEW})
    assert (wrong.status, wrong.problem) == (401, "wrong-code")
    assert post("/auth/reset-password", {"email": ANN, "code": code, "new_password": NEW}).status == 204
    assert refresh(before).problem == "session-over"
    used = post("/auth/reset-password", {"email": ANN, "code": code, "new_password": PASSWORD})
    assert used.problem in ("wrong-code", "code-expired")
    assert log_in(password=NEW).status == 200
    assert told().count("PasswordResetAsked.v1") == 1


def test_a_code_that_came_too_late_is_told_so(pool: Pool) -> None:
    add(new_id("org"))
    post("/auth/forgot-password", {"email": ANN})
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        late = post("/auth/reset-password", {"email": ANN, "code": pool.codes[ANN][-1], "new_password": NEW})
    assert (late.status, late.problem) == (401, "code-expired")
    assert log_in().status == 200


def test_nobody_learns_from_a_forgotten_password_who_exists(pool: Pool) -> None:
    add(new_id("org"))
    known, unknown = (post("/auth/forgot-password", {"email": email}) for email in (ANN, "nobody@example.com"))
    assert (known.status, known.body) == (unknown.status, unknown.body)
    one, other = (
        post("/auth/reset-password", {"email": email, "code": "000001", "new_password": NEW})
        for email in (ANN, "nobody@example.com")
    )
    assert (one.status, one.problem) == (other.status, other.problem)


def test_guessing_reset_codes_closes_the_door() -> None:
    add(new_id("org"))
    post("/auth/forgot-password", {"email": ANN})
    body = {"email": ANN, "code": "000000", "new_password": NEW}
    answers = [post("/auth/reset-password", body).problem for _ in range(6)]
    assert answers == ["wrong-code"] * 5 + ["locked-out"]


def test_sessions_are_listed_and_ended_one_by_one_or_all() -> None:
    add(new_id("org"))
    one, two, three = (log_in().body for _ in range(3))
    items = send(one, "GET", "/auth/sessions").body["items"]
    assert len(items) == 3
    (mine,) = [item for item in items if item["current"]]
    assert mine["session_id"] == claims(one)["origin_jti"]
    assert {"device", "address", "last_seen_at"} <= set(mine)
    assert not {"refresh_key", "generation"} & set(mine)
    assert send(one, "DELETE", f"/auth/sessions/{claims(two)['origin_jti']}").status == 204
    assert refresh(two).problem == "session-over"
    assert send(one, "DELETE", f"/auth/sessions/{claims(two)['origin_jti']}").status == 404
    assert send(one, "DELETE", "/auth/sessions").status == 204
    assert refresh(three).problem == "session-over"
    assert refresh(one).status == 200


def test_nobody_ends_another_persons_session() -> None:
    tenant_id = new_id("org")
    add(tenant_id)
    add(tenant_id, email="eve@example.com")
    ann, eve = log_in().body, log_in("eve@example.com").body
    assert send(eve, "DELETE", f"/auth/sessions/{claims(ann)['origin_jti']}").status == 404
    assert len(send(eve, "GET", "/auth/sessions").body["items"]) == 1
    assert refresh(ann).status == 200


@pytest.mark.parametrize(
    "password",
    ["Passw0rd2026!!", "Welcome-2026-12", "aaaaAAAA1111!", "Ann.Smith-2026-x", "P@ssw0rdP@ssw0rd1", "Short-1-a"],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        demand_strong(password, "ann.smith@example.com")


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=12, max_size=40).filter(lambda text: len(set(text)) > 8))
def test_a_long_random_password_will_do(letters: str) -> None:
    demand_strong(f"{letters}-A1xyQ", "someone@example.com")


def test_a_plan_may_demand_longer_ones() -> None:
    demand_strong("Corr-Horse-9-x", "a@b.example", "business")
    with pytest.raises(WeakPassword):
        demand_strong("Corr-Horse-9-x", "a@b.example", "enterprise")
