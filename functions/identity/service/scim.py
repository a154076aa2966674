"""SCIM 2.0 (RFC 7644) over what provisioning does: resources are read, filtered, patched and shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from scim2_models import (
    Context,
    Error,
    ListResponse,
    PatchOp,
    ResponseParameters,
    SCIMException,
    ScimFilter,
    SearchRequest,
)
from scim2_models.path import CompareOperator, Comparison

from functions.identity.errors import NoAddress, ScimFault
from functions.identity.gateways import Directory
from functions.identity.model.provisioning import Group as KnownGroup
from functions.identity.model.provisioning import address_of
from functions.identity.model.scim import (
    LENIENT,
    MAX_RESULTS,
    PATCHING,
    FullUser,
    Group,
    addresses_of,
    document_of,
    group_resource,
    name_of,
    provider_config,
    resource_types,
    schemas,
    user_resource,
)
from functions.identity.service import groups, provisioning
from functions.identity.service.provisioning import Provisioned, Stores, Wanted, retrying
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed

DEFAULT_RESULTS = 100
MAX_OPERATIONS = 1000
T = TypeVar("T")
Shown = dict[str, Any]
Parameters = Mapping[str, Any]


def list_users(stores: Stores, actor: Actor, query: Parameters) -> Shown:
    """The people that a filter chooses, sorted and paged. Raises ScimFault."""
    return _listed(FullUser, query, lambda search: _users(stores, actor, search))


def get_user(stores: Stores, actor: Actor, user_id: str, query: Parameters) -> Shown:
    """One person. Raises NotFound or ScimFault."""
    parameters = _parameters(FullUser, query)
    return _shown(_user(stores, actor, provisioning.find(stores, actor, user_id)), parameters)


def create_user(stores: Stores, directory: Directory, actor: Actor, body: bytes) -> Shown:
    """A new person."""
    resource = _read(FullUser, body, Context.RESOURCE_CREATION_REQUEST)
    found = provisioning.create(stores, directory, actor, _wanted(resource, None))
    return _shown(_user(stores, actor, found), None, Context.RESOURCE_CREATION_RESPONSE)


def replace_user(stores: Stores, actor: Actor, user_id: str, body: bytes, if_match: str | None) -> Shown:
    """All that is to be said of a person."""

    def replace() -> Provisioned:
        resource = _read(FullUser, body, Context.RESOURCE_REPLACEMENT_REQUEST)
        found = provisioning.find(stores, actor, user_id)
        return provisioning.change(stores, actor, found, _wanted(resource, found), if_match)

    changed = retrying(replace, if_match)
    return _shown(_user(stores, actor, changed), None, Context.RESOURCE_REPLACEMENT_RESPONSE)


def patch_user(stores: Stores, actor: Actor, user_id: str, body: bytes, if_match: str | None) -> Shown:
    """Some of what is said of a person."""
    patch = _patch(FullUser, body)

    def apply() -> Provisioned:
        found = provisioning.find(stores, actor, user_id)
        resource = _user(stores, actor, found)
        _apply(patch, resource)
        return provisioning.change(stores, actor, found, _wanted(resource, found), if_match)

    changed = retrying(apply, if_match)
    return _shown(_user(stores, actor, changed), None, Context.RESOURCE_PATCH_RESPONSE)


def delete_user(stores: Stores, actor: Actor, user_id: str, if_match: str | None) -> None:
    """A person is no longer provisioned, nor in the organisation."""

    def delete() -> None:
        found = provisioning.find(stores, actor, user_id)
        if if_match is not None and if_match != found.revision:
            raise PreconditionFailed()
        provisioning.demand_removable(stores, actor, found)
        groups.forget(stores, actor, user_id)
        provisioning.remove(stores, actor, provisioning.find(stores, actor, user_id))

    retrying(delete, if_match)


def list_groups(stores: Stores, actor: Actor, query: Parameters) -> Shown:
    """The groups that a filter chooses. Raises ScimFault."""
    return _listed(Group, query, lambda _search: _groups(stores, actor))


def get_group(stores: Stores, actor: Actor, group_id: str, query: Parameters) -> Shown:
    """One group. Raises NotFound or ScimFault."""
    parameters = _parameters(Group, query)
    return _shown(group_resource(groups.find(stores, actor, group_id)), parameters)


def create_group(stores: Stores, actor: Actor, body: bytes) -> Shown:
    """A new group."""
    resource = _read(Group, body, Context.RESOURCE_CREATION_REQUEST)
    made = groups.create(stores, actor, *_said(resource))
    return _shown(group_resource(made), None, Context.RESOURCE_CREATION_RESPONSE)


def replace_group(stores: Stores, actor: Actor, group_id: str, body: bytes, if_match: str | None) -> Shown:
    """All that is to be said of a group."""

    def replace() -> KnownGroup:
        resource = _read(Group, body, Context.RESOURCE_REPLACEMENT_REQUEST)
        return _change_group(stores, actor, group_id, if_match, lambda _known: resource)

    return _shown(group_resource(retrying(replace, if_match)), None, Context.RESOURCE_REPLACEMENT_RESPONSE)


def patch_group(stores: Stores, actor: Actor, group_id: str, body: bytes, if_match: str | None) -> Shown:
    """Some of what is said of a group."""
    patch = _patch(Group, body)

    def patched(known: KnownGroup) -> Any:
        resource = group_resource(known)
        _apply(patch, resource)
        return resource

    def apply() -> KnownGroup:
        return _change_group(stores, actor, group_id, if_match, patched)

    return _shown(group_resource(retrying(apply, if_match)), None, Context.RESOURCE_PATCH_RESPONSE)


def delete_group(stores: Stores, actor: Actor, group_id: str, if_match: str | None) -> None:
    """A group is gone, with what it gave its people."""

    def delete() -> None:
        group = groups.find(stores, actor, group_id)
        _demand_version(group, if_match)
        groups.remove(stores, actor, group)

    retrying(delete, if_match)


def search(stores: Stores, actor: Actor, kind: str | None, body: bytes) -> Shown:
    """What `POST /.search` asks: of people, of groups, or of both."""
    if kind is not None:
        lister = list_users if kind == "Users" else list_groups
        return lister(stores, actor, _object(body))
    models: Any = FullUser | Group
    return _listed(models, _object(body), lambda search: [*_users(stores, actor, search), *_groups(stores, actor)])


def describe(kind: str, name: str | None = None) -> Shown:
    """What the service says of itself: `config`, `types` or `schemas`. Raises NotFound."""
    if kind == "config":
        return _shown(provider_config(), None)
    found = resource_types() if kind == "types" else schemas()
    if name is None:
        return _list_of([_shown(each, None) for each in found], len(found), 1)
    chosen = next((each for each in found if str(each.id).casefold() == name.casefold()), None)
    if chosen is None:
        raise NotFound()
    return _shown(chosen, None)


@contextmanager
def speaking() -> Iterator[None]:
    """Within, what the SCIM library refuses is a fault that the caller is told in SCIM's words."""
    try:
        yield
    except ValidationError as wrong:
        first = Error.from_validation_error(wrong.errors()[0])
        raise ScimFault(str(first.detail)[:300], first.scim_type) from None
    except SCIMException as wrong:
        raise ScimFault(str(wrong)[:300], wrong.scim_type or None) from None
    except RecursionError:
        raise ScimFault("The request is nested too deeply.", "invalidFilter") from None
    except UnicodeEncodeError:
        raise ScimFault("The request holds half a character.", "invalidFilter") from None


def _listed(model: Any, query: Parameters, choose: Callable[[Any], Iterable[Any]]) -> Shown:
    """A page of what a search chooses."""
    with speaking():
        request = SearchRequest[model].model_validate(dict(query), scim_policy=LENIENT)
        candidates = choose(request)
        if request.filter is not None:
            candidates = [each for each in candidates if _matches(request.filter, each)]
        found = list(candidates) if request.sort_by is None else request.sort(candidates)
    start = min(request.start_index or 1, len(found) + 1)
    count = MAX_RESULTS if request.count is None else min(request.count, MAX_RESULTS)
    count = min(count, DEFAULT_RESULTS) if request.count is None else count
    page = found[start - 1 : start - 1 + count]
    return _list_of([_shown(each, request) for each in page], len(found), start)


def _matches(chosen: ScimFilter[Any], resource: Any) -> bool:
    return bool(chosen.match(resource))


def _list_of(resources: list[Shown], total: int, start: int) -> Shown:
    return {
        "schemas": [str(ListResponse.__schema__)],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _users(stores: Stores, actor: Actor, request: Any) -> Iterator[Any]:
    """Who may match: the one that a filter names, or everybody."""
    wanted = _named(request.filter)
    if wanted is None:
        people: Iterable[Provisioned | None] = provisioning.everybody(stores, actor)
    elif wanted[0] == "id":
        people = [_maybe(lambda: provisioning.find(stores, actor, wanted[1]))]
    elif wanted[0] == "username":
        people = [provisioning.named(stores, actor, wanted[1])]
    else:
        people = [provisioning.known_as(stores, actor, wanted[1])]
    known = stores.provisions.groups(actor)
    return (_user_resource(each, known) for each in people if each is not None)


def _groups(stores: Stores, actor: Actor) -> list[Any]:
    """They are few."""
    return [group_resource(each) for each in stores.provisions.groups(actor)]


def _named(chosen: Any) -> tuple[str, str] | None:
    """The attribute and the value of a filter that names one person, which directories ask for most."""
    node = chosen.ast if chosen is not None else None
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or not isinstance(node.value, str):
        return None
    attribute = node.attr_path.attr.casefold()
    if node.attr_path.sub_attr or attribute not in ("id", "username", "externalid"):
        return None
    return attribute, node.value


def _maybe(find: Callable[[], T]) -> T | None:
    try:
        return find()
    except NotFound:
        return None


def _user(stores: Stores, actor: Actor, found: Provisioned) -> Any:
    return _user_resource(found, stores.provisions.groups(actor))


def _user_resource(found: Provisioned, known: list[KnownGroup]) -> Any:
    some = found.some
    return user_resource(
        found.profile,
        user_id=found.user_id,
        email=some.email,
        name=found.user.name if found.user else found.user_name,
        active=found.user is not None,
        revision=found.revision,
        created_at=some.created_at,
        changed_at=found.profile.changed_at if found.profile else some.created_at,
        groups=[each for each in known if found.user_id in each.members],
    )


def _wanted(resource: Any, found: Provisioned | None) -> Wanted:
    """What a resource says of a person. Who is said to be neither active nor not stays as before; a new one is."""
    emails = addresses_of(resource)
    if found is None and address_of(resource.user_name, list(emails)) is None:
        raise NoAddress()
    return Wanted(
        user_name=resource.user_name,
        name=name_of(resource),
        external_id=resource.external_id,
        emails=emails,
        active=resource.active if resource.active is not None else found is None or found.user is not None,
        document=document_of(resource),
    )


def _change_group(
    stores: Stores, actor: Actor, group_id: str, if_match: str | None, say: Callable[[KnownGroup], Any]
) -> KnownGroup:
    known = groups.find(stores, actor, group_id)
    _demand_version(known, if_match)
    return groups.change(stores, actor, known, *_said(say(known)))


def _said(resource: Any) -> tuple[str, str | None, list[str]]:
    """The name, the directory's own id and the people of a group."""
    if any(each.value is None for each in resource.members or []):
        raise ScimFault("A member needs a value: the id of a user.", "invalidValue")
    return resource.display_name, resource.external_id, [each.value for each in resource.members or []]


def _demand_version(group: KnownGroup, if_match: str | None) -> None:
    if if_match is not None and if_match != str(group.version):
        raise PreconditionFailed()


def _read(model: Any, body: bytes, context: Context) -> Any:
    """A resource from a body. Raises ScimFault."""
    with speaking():
        return model.model_validate(_object(body), scim_ctx=context, scim_policy=LENIENT)


def _patch(model: Any, body: bytes) -> Any:
    """Changes from a body. Raises ScimFault."""
    said = _object(body)
    operations = said.get("Operations", said.get("operations"))
    if isinstance(operations, list) and len(operations) > MAX_OPERATIONS:
        raise ScimFault(f"A request has at most {MAX_OPERATIONS} operations.", "tooMany")
    with speaking():
        return PatchOp[model].model_validate(said, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=PATCHING)


def _apply(patch: Any, resource: Any) -> None:
    """Change a resource. What a path's filter says may be in it now, and has been read by nobody before."""
    with speaking():
        patch.patch(resource, scim_policy=PATCHING)
        json.dumps(resource.model_dump(scim_policy=LENIENT), ensure_ascii=False).encode()


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises ScimFault for anything else."""
    try:
        said = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise ScimFault("The body is not JSON.", "invalidSyntax") from None
    if not isinstance(said, dict):
        raise ScimFault("The body is no JSON object.", "invalidSyntax")
    return said


def _parameters(model: Any, query: Parameters) -> Any:
    with speaking():
        return ResponseParameters[model].model_validate(dict(query), scim_policy=LENIENT)


def _shown(resource: Any, parameters: Any, context: Context = Context.RESOURCE_QUERY_RESPONSE) -> Shown:
    """A resource as the caller sees it, with the attributes that the caller wants."""
    with speaking():
        shown: Shown = resource.model_dump(scim_ctx=context, scim_policy=LENIENT, response_parameters=parameters)
    return shown
