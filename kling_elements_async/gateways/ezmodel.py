"""ezmodel: passes Kling's element calls on unchanged, unbilled, and gives back the raw answers.

Source: ezmodel's page "Kling Elements". It shows the delete call on another host than the rest; one origin
gets the key here, the configured one.
"""

from .native import NativeGateway


class EzModel(NativeGateway):
    """``EzModel(api_key=…, base_url=…)``: all five calls."""

    name = "ezmodel"
    default_base_url = "https://api.ezmodel.cloud/kling"
