"""Backup and restore of one organisation, by an operator with access to the stage's AWS account.

`python -m infra.backup --stage prod backup org_…`
`python -m infra.backup --stage prod restore org_… --at 2026-01-31T12:00:00Z --dry-run`
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext

from infra.backup import restoring, sources, taking
from infra.backup.cloud import Cloud, CloudError
from infra.backup.scope import Scope, ScopeError, erased_since, moment
from infra.backup.vault import Tampered, Vault
from infra.cdk.stage_names import resource


def connected(stage: str) -> Cloud:
    """The stage, with the credentials that the environment gives."""
    import boto3

    session = boto3.Session()
    account = session.client("sts").get_caller_identity()["Account"]
    place = f"{account}-{session.region_name}"
    return Cloud(
        dynamodb=session.client("dynamodb"),
        s3=session.client("s3"),
        kms=session.client("kms"),
        table=resource(stage, "table"),
        facts=f"{resource(stage, 'facts')}-{place}",
        backups=f"{resource(stage, 'backups')}-{place}",
        key_id=f"alias/{resource(stage, 'data')}",
    )


def run(cloud: Cloud, options: argparse.Namespace) -> int:
    """Do one command; its exit code: 0 done, 1 refused, 4 the result is not what it should be."""
    scope = Scope(options.tenant)
    if options.command == "backup":
        return _backup(cloud, scope, options)
    if options.command == "backups":
        _say("\n".join(Vault(cloud, scope).list()) or "There is no backup.")
        return 0
    return _restore(cloud, scope, options)


def _backup(cloud: Cloud, scope: Scope, options: argparse.Namespace) -> int:
    with _state(cloud, scope, options.at, None) as source:
        manifest = taking.take(Vault(cloud, scope), scope, source, _say, options.resume)
    found = sources.Backup(cloud, scope, manifest["backup_id"])
    left = restoring.compare(scope, found.state, source.state)
    _say(json.dumps({"backup_id": found.backup_id, "at": found.at, "items": len(found.state.items),
                     "objects": len(found.state.objects), "sha256": manifest["items"]["sha256"]}))  # fmt: skip
    return 0 if left.is_empty else 4


def _restore(cloud: Cloud, scope: Scope, options: argparse.Namespace) -> int:
    with _state(cloud, scope, options.at, options.source) as source:
        if options.into:
            restoring.into_table(cloud, scope, source, options.into, _say)
            _say(f"{len(source.state.items)} items are in {options.into}.")
            return 0
        present = restoring.present_state(cloud, scope)
        plan = restoring.compare(scope, source.state, present)
        _say(f"{scope.tenant_id} as it was at {source.at}, against the present:", *plan.lines())
        for user_id in erased_since(present.items.values(), source.at):
            _say(f"{user_id} was erased since, and comes back with what is restored: erase the person again.")
        if options.dry_run or plan.is_empty:
            return 0
        if plan.overwrites and not _confirmed(scope, options):
            _say("Nothing was done.")
            return 1
        restoring.apply(cloud, scope, source, plan, _say)
        left = restoring.compare(scope, source.state, restoring.present_state(cloud, scope))
        _say("After it:", *left.lines())
        return 0 if left.is_empty else 4


def _state(cloud: Cloud, scope: Scope, at: str | None, backup_id: str | None) -> AbstractContextManager[sources.Source]:
    if backup_id:
        return nullcontext(sources.Backup(cloud, scope, backup_id))
    if at:
        return sources.past(cloud, scope, moment(at))
    return nullcontext(sources.present(cloud, scope))


def _confirmed(scope: Scope, options: argparse.Namespace) -> bool:
    """Whether the operator wants what is there now to go: the organisation's id is typed."""
    if options.yes is not None:
        return bool(options.yes == scope.tenant_id)
    return input(f"What is there now goes. Type {scope.tenant_id} to go on: ").strip() == scope.tenant_id


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="palisade admin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--stage", default="dev")
    commands = made.add_subparsers(dest="command", required=True)
    backup = commands.add_parser("backup", help="write a backup of one organisation")
    backup.add_argument("--at", metavar="TIME", help="as it was then; by default as it is")
    backup.add_argument("--resume", metavar="BACKUP", help="go on with one that was cut short")
    restore = commands.add_parser("restore", help="make an organisation what it was")
    origin = restore.add_mutually_exclusive_group(required=True)
    origin.add_argument("--at", metavar="TIME", help="from point-in-time recovery and the versions of objects")
    origin.add_argument("--from", dest="source", metavar="BACKUP", help="from a backup")
    restore.add_argument("--into", metavar="TABLE", help="into a new table, for looking at, and not in place")
    restore.add_argument("--dry-run", action="store_true", help="only say what differs")
    restore.add_argument("--yes", metavar="TENANT", help="the organisation's id again: do not ask")
    listed = commands.add_parser("backups", help="list the backups of one organisation")
    for command in (backup, restore, listed):
        command.add_argument("tenant", metavar="TENANT", help="the organisation's id")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    options = parser().parse_args(arguments)
    try:
        return run(connected(options.stage), options)
    except (CloudError, ScopeError, sources.Moving, Tampered, ValueError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
