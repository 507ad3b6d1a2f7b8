"""The addresses of a host, and whether they are public."""

from __future__ import annotations

import ipaddress
import socket

from starcyte.errors import RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.source import TransferError

# public for Python, though they are not: addresses of protocols (metadata of Oracle's cloud), Azure's host of each
# machine, relays from IPv6 to IPv4, site-local addresses
_NOT_PUBLIC = [ipaddress.ip_network(n) for n in ("192.0.0.0/24", "168.63.129.16", "192.88.99.0/24", "fec0::/10")]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int, settings: Settings) -> list[str]:
    """Return the addresses of a host.

    Raises
    ------
    TransferError
        If the name cannot be resolved.
    RemoteFailed
        If one of them is private, loopback, link-local or the like, unless ``remote_private`` allows it.
    """
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TransferError(f"the host {host!r} is not found: {reason.rstrip('.')}") from None
    if not settings.remote_private:
        for address in found:
            if not is_public(address):
                raise RemoteFailed(
                    f"The host {host!r} has the address {address}, which is not public.",
                    "--remote-private allows such addresses.",
                )
    return list(dict.fromkeys(found))


def is_public(address: str) -> bool:
    """Return whether an address belongs to the public internet, in any notation."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # an IPv4 address may be embedded in an IPv6 one
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
