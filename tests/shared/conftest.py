"""A Redis for those tests that need a real one."""

import pytest

from .redis_server import RedisServer


@pytest.fixture
async def redis(tmp_path):
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    await server.stop()
