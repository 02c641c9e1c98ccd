"""docs/client.md is true: its Python runs, and prints what it says."""

import io
import re
from contextlib import redirect_stdout

from conftest import ON_ONE
from credtrail import client
from credtrail.client.parts import Everything
from documents import ADDRESS, ROOT, read_blocks

PAGE = ROOT / "docs" / "client.md"


@ON_ONE
def test_every_example_prints_what_it_says(server, cast, monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", cast.ada)
    monkeypatch.setenv("GROUP", cast.group_id)
    monkeypatch.chdir(tmp_path)
    names, printed = {}, ""
    for block in read_blocks(PAGE):
        if block.language == "python":
            assert printed == "", "what it printed is not shown"
            out = io.StringIO()
            with redirect_stdout(out):
                exec(compile(block.text.replace(ADDRESS, server.url), str(PAGE), "exec"), names)
            printed = out.getvalue()
        elif block.language == "text":
            assert printed == block.text
            printed = ""
    assert printed == ""
    for name in ("api", "patient"):
        names[name].close()


def test_every_method_is_listed():
    listed = dict(re.findall(r"^\| `api(?:\.(\w+))?` \| (.+) \|$", PAGE.read_text(), re.M))
    api = Everything(None)
    parts = {"": api, **{name: part for name, part in vars(api).items() if not name.startswith("_")}}
    assert set(listed) == set(parts)
    for name, part in parts.items():
        methods = {one for one in dir(type(part)) if not one.startswith("_")}
        assert set(re.findall(r"`(\w+)`", listed[name])) == methods, name


def test_every_error_is_listed():
    for error in filter(is_error, vars(client).values()):
        if error.__name__ != "CredtrailError":
            assert f"`{error.__name__}`" in PAGE.read_text(), error


def is_error(thing):
    return isinstance(thing, type) and issubclass(thing, Exception)
