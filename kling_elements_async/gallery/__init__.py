"""The gallery: a library of elements as one HTML page that needs nothing else.

Law: pure; elements in, text out. Reads no clock, opens no file, and trusts nothing that an element says.
"""

from .entry import Entry
from .page import page

__all__ = ["Entry", "page"]
