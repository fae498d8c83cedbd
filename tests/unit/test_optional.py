"""What needs an extra says which one, and nothing else needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from kling_elements_async import ConfigurationError, ElementsSession, optional
from kling_elements_async.gateways import Kling
from kling_elements_async.shared import Rate, RedisSlots

SIGNING = "kling_elements_async.gateways.signing"


@pytest.fixture
def no_jwt(monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt", None)
    monkeypatch.delitem(sys.modules, SIGNING, raising=False)


@pytest.mark.parametrize(
    "use",
    [
        lambda: optional.load("gateways.signing", extra="jwt"),
        lambda: Kling(access_key="no-real-key", secret_key="no-real-key"),
    ],
    ids=["load", "a pair of keys"],
)
def test_without_the_extra(no_jwt, use):
    """The error names the package and how to install it, and stands alone."""
    with pytest.raises(ConfigurationError, match=r"pip install 'kling-elements-async\[jwt\]'") as info:
        use()
    assert "jwt" in str(info.value)
    assert (info.value.__cause__, info.value.__context__) == (None, None)


def test_an_api_key_without_the_extra(no_jwt):
    """A plain key needs no extra."""
    assert Kling(api_key="no-real-key").authorization() == "no-real-key"


def test_with_the_extra():
    """The module is loaded when it is used, and signs."""
    assert optional.load("gateways.signing", extra="jwt").__name__ == SIGNING
    assert Kling(access_key="no-real-key", secret_key="no-real-key").authorization().count(".") == 2


def test_the_package_loads_no_extra():
    """Importing the package and its gateways loads neither PyJWT, a client of Redis, pyrate-limiter nor the sandbox's server."""
    code = "import sys, kling_elements_async.gateways; sys.exit(bool({'jwt', 'redis', 'pyrate_limiter', 'kling_elements_async.sandbox'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Only these are loaded anew: two of what they stand on would have two of each error, one of which nobody catches.
NEEDING = {
    "redis": ("redis_client", "redis_store", "redis_tickets"),
    "pyrate_limiter": ("cells", "memory_tickets", "redis_tickets", "sqlite_tickets"),
}


@pytest.mark.parametrize(
    ("missing", "extra", "options"),
    [
        ("redis", "redis", {"slots": RedisSlots("redis://localhost")}),
        ("pyrate_limiter", "rate", {"max_rate": 300}),
        ("pyrate_limiter", "rate", {"max_rate": Rate(300, Path("rate.sqlite"))}),
        ("redis", "redis", {"max_rate": Rate(300, "redis://localhost")}),
    ],
)
def test_what_is_shared_without_its_extra(monkeypatch, missing, extra, options):
    """Building the session says which extra is missing."""
    for module in NEEDING[missing]:
        monkeypatch.delitem(sys.modules, f"kling_elements_async.shared.{module}", raising=False)
    # Its parts too: one that another test has loaded would be found without it.
    for name in [missing, *(name for name in sys.modules if name.startswith(f"{missing}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'kling-elements-async\[{extra}\]'"):
        ElementsSession(Kling(api_key="no-real-key"), **options)
