"""The beginning of an SMB 2 and 3 conversation over a checked connection; packets by smbprotocol."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from smbprotocol import Dialects
from smbprotocol.connection import (
    HashAlgorithms,
    SecurityMode,
    SMB2NegotiateContextRequest,
    SMB2NegotiateResponse,
    SMB2PreauthIntegrityCapabilities,
    SMB3NegotiateRequest,
)
from smbprotocol.connection import NegotiateContextType as ContextType
from smbprotocol.header import Commands, SMB2HeaderRequest, SMB2HeaderResponse
from smbprotocol.session import SMB2SessionSetupRequest, SMB2SessionSetupResponse
from smbprotocol.tree import SMB2TreeConnectRequest
from spnego._ntlm_raw.messages import Authenticate, Negotiate, NegotiateFlags

from kernel.egress import Connection, EgressProtocolError

WAIT = 5.0
MAX_PACKET = 64 * 1024
OFFERED = (Dialects.SMB_2_0_2, Dialects.SMB_2_1_0, Dialects.SMB_3_0_0, Dialects.SMB_3_0_2, Dialects.SMB_3_1_1)
DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
SUCCESS, MORE_PROCESSING = 0x00000000, 0xC0000016
WORDS = NegotiateFlags.unicode | NegotiateFlags.ntlm
FLAGS = WORDS | NegotiateFlags.request_target | NegotiateFlags.extended_session_security
IS_GUEST, IS_NULL = 0x0001, 0x0002


@dataclass(frozen=True, slots=True)
class Server:
    """What a server chose: its newest dialect that we know, and whether it signs (`required`, `enabled`, `no`)."""

    dialect: str
    signing: str
    guid: str


class Conversation:
    """Packets and their answers, one after another (MS-SMB2 section 3.2)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._message = 0
        self._session = 0

    async def negotiate(self) -> Server:
        """Offer every dialect. Raises `EgressProtocolError` for a server that is none."""
        request = SMB3NegotiateRequest()
        request["security_mode"] = SecurityMode.SMB2_NEGOTIATE_SIGNING_ENABLED
        request["client_guid"] = uuid.uuid4()
        request["dialects"] = list(OFFERED)
        integrity = SMB2PreauthIntegrityCapabilities()
        integrity["hash_algorithms"] = [HashAlgorithms.SHA_512]
        integrity["salt"] = uuid.uuid4().bytes * 2
        context = SMB2NegotiateContextRequest()
        context["context_type"] = ContextType.SMB2_PREAUTH_INTEGRITY_CAPABILITIES
        context["data"] = integrity
        request["negotiate_context_list"] = [context]
        status, body = await self._exchange(Commands.SMB2_NEGOTIATE, request)
        if status != SUCCESS:
            raise EgressProtocolError(f"the SMB server refuses to negotiate: {hex(status)}")
        return _server(_unpacked(SMB2NegotiateResponse(), body))

    async def enter(self, host: str) -> bool:
        """Log in as nobody and connect to IPC$; whether both is granted. A guest's session is not anonymous."""
        status, _ = await self._log_in(bytes(Negotiate(FLAGS).pack()))
        if status != MORE_PROCESSING:
            return False
        nobody = Authenticate(
            FLAGS | NegotiateFlags.anonymous, lm_challenge_response=b"\x00", nt_challenge_response=b"",
            domain_name="", username="", workstation="",
        )  # fmt: skip
        status, body = await self._log_in(bytes(nobody.pack()))
        if status != SUCCESS:
            return False
        flags = _unpacked(SMB2SessionSetupResponse(), body)["session_flags"].get_value()
        return not flags & IS_GUEST and await self._reaches_services(host)

    async def _log_in(self, token: bytes) -> tuple[int, bytes]:
        request = SMB2SessionSetupRequest()
        request["security_mode"] = SecurityMode.SMB2_NEGOTIATE_SIGNING_ENABLED
        request["buffer"] = token
        return await self._exchange(Commands.SMB2_SESSION_SETUP, request)

    async def _reaches_services(self, host: str) -> bool:
        request = SMB2TreeConnectRequest()
        request["buffer"] = f"\\\\{host}\\IPC$".encode("utf-16-le")
        status, _ = await self._exchange(Commands.SMB2_TREE_CONNECT, request)
        return status == SUCCESS

    async def _exchange(self, command: int, request: Any) -> tuple[int, bytes]:
        """The status and the body of the answer to a request; the session's id is kept."""
        header = SMB2HeaderRequest()
        header["command"] = command
        header["credit_request"] = 1
        header["credit_charge"] = 1 if self._message else 0
        header["message_id"] = self._message
        header["session_id"] = self._session
        header["data"] = request
        self._message += 1
        packet = header.pack()
        await self._connection.send(len(packet).to_bytes(4, "big") + packet, WAIT)
        answer = _unpacked(SMB2HeaderResponse(), await self._frame())
        if answer["command"].get_value() != command:
            raise EgressProtocolError("the SMB server answers another question")
        self._session = answer["session_id"].get_value()
        return answer["status"].get_value(), answer["data"].get_value()

    async def _frame(self) -> bytes:
        """A packet without its frame (MS-SMB2 section 2.1)."""
        head = await self._connection.read_exactly(4, WAIT)
        length = int.from_bytes(head[1:], "big")
        if head[0] or not 64 <= length <= MAX_PACKET:
            raise EgressProtocolError("it does not answer as an SMB server")
        packet = await self._connection.read_exactly(length, WAIT)
        if not packet.startswith(b"\xfeSMB"):
            raise EgressProtocolError("it does not answer as an SMB 2 server")
        return packet


def _server(answer: Any) -> Server:
    mode = answer["security_mode"].get_value()
    required = mode & SecurityMode.SMB2_NEGOTIATE_SIGNING_REQUIRED
    signing = "required" if required else "enabled" if mode else "no"
    dialect = answer["dialect_revision"].get_value()
    return Server(DIALECTS.get(dialect, hex(dialect)), signing, str(answer["server_guid"].get_value()))


def _unpacked(structure: Any, data: bytes) -> Any:
    """A structure filled from bytes. Raises `EgressProtocolError` for bytes that do not fit."""
    try:
        structure.unpack(data)
    except Exception as error:
        # The library reads what it is given and fails in many ways.
        raise EgressProtocolError(f"an SMB packet cannot be read: {type(error).__name__}") from error
    return structure
