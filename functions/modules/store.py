"""What tenants have set for their modules."""

from __future__ import annotations

from contracts.modules import ModuleChanged, ModuleSetting
from kernel.actor import Actor
from kernel.records import Resource
from kernel.table import Table, create, update


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

    def save(self, actor: Actor, setting: ModuleSetting, answer: Resource) -> None:
        """Commit a setting that was read, or a first one."""
        event = ModuleChanged(name=setting.name, enabled=setting.enabled, configured=sorted(setting.config))
        change = update(setting) if setting.version else create(setting)
        self.table.transact(actor, [change], [event], answer=answer)
