"""Packages that only some users need: what errors advise."""

import json

import pytest

from vilma import _optional


class Installed:
    def __init__(self, content):
        self._content = content

    def read_text(self, name):
        assert name == "direct_url.json"
        return self._content


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (None, 'pip install "vilma[plot]"'),
        ("damaged", 'pip install "vilma[plot]"'),
        (json.dumps({"url": "https://x.org/v.whl"}), 'pip install "vilma[plot]"'),
        (
            json.dumps({"url": "file:///home/a%20b/vilma", "dir_info": {}}),
            'pip install "/home/a b/vilma[plot]"',
        ),
        (
            json.dumps({"url": "file:///vilma", "dir_info": {"editable": True}}),
            'pip install -e "/vilma[plot]"',
        ),
    ],
)
def test_the_command_fits_the_installation(monkeypatch, content, command):
    monkeypatch.setattr(_optional, "distribution", lambda name: Installed(content))
    assert _optional.install_command("plot") == command


def test_a_copy_that_is_not_installed(monkeypatch):
    def missing(name):
        raise _optional.PackageNotFoundError(name)

    monkeypatch.setattr(_optional, "distribution", missing)
    assert _optional.install_command("deep") == 'pip install "vilma[deep]"'
