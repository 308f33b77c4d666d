"""A port takes nothing new before it is closed: the kernel resets connections that it has made and nobody has taken."""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

# Seconds in which a server takes what was connected before it refuses the rest.
SETTLE = 0.3
# SO_ATTACH_FILTER of Linux, which Python does not name.
ATTACH_FILTER = 26
# A program of classic BPF over the TCP header, as (code, jump if true, jump if false, value): load byte 13, the flags;
# if SYN is among them, keep nothing of the packet, else all of it.
NO_SYN = [(0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]


def refuse_connections(listener: socket.socket) -> None:
    """Let no connection begin, while those that have begun can be taken still. A client tries again after a second, and
    is refused when the port is closed. Only Linux can do it; elsewhere nothing changes.

    listener (socket.socket): It listens.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in NO_SYN))
    # Some sandboxes have no filters.
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", len(NO_SYN), ctypes.addressof(program)))
