"""Where a gateway may be asked to call back: by evolink's rules, and by those that hold everywhere."""

import ipaddress

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import ElementSpec, ElementsSession, Images, InvalidElementError
from kling_elements_async.callback_urls import LONGEST_URL, callback_url_problems
from kling_elements_async.gateways import EvoLink, EzModel

PUBLIC, HERE = "https://api.evolink.ai", "http://127.0.0.1:8080/evolink"
NO_URL, USER, HTTPS, FRAGMENT = "no http(s) URL", "user", "must be https", "fragment"
PORT, ADDRESS, LENGTH = "443", "no public address", "characters"
SPEC = ElementSpec("Mira", "A singer", Images("https://example.com/f.png", []))

# What is wrong with each, at evolink and elsewhere.
FINE = [
    "https://example.com",
    "https://example.com/",
    "https://EXAMPLE.com:443/called?token=a%20b&x=[1]",
    "HTTPS://example.com/",
    "https://a.b.c.example.co.uk./x",
    "https://xn--bcher-kva.example/x",
    "https://under_score.example.com/é",
    "https://8.8.8.8/x",
    "https://[2606:4700:4700::1111]/x",
    "https://[2606:4700:4700::1111]:443",
    "https://example.com:/x",
    "https://local.example.com/",
    "https://example.com/@user",
    "https://1.example.com",
    "https://" + "a" * 63 + ".com",
    "https://example.com/" + "a" * (LONGEST_URL - 20),
]
NOWHERE = [
    "",
    "example.com",
    "//example.com/x",
    "https:example.com",
    "https:///x",
    "https://",
    "https://:443/",
    "ftp://example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://example.com/a b",
    " https://example.com",
    "https://example.com\n",
    "https://exa\tmple.com",
    "https://example.com/\r\nX: y",
    "https://example.com/\0",
    "https://example.com/\x7f",
    "https://example.com/\x85",
    "https://example.com/\u200b",
    "https://example.com/\u202e",
    "https://example.com/\ud800",
    "https://example.com\\@127.0.0.1/",
    "https://example.com:port/",
    "https://example.com:99999/",
    "https://example.com:-1/",
    "https://a:b:c/",
    "https://[::1",
    "https://::1]/",
    "https://[127.0.0.1",
    "https://[x]/",
    "https://[2606:4700::1111]127.0.0.1/",
    "https://127.0.0.1[2606:4700::1111]/",
    "https://[fe80::1%25eth0]/",
    "https://exa\u2100mple.com/",
]
NOT_PUBLIC = [
    "localhost",
    "localhost.",
    "LOCALHOST",
    "a.localhost",
    "intranet",
    "intranet.",
    "printer.local",
    "printer.local.",
    "metadata.google.internal",
    "db.internal.",
    "x.localdomain",
    "x.lan",
    "x.home.arpa",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0",
    "0x7f.1",
    "0X7F.0.0.0X1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "1.0x",
    "1.2.3.4.5",
    "256.1.1.1",
    "example.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::8.8.8.8]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:808:808::]",
    "[2001::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    # Full-width digits, other full stops, circled letters: parsers make 127.0.0.1 and localhost of them.
    "\uff11\uff12\uff17.0.0.\uff11",
    "127.0.0\u30021",
    "a.localhost\u3002",
    "a.loc\u24d0lhost",
    "b\u00fccher.example",
    "exa%6dple.com",
    "127.0.0.1%2f.example.com",
    "exa;mple.com",
    "exa,mple.com",
    "a..example.com",
    ".example.com",
    "-a.example.com",
    "a-.example.com",
    "a" * 64 + ".com",
    ".".join(["a" * 50] * 6),
]


def problems(url, *, public_only=True, base_url=PUBLIC):
    return list(callback_url_problems(url, public_only=public_only, base_url=base_url))


def are_about(found, *words):
    return len(found) == len(words) and all(word in problem for word, problem in zip(words, found, strict=True))


@pytest.mark.parametrize("url", FINE, ids=lambda url: url[:40])
def test_a_good_url(url):
    """A public host over HTTPS, with any path and query, is fine everywhere."""
    assert problems(url) == problems(url, public_only=False) == []


@pytest.mark.parametrize("url", NOWHERE, ids=ascii)
def test_no_url(url):
    """What no parser, or not each in the same way, takes for an http(s) URL is refused everywhere."""
    assert are_about(problems(url), NO_URL)
    assert are_about(problems(url, public_only=False), NO_URL)


@pytest.mark.parametrize("host", NOT_PUBLIC, ids=ascii)
def test_a_host_that_is_not_public(host):
    """evolink calls none of them, in whichever form they are written; elsewhere that is the gateway's affair."""
    url = f"https://{host}/called"
    assert are_about(problems(url), ADDRESS)
    assert problems(url, public_only=False) == []


@pytest.mark.parametrize(
    ("url", "strictly", "elsewhere"),
    [
        ("http://example.com/", [HTTPS], []),
        ("https://example.com:8443/", [PORT], []),
        ("https://example.com:0/", [PORT], []),
        ("https://example.com:80/", [PORT], []),
        ("https://example.com/#x", [FRAGMENT], []),
        ("https://example.com/#", [FRAGMENT], []),
        ("https://example.com/" + "a" * (LONGEST_URL - 19), [LENGTH], []),
        ("https://user@example.com/", [USER], [USER]),
        ("https://user:hunter2@example.com/", [USER], [USER]),
        ("https://@example.com/", [USER], [USER]),
        ("https://example.com:443@127.0.0.1/", [USER, ADDRESS], [USER]),
        ("https://a@b@example.com/", [USER], [USER]),
        (
            "http://u@10.0.0.1:80/" + "a" * LONGEST_URL + "#x",
            [USER, HTTPS, LENGTH, FRAGMENT, PORT, ADDRESS],
            [USER],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_all_that_is_wrong(url, strictly, elsewhere):
    """Everything is said at once, and no password is repeated."""
    assert are_about(problems(url), *strictly)
    assert are_about(problems(url, public_only=False), *elsewhere)
    assert "hunter2" not in str(problems("https://user:hunter2@localhost"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "http://localhost:8000/x", "http://[::1]:8000/x"])
def test_this_machine(url):
    """It may be called by a gateway on it, as a sandbox is, and by no other."""
    for base_url in (HERE, "http://localhost:1", "https://[::1]"):
        assert problems(url, base_url=base_url) == []
    assert are_about(problems(url), HTTPS, PORT, ADDRESS)
    assert are_about(problems("http://10.0.0.1/x", base_url=HERE), HTTPS, ADDRESS)
    assert are_about(problems("http://u@127.0.0.1/x", base_url=HERE), USER)


@few_and_many(30, 100, st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_any_address(address):
    """None that Python calls anything but global is taken, in none of its spellings."""
    host = str(address) if address.version == 4 else f"[{address}]"
    if not address.is_global:
        assert are_about(problems(f"https://{host}/"), ADDRESS)
    if isinstance(address, ipaddress.IPv4Address):
        number = int(address)
        for spelling in (str(number), hex(number), oct(number).replace("o", ""), f"[::ffff:{address}]"):
            assert are_about(problems(f"https://{spelling}/"), ADDRESS)


@given(st.text(max_size=40), st.booleans())
def test_any_text(text, public_only):
    """It is judged, and breaks nothing, behind a scheme or bare."""
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        assert all(isinstance(problem, str) for problem in problems(url, public_only=public_only))


async def test_a_create_with_a_bad_url():
    """Nothing is sent: the problem is named with its place, by the rules of the gateway at hand."""
    bad = evolve(SPEC, callback_url="http://10.0.0.1/x")
    async with ElementsSession(EvoLink(api_key="no-real-key")) as session:
        assert await session.check_element(bad) == [
            "callback_url: must be https",
            "callback_url: names 10.0.0.1, which is no public address",
        ]
        with pytest.raises(InvalidElementError, match="callback_url: must be https"):
            await session.create_element(bad)
    async with ElementsSession(EzModel(api_key="no-real-key")) as session:
        found = await session.check_element(
            evolve(bad, reference=Images("https://example.com/f.png", ["https://x.y/s"]))
        )
        assert found == []
