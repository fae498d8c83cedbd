"""What the workers of one account share: its slots, and the rate of its requests.

``ElementsSession(gateway, slots=RedisSlots("redis://…"))`` and ``ElementsSession(gateway, max_rate=Rate(300,
"redis://…"))``. What is named here is a value, and needs no extra to be imported.
"""

from .rate import Rate
from .redis_slots import RedisSlots

__all__ = ["Rate", "RedisSlots"]
