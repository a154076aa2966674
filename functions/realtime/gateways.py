"""The connections themselves, behind API Gateway."""

from __future__ import annotations

import os
from typing import Any, Protocol
from urllib.parse import urlsplit

from kernel import aws


class Connections(Protocol):
    """Open WebSockets."""

    def push(self, connection_id: str, frame: bytes) -> bool:
        """Send a frame; False when the connection is gone."""

    def close(self, connection_id: str) -> None:
        """Hang up; a connection that is gone already is left alone."""


class ApiGateway:
    """Connections of the stage's WebSocket API."""

    def push(self, connection_id: str, frame: bytes) -> bool:
        """Send a text frame; API Gateway takes at most 128 KB."""
        client = self._client
        try:
            client.post_to_connection(ConnectionId=connection_id, Data=frame)
        except client.exceptions.GoneException:
            return False
        return True

    def close(self, connection_id: str) -> None:
        """Hang up."""
        client = self._client
        try:
            client.delete_connection(ConnectionId=connection_id)
        except client.exceptions.GoneException:
            return

    @property
    def _client(self) -> Any:
        return aws.client("apigatewaymanagementapi", endpoint_url=_endpoint())


def _endpoint() -> str:
    """Where connections are managed: the API's own host, or its path where one address plays all of AWS."""
    endpoint, emulated = aws.setting("SOCKET_ENDPOINT"), os.environ.get("AWS_ENDPOINT_URL")
    if not emulated:
        return endpoint
    parts = urlsplit(endpoint)
    return f"{emulated}/_aws/execute-api/{parts.netloc.partition('.')[0]}{parts.path}"
