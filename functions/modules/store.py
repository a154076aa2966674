"""What tenants have set for their modules."""

from __future__ import annotations

from contracts.collection import OwnModule
from contracts.modules import ModuleChanged, ModuleFace, ModuleSetting
from functions.modules.model import ModuleStats
from kernel.actor import Actor
from kernel.records import Resource
from kernel.table import Once, Table, create, update


class Store:
    """Reads and commits module settings."""

    def __init__(self, table: Table | None = None) -> None:
        self.table = table or Table()

    def settings(self, actor: Actor) -> dict[str, ModuleSetting]:
        """All settings of the tenant, by module."""
        return {setting.name: setting for setting in self.table.all(actor, ModuleSetting)}

    def setting(self, actor: Actor, name: str) -> ModuleSetting | None:
        """One module's setting, or None."""
        return self.table.get(actor, ModuleSetting, name=name)

    def own_faces(self, actor: Actor) -> dict[str, ModuleFace]:
        """The modules that the tenant wrote itself, by name."""
        return {own.name: own.face for own in self.table.all(actor, OwnModule)}

    def own_face(self, actor: Actor, name: str) -> ModuleFace | None:
        """One of them, or None."""
        own = self.table.get(actor, OwnModule, name=name)
        return own.face if own else None

    def stats(self, actor: Actor, name: str) -> list[ModuleStats]:
        """A module's figures by day and version, oldest first."""
        return list(self.table.all(actor, ModuleStats, name=name))

    def stats_of(self, actor: Actor, name: str, day: str, number: str) -> ModuleStats | None:
        """The figures of one day and version."""
        return self.table.get(actor, ModuleStats, name=name, day=day, number=number)

    def count(self, actor: Actor, kept: list[ModuleStats], once: Once) -> None:
        """Commit figures. Raises AlreadySeen, PreconditionFailed when another worker counted meanwhile."""
        changes = [update(each) if each.version else create(each) for each in kept]
        self.table.transact(actor, changes, [], once=once)

    def save(self, actor: Actor, setting: ModuleSetting, answer: Resource) -> None:
        """Commit a setting that was read, or a first one."""
        event = ModuleChanged(name=setting.name, enabled=setting.enabled, configured=sorted(setting.config))
        change = update(setting) if setting.version else create(setting)
        self.table.transact(actor, [change], [event], answer=answer)
