"""What a directory said of somebody is handed out and erased with the rest."""

from __future__ import annotations

from contracts.privacy import Subject
from functions.identity.gateways import Cognito
from functions.identity.model.provisioning import Profile
from functions.identity.service import privacy
from functions.identity.store import Store
from kernel.facts import Facts
from kernel.table import Table, create
from tests.architecture.matrix import owned
from tests.identity.scim.kit import GROUP, machine, provisioned, send


def test_what_a_directory_said_goes_with_its_person() -> None:
    who = machine()
    made = provisioned(who, "nora@example.org", externalId="x1", displayName="Nora Nonesuch", title="CEO")
    group = {"schemas": [GROUP], "displayName": "Boards", "members": [{"value": made["id"]}]}
    group_id = send(who, "POST", "/Groups", group).body["id"]
    table, job = Table(), "prv_1"
    subject = Subject(
        tenant_id=who.tenant_id, job_id=job, user_id=made["id"], email="nora@example.org", name="Nora Nonesuch"
    )
    table.write(create(subject))
    counts = privacy.hand_in_person(Store(), table, Facts(), who, job)
    assert (counts["directory_profile"], counts["directory_groups"]) == (1, 1)
    erased = privacy.erase_person(Store(), Cognito(), table, Facts(), who, job)
    assert erased["directory_profile"] == 1
    assert table.get(who, Profile, user_id=made["id"]) is None
    assert "members" not in send(who, "GET", f"/Groups/{group_id}").body
    left = {key: value for key, value in owned(who.tenant_id).items() if key[0].endswith("#SCIM")}
    assert "nora" not in str(left).casefold()
    assert [sort for _, sort in left if sort.startswith("TAKEN#USER")] == [], "the names are free"
    assert provisioned(who, "nora@example.org", externalId="x1")
    privacy.erase_person(Store(), Cognito(), table, Facts(), who, job)
