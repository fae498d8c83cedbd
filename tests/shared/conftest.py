"""A Redis for those tests that need a real one."""

import pytest
from services import RedisServer


@pytest.fixture
def redis(tmp_path):
    with RedisServer(tmp_path) as server:
        yield server
