"""Addresses at which a cloud tells its machines their credentials. No platform lives there, whatever a name says.

Who controls the name of a feed's or a webhook's host could lead it there (DNS rebinding), also after we have looked it
up. So the address is looked at once we are connected, before anything is sent, not even TLS.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

import httpx

log = logging.getLogger(__name__)

# Link-local: AWS, Google, Azure, Tencent and most others. Then Alibaba, Volcengine, Azure's wire server, Oracle; and
# over IPv6 AWS, Google, Oracle, Alibaba, Scaleway, Linode. deploy/*.service name the same.
METADATA: Final = tuple(
    ip_network(each)
    for each in (
        "169.254.0.0/16",
        "fe80::/10",
        "100.100.100.200/32",
        "100.96.0.96/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "fd00:c1::a9fe:a9fe/128",
        "fd00:100::100:200/128",
        "fd00:42::42/128",
        "fd00:a9fe:a9fe::1/128",
    )
)
_TRANSLATED: Final = ip_network("64:ff9b::/96")  # NAT64 (RFC 6052): the last four bytes are an address of IPv4


class MetadataAddressError(httpx.ConnectError):
    """A host's name led to the machine's own cloud."""


def is_metadata(address: str) -> bool:
    """Whether a cloud answers there; also where IPv4 is written as IPv6."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    elif found in _TRANSLATED:
        found = IPv4Address(found.packed[-4:])
    return any(found in network for network in METADATA if network.version == found.version)


async def refuse_metadata(event: str, info: Mapping[str, Any]) -> None:
    """For a request's extension `trace`: https://www.encode.io/httpcore/extensions/#trace

    Raises:
        MetadataAddressError: we are connected to such an address; the connection is closed.
    """
    if event != "connection.connect_tcp.complete":
        return
    stream = info["return_value"]
    peer = stream.get_extra_info("server_addr")
    if peer and is_metadata(str(peer[0])):
        await stream.aclose()
        log.error("address.refused", extra={"address": str(peer[0])})
        raise MetadataAddressError("it leads to an address of the cloud itself")


GUARDED: Final[dict[str, Any]] = {"trace": refuse_metadata}
"""The extensions of a request that is not to reach such an address."""
