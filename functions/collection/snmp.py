"""SNMP messages: what is sent and how answers are read; encoding by pysnmp."""

from __future__ import annotations

import secrets
from typing import Any

SYSTEM = {"1.3.6.1.2.1.1.1.0": "description", "1.3.6.1.2.1.1.2.0": "object_id", "1.3.6.1.2.1.1.5.0": "name"}
"""Of SNMPv2-MIB: sysDescr, sysObjectID, sysName."""
VERSIONS = {"1": 0, "2c": 1}
MAX_TEXT = 300
REPORTABLE = 0x04
USM = 3


def question(version: str, community: str) -> bytes:
    """A Get for what the system says of itself, in version `1` or `2c`."""
    from pyasn1.codec.ber import encoder
    from pysnmp.proto.api import PROTOCOL_MODULES

    protocol = PROTOCOL_MODULES[VERSIONS[version]]
    pdu = protocol.GetRequestPDU()
    protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, secrets.randbelow(2**31))
    protocol.apiPDU.set_varbinds(pdu, [(name, protocol.Null("")) for name in SYSTEM])
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, community)
    protocol.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def answer(asked: bytes, wire: bytes) -> dict[str, str] | None:
    """What the agent says in answer to a question; None for bytes that are no answer to it."""
    from pyasn1.codec.ber import decoder
    from pysnmp.proto.api import PROTOCOL_MODULES, decodeMessageVersion

    try:
        protocol = PROTOCOL_MODULES[decodeMessageVersion(asked)]
        ours, theirs = (decoder.decode(each, asn1Spec=protocol.Message())[0] for each in (asked, wire))
        sent, got = (protocol.apiMessage.get_pdu(each) for each in (ours, theirs))
        if protocol.apiPDU.get_request_id(sent) != protocol.apiPDU.get_request_id(got):
            return None
        if protocol.apiPDU.get_error_status(got):
            return {}
        bindings = protocol.apiPDU.get_varbinds(got)[: len(SYSTEM)]
        return {SYSTEM[str(name)]: _text(value) for name, value in bindings if str(name) in SYSTEM}
    except Exception:
        # The library reads what it is given and fails in many ways.
        return None


def discovery() -> bytes:
    """The question of version 3 that needs no name: which engine are you (RFC 3414 section 4)?"""
    from pyasn1.codec.ber import encoder
    from pysnmp.proto.api import PROTOCOL_MODULES
    from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
    from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

    message = SNMPv3Message()
    message["msgVersion"] = 3
    header = message["msgGlobalData"]
    header["msgID"] = secrets.randbelow(2**31)
    header["msgMaxSize"] = 65507
    header["msgFlags"] = bytes([REPORTABLE])
    header["msgSecurityModel"] = USM
    parameters = UsmSecurityParameters()
    for name in ("msgAuthoritativeEngineId", "msgUserName", "msgAuthenticationParameters", "msgPrivacyParameters"):
        parameters[name] = b""
    parameters["msgAuthoritativeEngineBoots"] = parameters["msgAuthoritativeEngineTime"] = 0
    message["msgSecurityParameters"] = encoder.encode(parameters)
    protocol = PROTOCOL_MODULES[VERSIONS["2c"]]
    pdu = protocol.GetRequestPDU()
    protocol.apiPDU.set_defaults(pdu)
    scoped = message["msgData"]["plaintext"]
    scoped["contextEngineId"] = scoped["contextName"] = b""
    scoped["data"]["get-request"] = pdu
    return bytes(encoder.encode(message))


def engine(asked: bytes, wire: bytes) -> bytes | None:
    """The id of the engine that answers a discovery; None for bytes that are no answer to it."""
    from pyasn1.codec.ber import decoder
    from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
    from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

    try:
        ours, theirs = (decoder.decode(each, asn1Spec=SNMPv3Message())[0] for each in (asked, wire))
        if ours["msgGlobalData"]["msgID"] != theirs["msgGlobalData"]["msgID"]:
            return None
        parameters, _ = decoder.decode(bytes(theirs["msgSecurityParameters"]), asn1Spec=UsmSecurityParameters())
        return bytes(parameters["msgAuthoritativeEngineId"])[:32] or None
    except Exception:
        # The library reads what it is given and fails in many ways.
        return None


def _text(value: Any) -> str:
    return str(value.prettyPrint())[:MAX_TEXT]
