"""kkiai: passes Kling's element calls on.

Source: kkiai's page "Subject (New Version)". It documents the create call only, and its answer as ``{}``,
which tells nothing: a create answered so is looked up by its external id. The page names the query by
external id, and binds a voice to video elements only; the other calls are those of the same family.
"""

from typing import ClassVar

from ..wire import Carries
from .native import NativeGateway


class Kkiai(NativeGateway):
    """``Kkiai(api_key=…, base_url=…)``: all five calls, of which only create is documented."""

    name = "kkiai"
    default_base_url = "https://www.kkiai.com/kling"
    carries: ClassVar[Carries] = Carries(external_ids=True, voice="video")
