"""A gateway of your own on loopback, for tests and demos. Shares no code with the client's readers.

    async with Sandbox() as sandbox, ElementsSession(sandbox.gateway("ezmodel")) as session:
        ...

It obeys the vendor's and the gateways' own pages, not what our client believes about them.
"""

from .account import Account, Seen
from .answer import Answer
from .chaos import Chaos
from .fault import NO_FAULT, Fault
from .order import Order
from .picture import Picture
from .server import Sandbox
from .task import Task
from .thread import SandboxThread

__all__ = [
    "NO_FAULT",
    "Account",
    "Answer",
    "Chaos",
    "Fault",
    "Order",
    "Picture",
    "Sandbox",
    "SandboxThread",
    "Seen",
    "Task",
]
