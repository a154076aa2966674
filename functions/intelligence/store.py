"""What intelligence keeps: everything lies in the facts bucket, under keys that name the scan and the wave."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from contracts import facts
from contracts.access import TeamBrief, TeamMembership
from contracts.findings import Detection
from contracts.found import Found
from contracts.intelligence import RetentionChanged
from contracts.organizations import Tenancy
from contracts.plans import Metered, unless_exhausted
from contracts.reports import IntelligencePart, ReportFinding, part_key
from contracts.scans import ScanBrief
from functions.intelligence.model.correlation.own import (
    MAX_RULE_VERSIONS,
    OwnRule,
    PinnedRules,
    RuleChoices,
    RuleVersion,
)
from functions.intelligence.model.learning import Snapshot, decode
from functions.intelligence.model.outline import Outline
from functions.intelligence.model.parts import Index, Slice, Written, written
from functions.intelligence.model.records import GraphHead, ImportStatus, ScanImport
from functions.intelligence.model.retention import Keeper, Retention, keeper_of
from kernel import aws
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Event
from kernel.facts import Facts
from kernel.records import Resource
from kernel.table import Page, Table, create, delete, put, update

if TYPE_CHECKING:
    from functions.intelligence.model.correlation.compiled import RuleResult

AT_ONCE: Final = 16
"""Objects that are fetched at the same time for a page."""
MAX_OUTLINES: Final = 2
"""Outlines of graphs that a process keeps between requests."""
AHEAD: Final = 4
"""Objects that are fetched before they are needed, by who reads many: a segment can be large."""


class Store:
    """Reads and writes for one deployment."""

    def __init__(self, table: Table | None = None, bucket: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = bucket or Facts()
        self._outlines: dict[tuple[str, ...], Outline] = {}

    def brief(self, actor: Actor, scan_id: str) -> ScanBrief:
        """The scan, as its context shows it to those who see it. Raises NotFound."""
        brief = self._table.require(actor, ScanBrief, scan_id=scan_id)
        if not actor.sees(brief.team_id):
            raise NotFound()
        return brief

    def read(self, actor: Actor, key: str) -> bytes:
        """One object. Raises NotFound."""
        return self._facts.get(actor, key)

    def write(self, actor: Actor, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """One object; the same key again replaces it."""
        self._facts.put(actor, key, body, content_type)

    def remove(self, actor: Actor, prefix: str, kept: str = "") -> int:
        """Remove everything below a prefix but the object `kept`; how many objects went."""
        return self._facts.delete(actor, prefix, kept)

    def remove_some(self, actor: Actor, prefix: str, keys: Container[str]) -> int:
        """Remove those objects below a prefix that `keys` names; how many went."""
        return self._facts.remove(actor, [key for key in self._facts.keys(actor, prefix) if key in keys])

    def found(self, actor: Actor, key: str) -> Found:
        """What the batches of a compacted scan found. Raises NotFound."""
        return facts.decode_rows(self.read(actor, key), Found)[0]

    def link(self, actor: Actor, key: str, filename: str) -> str:
        """A presigned download link."""
        return self._facts.link(actor, key, filename)

    def read_all(self, actor: Actor, slices: Sequence[Slice]) -> list[bytes]:
        """Slices of objects, several at once; a size of 0 is the whole object. Raises NotFound."""
        if len(slices) < 2:
            return [self._facts.get(actor, *each) for each in slices]
        with ThreadPoolExecutor(min(AT_ONCE, len(slices))) as pool:
            return list(pool.map(lambda each: self._facts.get(actor, *each), slices))

    def find_all(self, actor: Actor, keys: Sequence[str]) -> list[bytes | None]:
        """Objects, several at once; None for each that is not there."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda key: self._find(actor, key), keys))

    def _find(self, actor: Actor, key: str) -> bytes | None:
        try:
            return self.read(actor, key)
        except NotFound:
            return None

    def index(self, actor: Actor, scan_id: str, wave: int) -> Index:
        """What was written for all waves up to this one, nothing below wave 0. Raises NotFound."""
        if wave < 0:
            return Index()
        return facts.decode_rows(self.read(actor, facts.index_key(actor.tenant_id, scan_id, wave)), Index)[0]

    def write_index(self, actor: Actor, scan_id: str, index: Index) -> None:
        """Written last: with it, a wave is there."""
        key = facts.index_key(actor.tenant_id, scan_id, index.manifests[-1].wave)
        self.write(actor, key, facts.encode_rows([index]))

    def segments(self, actor: Actor, scan_id: str, wave: int, made_of: list[Written]) -> Iterator[bytes]:
        """What the batches of a wave found, in the order of the batches; the next few are fetched meanwhile. What
        each of them is comes into `made_of`."""
        prefix = f"{facts.scan_prefix(actor.tenant_id, scan_id)}segments/{wave:05}/"
        for key, body in self.ahead(actor, self._facts.keys(actor, prefix)):
            made_of.append(written(key, body))
            yield body

    def ahead(self, actor: Actor, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Objects in order, with `AHEAD` more on their way while one is used. Raises NotFound."""
        coming = iter(keys)
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting = deque((key, pool.submit(self.read, actor, key)) for key in islice(coming, AHEAD))
            while waiting:
                key, body = waiting.popleft()
                waiting.extend((later, pool.submit(self.read, actor, later)) for later in islice(coming, 1))
                yield key, body.result()

    def heads(self, actor: Actor) -> list[GraphHead]:
        """The graphs of all audiences to which the actor belongs. One call."""
        return [head for head in self._table.all(actor, GraphHead) if head.snapshot and actor.sees(head.team_id)]

    def head(self, actor: Actor, audience: str) -> GraphHead:
        """Where an audience's graph is; a new one where there is none."""
        found = self._table.get(actor, GraphHead, audience=audience)
        return found or GraphHead(tenant_id=actor.tenant_id, audience=audience)

    def advance(self, actor: Actor, head: GraphHead) -> None:
        """Commit a new generation. Raises PreconditionFailed or Conflict when another one came first."""
        self._table.transact(actor, [update(head) if head.version else create(head)])

    def snapshot(self, actor: Actor, head: GraphHead) -> Snapshot:
        """A generation of a graph; an empty one before anything was learnt."""
        return decode(self.read(actor, head.snapshot)) if head.snapshot else Snapshot()

    def outline(self, actor: Actor, head: GraphHead) -> Outline:
        """A graph's outline. It is large and never changes: the last few are kept."""
        return self.remembered((head.outline,), lambda: Outline.load(self.read(actor, head.outline)))

    def remembered(self, keys: tuple[str, ...], make: Callable[[], Outline]) -> Outline:
        """The outline of these objects, which the caller was just allowed to read; made when it is not known."""
        found = self._outlines.pop(keys, None) or make()
        self._outlines[keys] = found
        while len(self._outlines) > MAX_OUTLINES:
            del self._outlines[next(iter(self._outlines))]
        return found

    def keys(self, actor: Actor, prefix: str) -> list[str]:
        """The keys below a prefix, sorted. One call for each thousand."""
        return list(self._facts.keys(actor, prefix))

    def teams_of_people(self, actor: Actor) -> Iterator[set[str]]:
        """The teams of each person who is in one."""
        memberships = self._table.all(actor, TeamMembership)
        return (
            {each.team_id for each in own} for _, own in groupby(memberships, key=lambda membership: membership.user_id)
        )

    def generations(self, actor: Actor, audience: str) -> set[str]:
        """The names of the generations of which there are objects."""
        prefix = facts.graph_prefix(actor.tenant_id, audience)
        return {key.removeprefix(prefix).partition("/")[0] for key in self._facts.keys(actor, prefix)}

    def add_import(self, actor: Actor, record: ScanImport) -> None:
        """Commit a new import, if the plan has room for a scan."""
        room = [unless_exhausted(actor, metered) for metered in (Metered.OBSERVATIONS, Metered.STORAGE)]
        self._table.transact(actor, [create(record), *room], answer=record)

    def import_(self, actor: Actor, import_id: str) -> ScanImport:
        """One import that the actor sees. Raises NotFound."""
        found = self._table.require(actor, ScanImport, import_id=import_id)
        if not actor.sees(found.team_id):
            raise NotFound()
        return found

    def imports(self, actor: Actor, limit: int, cursor: str | None) -> Page[ScanImport]:
        """The imports that the actor sees, newest first; a page may be short."""
        page = self._table.query(actor, ScanImport, limit=limit, cursor=cursor, newest_first=True)
        return Page([each for each in page.items if actor.sees(each.team_id)], page.next_cursor)

    def save_import(self, actor: Actor, record: ScanImport, *events: Event, answers: bool = False) -> None:
        """Commit how far an import is. Raises PreconditionFailed when it moved on."""
        self._table.transact(actor, [update(record)], events, answer=record if answers else None)

    def retention(self, actor: Actor) -> Retention:
        """How long the organisation keeps its facts, under its plan. Two calls."""
        with aws.acting_for(actor.tenant_id):
            tenancy = self._table.get_platform(Tenancy, tenant_id=actor.tenant_id)
        found = self._table.get(actor, Retention) or Retention(tenant_id=actor.tenant_id)
        return found.under(tenancy.plan if tenancy else Tenancy.model_fields["plan"].default)

    def keep(self, actor: Actor, record: Retention, event: RetentionChanged) -> None:
        """Commit how long facts are kept. Raises PreconditionFailed or Conflict when somebody else did."""
        self._table.transact(actor, [update(record) if record.version else create(record)], [event], answer=record)

    def tell(self, actor: Actor, event: Event) -> None:
        """Publish what was done with objects."""
        self._table.transact(actor, [], [event])

    def forgotten_imports(self, actor: Actor, before: str) -> list[ScanImport]:
        """Imports that were begun before an instant and still await their file."""
        awaiting = (each for each in self._table.all(actor, ScanImport) if each.status is ImportStatus.AWAITING)
        return [each for each in awaiting if each.created_at < before]

    def look_after(self, actor: Actor) -> None:
        """From now on, the clock looks after the organisation's facts."""
        self._table.write(put(keeper_of(actor.tenant_id)))

    def kept_in(self, slot: int) -> Iterator[str]:
        """The organisations with facts that an hour's clock looks after."""
        return (keeper.tenant for keeper in self._table.all_platform(Keeper, slot=slot))

    def own_rules(self, actor: Actor) -> list[OwnRule]:
        """The organisation's own rules by name."""
        return list(self._table.all(actor, OwnRule))

    def own_rule(self, actor: Actor, name: str) -> OwnRule | None:
        """One of them, or None."""
        return self._table.get(actor, OwnRule, name=name)

    def rule_choices(self, actor: Actor) -> RuleChoices:
        """Which of the product's rules the organisation does without."""
        return self._table.get(actor, RuleChoices) or RuleChoices(tenant_id=actor.tenant_id)

    def rule_versions(self, actor: Actor, name: str) -> list[RuleVersion]:
        """The texts that a rule of the organisation's own has had, newest first."""
        return self._table.query(actor, RuleVersion, limit=MAX_RULE_VERSIONS + 1, newest_first=True, name=name).items

    def last_rule_version(self, actor: Actor, name: str) -> RuleVersion | None:
        """The newest of them, or None."""
        found = self._table.query(actor, RuleVersion, limit=1, newest_first=True, name=name).items
        return found[0] if found else None

    def rule_version(self, actor: Actor, name: str, number: int) -> RuleVersion | None:
        """One of them, or None."""
        return self._table.get(actor, RuleVersion, name=name, number=number)

    def save_rules(
        self,
        actor: Actor,
        record: OwnRule | RuleChoices,
        event: Event,
        answer: Resource,
        added: Sequence[RuleVersion] = (),
        forgotten: RuleVersion | None = None,
    ) -> None:
        """Commit a change, with the texts that it added and the one that it pushed out. Raises PreconditionFailed or
        Conflict when somebody else was first."""
        changes = [update(record) if record.version else create(record), *map(create, added)]
        changes += [delete(forgotten)] if forgotten else []
        self._table.transact(actor, changes, [event], answer=answer)

    def remove_rule(self, actor: Actor, record: OwnRule, texts: Sequence[RuleVersion], event: Event) -> None:
        """Commit that a rule is gone, with texts that it had."""
        self._table.transact(actor, [delete(record), *map(delete, texts)], [event])

    def pinned_rules(self, actor: Actor, scan_id: str) -> PinnedRules | None:
        """The rules that a scan's first wave settled; None before, and of scans that began without."""
        found = self._find(actor, facts.rules_key(actor.tenant_id, scan_id))
        return None if found is None else facts.decode_rows(found, PinnedRules)[0]

    def pin_rules(self, actor: Actor, scan_id: str, pinned: PinnedRules) -> None:
        """Settle a scan's rules."""
        self.write(actor, facts.rules_key(actor.tenant_id, scan_id), facts.encode_rows([pinned]))

    def briefs(self, actor: Actor) -> Iterator[ScanBrief]:
        """All scans of the organisation that the actor sees."""
        return (brief for brief in self._table.all(actor, ScanBrief) if actor.sees(brief.team_id))

    def find_index(self, actor: Actor, scan_id: str, wave: int) -> Index | None:
        """What was written for all waves up to this one; None where nothing was."""
        try:
            return self.index(actor, scan_id, wave)
        except NotFound:
            return None

    def has_team(self, actor: Actor, team_id: str) -> bool:
        """Whether the organisation has a team."""
        return self._table.get(actor, TeamBrief, team_id=team_id) is not None

    def upload_link(self, actor: Actor, import_id: str) -> str:
        """Where a file is to be put."""
        return self._facts.upload_link(actor, facts.upload_key(actor.tenant_id, import_id))

    def size(self, actor: Actor, key: str) -> int:
        """The bytes of an object; 0 when there is none."""
        return self._facts.size(actor, key)

    def slice(self, actor: Actor, key: str, start: int, size: int) -> bytes:
        """Some bytes of an object."""
        return self._facts.get(actor, key, start, size)

    def detections(self, actor: Actor, key: str) -> list[Detection]:
        """Weaknesses that modules reported in one wave."""
        return facts.decode_rows(self.read(actor, key), Detection)

    def rule_results(self, actor: Actor, key: str) -> list[RuleResult]:
        """What the rules found after one wave."""
        from functions.intelligence.model.correlation.compiled import RuleResult  # only the reducer has the rules

        return facts.decode_rows(self.read(actor, key), RuleResult)

    def reported_findings(self, actor: Actor, report_id: str) -> list[ReportFinding]:
        """The findings of a report, as their context handed them in."""
        return facts.decode_rows(self.read(actor, part_key(actor.tenant_id, report_id, "findings")), ReportFinding)

    def hand_in(self, actor: Actor, report_id: str, part: IntelligencePart) -> None:
        """Intelligence's part of a report."""
        self.write(actor, part_key(actor.tenant_id, report_id, "intelligence"), facts.encode_rows([part]))
