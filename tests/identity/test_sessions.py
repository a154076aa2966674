"""Sessions from log-in to log-out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from contracts.identity import SessionRecord, SignInRules
from functions.identity import api
from functions.identity.errors import BelongsElsewhere
from functions.identity.model import Person
from functions.identity.model.accounts import Account
from kernel import clock
from kernel.ids import new_id
from kernel.table import Table, create
from tests.faults import answering, refusal
from tests.identity.kit import ANN, FIREFOX, PASSWORD, add, bearer, claims, log_in, post, refresh
from tests.identity.pool import Pool
from tests.kit import call, committed_events, edge_of


def session_of(tokens: dict[str, Any]) -> SessionRecord:
    said = claims(tokens)
    found = Table().get_platform(SessionRecord, user_id=said["sub"], session_id=said["origin_jti"])
    assert found is not None
    return found


def told() -> list[str]:
    return [event.type for event in committed_events()]


def test_a_log_in_writes_its_session_and_gives_tokens_that_name_the_organisation() -> None:
    tenant_id = new_id("org")
    user = add(tenant_id)
    answer = log_in(headers={"x-request-id": "request-0001", **FIREFOX})
    assert answer.status == 200, answer.body
    said = claims(answer.body)
    assert (said["organization_id"], said["user_id"], said["roles"]) == (tenant_id, user["user_id"], ["analyst"])
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 900)
    session = session_of(answer.body)
    assert (session.tenant_id, session.device, session.address) == (tenant_id, "Firefox on Linux", "127.0.0.1")
    event = committed_events()[-1]
    assert (event.type, event.tenant_id, event.request_id) == ("LoggedIn.v1", tenant_id, "request-0001")
    assert (event.origin.user_id, event.origin.address) == (user["user_id"], "127.0.0.1")
    assert event.data["session_id"] == session.session_id
    assert PASSWORD not in event.model_dump_json()


def test_behind_the_edge_a_log_in_comes_from_its_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    add(new_id("org"))
    edge = edge_of(monkeypatch)
    assert session_of(log_in(headers=edge).body).address == edge["palisade-viewer"]
    assert session_of(log_in(headers={**edge, "palisade-edge": "guessed"}).body).address == "127.0.0.1"


def test_no_tokens_are_given_when_the_session_cannot_be_written() -> None:
    add(new_id("org"))
    with answering("TransactWriteItems", refusal("InternalServerError"), *[refusal("InternalServerError")] * 5):
        assert log_in().status == 500


def test_a_refresh_gives_the_next_tokens_of_the_same_session() -> None:
    add(new_id("org"))
    first = log_in().body
    second = refresh(first)
    assert second.status == 200, second.body
    assert claims(second.body)["origin_jti"] == claims(first)["origin_jti"]
    assert second.body["refresh_token"] != first["refresh_token"]
    assert refresh(second.body).status == 200


def test_a_lost_answer_can_be_fetched_again_for_a_moment() -> None:
    add(new_id("org"))
    first = log_in().body
    lost, again = refresh(first).body, refresh(first).body
    assert refresh(again).status == 200
    assert refresh(lost).status == 200


def test_a_refresh_token_that_was_replaced_ends_its_session_for_thief_and_owner() -> None:
    add(new_id("org"))
    stolen = log_in().body
    owners = refresh(stolen).body
    with time_machine.travel(clock.now() + timedelta(seconds=60)):
        thief = refresh(stolen)
        assert (thief.status, thief.problem) == (401, "session-over")
        assert refresh(owners).problem == "session-over"
    assert set(told()[-2:]) == {"RefreshTokenReused.v1", "SessionsEnded.v1"}, "open sockets hear of it too"
    assert committed_events()[-1].category == "security"
    assert session_of(owners).ended_at is not None


def test_a_token_two_steps_behind_ends_the_session_at_once() -> None:
    add(new_id("org"))
    first = log_in().body
    third = refresh(refresh(first).body).body
    assert refresh(first).problem == "session-over"
    assert refresh(third).problem == "session-over"


def test_nobody_ends_a_session_with_a_made_up_token() -> None:
    add(new_id("org"))
    tokens = log_in().body
    user_id, session_id, *_ = tokens["refresh_token"].split(".")
    for made_up in (f"{user_id}.{session_id}.0.AAAAAAAAAAAAAAAAAAAAAAAA.{'x' * 40}", f"{user_id}.{session_id}.x.y.z"):
        assert post("/auth/refresh", {"refresh_token": made_up}).problem == "session-over"
        assert post("/auth/logout", {"refresh_token": made_up, "everywhere": True}).status == 204
    assert session_of(tokens).ended_at is None
    assert refresh(tokens).status == 200


@pytest.mark.parametrize(
    "token", ["x" * 40, "a.b.c.d.eeee", "a.b.9999999999.d.e", "....................", "a.b.1..e12345"]
)
def test_what_is_no_refresh_token_means_logging_in_again(token: str) -> None:
    over = post("/auth/refresh", {"refresh_token": token})
    assert (over.status, over.problem) == (401, "session-over")
    assert post("/auth/logout", {"refresh_token": token}).status == 204


def test_a_log_out_ends_this_session_or_all() -> None:
    add(new_id("org"))
    one, two, three = (log_in().body for _ in range(3))
    assert post("/auth/logout", {"refresh_token": one["refresh_token"]}).status == 204
    assert refresh(one).problem == "session-over"
    two = refresh(two).body
    assert post("/auth/logout", {"refresh_token": two["refresh_token"], "everywhere": True}).status == 204
    assert refresh(two).problem == refresh(three).problem == "session-over"
    assert told().count("SessionsEnded.v1") == 3
    assert post("/auth/logout", {"refresh_token": one["refresh_token"]}).status == 204
    assert told().count("SessionsEnded.v1") == 3


def test_an_idle_session_cannot_be_revived() -> None:
    tenant_id = new_id("org")
    add(tenant_id)
    tokens = log_in().body
    Table().write(create(SignInRules(tenant_id=tenant_id, idle_minutes=10)))
    with time_machine.travel(clock.now() + timedelta(minutes=9)):
        tokens = refresh(tokens).body
    with time_machine.travel(clock.now() + timedelta(minutes=20)):
        assert refresh(tokens).problem == "session-over"


def test_a_session_lasts_a_week() -> None:
    add(new_id("org"))
    tokens = log_in().body
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        assert refresh(tokens).problem == "session-over"


@pytest.mark.parametrize(
    "code",
    ["NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException", "UserNotConfirmedException"],
)
def test_whatever_keeps_a_person_out_looks_the_same(code: str, pool: Pool) -> None:
    pool.instead["InitiateAuth"] = refusal(code, "secret detail")
    refused = log_in()
    assert (refused.status, refused.problem) == (401, "wrong-credentials")
    assert "secret detail" not in str(refused.body)


@pytest.mark.parametrize("credentials", [(ANN, "wrong"), ("nobody@example.com", PASSWORD)])
def test_a_wrong_log_in_does_not_say_what_was_wrong(credentials: tuple[str, str]) -> None:
    add(new_id("org"))
    refused = log_in(*credentials)
    assert (refused.status, refused.problem) == (401, "wrong-credentials")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "exist" not in refused.body["detail"]


@pytest.mark.parametrize("email", [ANN, "nobody@example.com"])
def test_too_many_wrong_passwords_close_the_door_whether_anybody_lives_there_or_not(email: str) -> None:
    add(new_id("org"))
    assert [log_in(email, "Wrong-Horse-9-Battery").status for _ in range(5)] == [401] * 5
    closed = log_in(email, PASSWORD)
    assert (closed.status, closed.problem) == (429, "locked-out")
    assert 0 < int(closed.headers["retry-after"]) <= 900
    locked = [event.type for event in committed_events()].count("AccountLocked.v1")
    assert locked == (1 if email == ANN else 0)
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert log_in(email, PASSWORD).status == (200 if email == ANN else 401)


def test_a_right_password_forgives_the_wrong_ones() -> None:
    add(new_id("org"))
    for _ in range(3):
        assert [log_in(password="Wrong-Horse-9").status for _ in range(4)] == [401] * 4
        assert log_in().status == 200


def test_a_new_device_is_told_of_and_a_known_one_is_not() -> None:
    add(new_id("org"))
    log_in(headers=FIREFOX)
    log_in(headers=FIREFOX)
    assert "NewDeviceSeen.v1" not in told()
    log_in(headers={"user-agent": "curl/8.0"})
    event = committed_events()[-1]
    assert "NewDeviceSeen.v1" in told()
    assert event.category == "security"
    log_in(headers={"user-agent": "curl/8.0"})
    assert told().count("NewDeviceSeen.v1") == 1


def test_an_operator_cannot_take_a_person_of_another_organisation_nor_set_the_password() -> None:
    first, second = new_id("org"), new_id("org")
    user = add(first)
    with pytest.raises(BelongsElsewhere):
        add(second, password="Another-Horse-9-Battery")
    person = Table().get_platform(Person, user_id=user["user_id"])
    assert person is not None
    assert person.organizations == (first,)
    assert [event.tenant_id for event in committed_events()] == [first]
    assert log_in(password="Another-Horse-9-Battery").problem == "wrong-credentials"
    assert log_in().status == 200


def test_two_operators_that_add_one_person_at_once_do_not_share(pool: Pool) -> None:
    """The second one's look finds nobody; the condition on the person decides."""
    first, second = new_id("org"), new_id("org")
    add(first)
    user = {"UserAttributes": [{"Name": "sub", "Value": pool.people[ANN].sub}]}
    pool.instead["AdminGetUser"] = refusal("UserNotFoundException")
    pool.instead["AdminCreateUser"] = {"User": {"Attributes": user["UserAttributes"]}}
    with pytest.raises(BelongsElsewhere):
        add(second)
    assert [event.tenant_id for event in committed_events()] == [first]


def test_adding_a_person_again_sets_the_password_anew() -> None:
    tenant_id = new_id("org")
    assert add(tenant_id) == add(tenant_id, password="Another-Horse-9-Battery")
    assert log_in().problem == "wrong-credentials"


def test_a_person_without_a_password_chooses_one_at_the_first_log_in(pool: Pool) -> None:
    add(new_id("org"), password=None)
    asked = log_in(password=pool.people[ANN].password)
    assert (asked.status, asked.body["challenge"]) == (202, "new_password")
    weak = post("/auth/challenge", {"session": asked.body["session"], "new_password": "short"})
    assert (weak.status, weak.problem) == (422, "weak-password")
    other = post("/auth/challenge", {"session": asked.body["session"], "code": "123456"})
    assert (other.status, other.problem) == (422, "wrong-answer")
    done = post("/auth/challenge", {"session": asked.body["session"], "new_password": PASSWORD})
    assert done.status == 200, done.body
    assert session_of(done.body).ended_at is None
    again = post("/auth/challenge", {"session": asked.body["session"], "new_password": PASSWORD})
    assert (again.status, again.problem) == (401, "challenge-over")
    assert log_in().status == 200


def test_a_step_that_the_platform_does_not_offer_is_named(pool: Pool) -> None:
    pool.instead["InitiateAuth"] = {"ChallengeName": "SMS_MFA"}
    asked = log_in()
    assert (asked.status, asked.problem) == (409, "challenge-required")
    assert "SMS_MFA" in asked.body["detail"]


@pytest.mark.parametrize(
    "email", ["a@b\n.example", "a b@c.example", "@", "a@", "x" * 250 + "@b.example", "a@b@c\u0000"]
)
def test_what_is_no_address_does_not_reach_the_pool(email: str, pool: Pool) -> None:
    assert log_in(email).status == 422
    assert pool.calls == []


@pytest.mark.parametrize("body", [{}, {"email": "x", "password": "y"}, {"email": "a@b", "password": "p", "role": "x"}])
def test_a_malformed_log_in_is_refused(body: dict[str, str]) -> None:
    assert post("/auth/login", body).status == 422


def test_what_is_kept_of_an_address_does_not_hold_it() -> None:
    add(new_id("org"))
    log_in()
    name = Account.platform_key(digest="d")["pk"]
    assert name == "PLATFORM#ACCOUNTS#d"
    assert bearer(log_in().body).session_id is not None
    assert call(api.handler, "GET", "/users/me").status == 401
