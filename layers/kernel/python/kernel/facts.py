"""The facts bucket: bulk that is too much for the table, under the tenant's own prefix."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from kernel import aws
from kernel.actor import Actor
from kernel.errors import NotFound

LINK_SECONDS = 900
DELETE_BATCH = 1000
AHEAD = 16
"""Objects on their way at once."""


class Facts:
    """One bucket as an actor may use it: keys outside `tenants/{tenant}/` are refused before any call."""

    def __init__(self, bucket: str | None = None, client: Any = None) -> None:
        self.bucket = bucket or aws.setting("FACTS_BUCKET")
        self._client = client

    @property
    def client(self) -> Any:
        """The S3 client, made when first needed."""
        if self._client is None:
            self._client = aws.client("s3")
        return self._client

    def put(self, actor: Actor, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """Write an object; writing the same key again replaces it."""
        self._own(actor, key)
        with aws.acting_for(actor.tenant_id):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def get(self, actor: Actor, key: str, start: int = 0, size: int = 0) -> bytes:
        """An object's body, or `size` bytes of it from `start` on. Raises NotFound."""
        self._own(actor, key)
        part = {"Range": f"bytes={start}-{start + size - 1}"} if size else {}
        try:
            with aws.acting_for(actor.tenant_id):
                body: bytes = self.client.get_object(Bucket=self.bucket, Key=key, **part)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            raise NotFound() from None
        except self.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":  # the object ends before `start`
                raise NotFound() from None
            raise
        return body

    def bodies(self, actor: Actor, keys: Iterable[str]) -> Iterator[bytes]:
        """The objects of many keys, in their order, the next ones being fetched while one is used. Raises NotFound."""
        return self.slices(actor, ((key, 0, 0) for key in keys))

    def slices(self, actor: Actor, wanted: Iterable[tuple[str, int, int]]) -> Iterator[bytes]:
        """Bytes of many objects (key, start, size; a size of 0 is all of it), in their order, the next ones being
        fetched while one is used. Raises NotFound."""
        coming = iter(wanted)
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting = deque(pool.submit(self.get, actor, *each) for each in islice(coming, AHEAD))
            while waiting:
                body = waiting.popleft().result()
                waiting.extend(pool.submit(self.get, actor, *each) for each in islice(coming, 1))
                yield body

    def put_all(self, actor: Actor, objects: Iterable[tuple[str, bytes]]) -> None:
        """Write many objects, several at once; their order is not kept."""
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting: deque[Future[None]] = deque()
            for key, body in objects:
                waiting.append(pool.submit(self.put, actor, key, body))
                if len(waiting) > AHEAD:
                    waiting.popleft().result()
            for each in waiting:
                each.result()

    def keys(self, actor: Actor, prefix: str) -> Iterator[str]:
        """The keys below a prefix, sorted."""
        return (entry["Key"] for entry in self._entries(actor, prefix))

    def size(self, actor: Actor, prefix: str) -> int:
        """How many bytes lie below a prefix. One call per thousand objects."""
        return sum(entry["Size"] for entry in self._entries(actor, prefix))

    def _entries(self, actor: Actor, prefix: str) -> Iterator[dict[str, Any]]:
        self._own(actor, prefix)
        pages = iter(self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix))
        while True:
            with aws.acting_for(actor.tenant_id):  # not around a yield: who reads the keys acts for himself
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", ())

    def delete(self, actor: Actor, prefix: str, kept: str = "") -> int:
        """Remove everything below a prefix but the object `kept`; how many objects went."""
        return self.remove(actor, [key for key in self.keys(actor, prefix) if key != kept])

    def remove(self, actor: Actor, keys: Sequence[str]) -> int:
        """Remove some objects; how many there were."""
        for key in keys:
            self._own(actor, key)
        for start in range(0, len(keys), DELETE_BATCH):
            batch = [{"Key": key} for key in keys[start : start + DELETE_BATCH]]
            with aws.acting_for(actor.tenant_id):
                self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True})
        return len(keys)

    def erase(self, actor: Actor, prefix: str) -> int:
        """Remove every version of everything below a prefix, for good; how many objects went."""
        self._own(actor, prefix)
        gone: set[str] = set()
        while True:
            with aws.acting_for(actor.tenant_id):
                found = self.client.list_object_versions(Bucket=self.bucket, Prefix=prefix)
            versions = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
            if not versions:
                return len(gone)
            batch = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            gone |= {each["Key"] for each in versions}
            for start in range(0, len(batch), DELETE_BATCH):
                with aws.acting_for(actor.tenant_id):
                    self.client.delete_objects(
                        Bucket=self.bucket, Delete={"Objects": batch[start : start + DELETE_BATCH], "Quiet": True}
                    )

    def upload_link(self, actor: Actor, key: str, seconds: int = LINK_SECONDS) -> str:
        """A presigned link to which an object can be put."""
        self._own(actor, key)
        with aws.acting_for(actor.tenant_id):
            link: str = self.client.generate_presigned_url(
                "put_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=seconds
            )
        return link

    def link(self, actor: Actor, key: str, filename: str, seconds: int = LINK_SECONDS) -> str:
        """A presigned download link that saves under `filename`."""
        self._own(actor, key)
        disposition = f'attachment; filename="{filename}"'
        parameters = {"Bucket": self.bucket, "Key": key, "ResponseContentDisposition": disposition}
        with aws.acting_for(actor.tenant_id):
            link: str = self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return link

    @staticmethod
    def _own(actor: Actor, key: str) -> None:
        if not key.startswith(f"tenants/{actor.tenant_id}/") or ".." in key:
            raise PermissionError(f"the key {key!r} is not under the actor's tenant")
