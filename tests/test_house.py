"""The house keeps its own rules: imports, names, where SQL stands, and that documents and code say the same."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import takewhile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import credtrail
from conftest import in_transaction
from credtrail.app import build
from credtrail.database import metadata
from credtrail.errors import ERRORS
from credtrail.metrics import COMMIT_ITEMS, COMMIT_SECONDS, QUEUE_DEPTH, REQUESTS, SET_ASIDE
from credtrail.settings import Settings, describe_settings
from documents import ROOT

SOURCE = ROOT / "src" / "credtrail"
MODULES = sorted(SOURCE.rglob("*.py"))
SQL_STANDS_IN = ("store", "outbox", "log_sql", "search_sql", "counts", "fold", "visits")
"""And in files whose name ends in `_store`."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BANNED = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "core",
    "base",
    "misc",
    "manager",
    "service",
    "handler",
}
DATABASE_WORDS = re.compile(
    r"\b(select|insert|update|delete)\b[^\"]*\b(from|into|set)\b|\b(create table|alter table)\b", re.I
)


def page(name):
    return (ROOT / name).read_text()


def name_of(path):
    return str(path.relative_to(ROOT))


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold():
    contracts = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert contracts.returncode == 0, contracts.stdout


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_module_says_what_lives_in_it(module):
    if "versions/__init__" not in str(module):
        assert ast.get_docstring(ast.parse(module.read_text())), name_of(module)


def test_file_names_say_something():
    files = [
        *MODULES,
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "bench").rglob("*.py"),
        *(ROOT / "docs").rglob("*.md"),
    ]
    for file in files:
        words = set(re.split(r"[_\-.]", file.stem)) | set(file.relative_to(ROOT).parent.parts)
        assert not words & BANNED, name_of(file)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_environment_is_read_in_one_place(module):
    if name_of(module) == "src/credtrail/settings.py":
        return
    text = module.read_text()
    allowed = {  # check lists misspelt names; the metrics library takes its folder from the environment alone
        "src/credtrail/check.py": {"os.environ"},
        "src/credtrail/metrics.py": {"os.environ"},
        "src/credtrail/serve.py": {"os.environ"},
    }.get(name_of(module), set())
    assert set(re.findall(r"os\.environ|os\.getenv", text)) <= allowed
    code_strings = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("CREDTRAIL_")
    ]
    assert code_strings == []


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_sql_stands_only_in_stores_logs_and_the_database(module):
    within = module.relative_to(SOURCE)
    if within.parts[0] == "database" or within.stem in SQL_STANDS_IN or within.stem.endswith("_store"):
        return
    tree = ast.parse(module.read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert not any(name.split(".")[0] in ("sqlalchemy", "alembic", "asyncpg", "sqlite3") for name in imported)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    assert not DATABASE_WORDS.search(argument.value), argument.value


def test_docs_settings_is_what_the_program_lists():
    assert page("docs/settings.md") == describe_settings(), "make fix writes it anew"


def test_every_error_code_is_in_the_documents():
    for name in ("docs/api.md", "docs/compatibility.md"):
        for error in ERRORS.values():
            assert error.code in page(name), f"{error.code} is not in {name}"
            assert str(error.status) in page(name), f"{error.status} is not in {name}"


def test_every_route_is_in_the_documents(tmp_path):
    parts = build(Settings(database_url=f"sqlite:///{tmp_path}/none.db", secret_key="k" * 32))
    for endpoint in parts.endpoints:
        route = f"{endpoint.method} /v1{endpoint.path}"
        assert f"### {route}\n" in page("docs/api.md"), route
        assert f"`{route}`" in page("docs/compatibility.md"), route
    shown = re.findall(r"^### ([A-Z]+) /v1(\S+)$", page("docs/api.md"), re.M)
    assert sorted(shown) == sorted((endpoint.method, endpoint.path) for endpoint in parts.endpoints)


def test_every_assumption_is_in_the_documents():
    told = page("docs/compatibility.md")
    for module in MODULES:
        for sentence in assumptions_in(module.read_text()):
            row = f"| `{name_of(module)}` | {sentence} |"
            assert row in told, f"docs/compatibility.md needs this row:\n{row}"
    rows = re.findall(r"^\| `(src/[\w/.]+)` \| (.+) \|$", told, re.M)
    for name, sentence in rows:
        assert sentence in assumptions_in((ROOT / name).read_text()), (
            f"{name} has no such assumption: {sentence}"
        )


def assumptions_in(text):
    """What follows `Assumed:`, to the end of its comment, or of its paragraph in a docstring."""
    found = []
    for match in re.finditer("(# )?Assumed: ", text):
        lines = re.split(r'"""|\n\s*\n', text[match.end() :], maxsplit=1)[0].split("\n")
        if match[1]:
            after = takewhile(lambda line: line.strip().startswith("#"), lines[1:])
            lines = [lines[0], *(line.strip().removeprefix("#") for line in after)]
        found.append(" ".join(" ".join(lines).split()))
    return found


def test_the_migrated_tables_are_those_of_the_code(settings):
    def ask(transaction):
        context = MigrationContext.configure(transaction.connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert in_transaction(settings, ask) == []


def test_every_metric_is_in_the_documents():
    for metric in (REQUESTS, COMMIT_ITEMS, COMMIT_SECONDS, QUEUE_DEPTH, SET_ASIDE):
        assert f"`{metric.describe()[0].name}" in page("docs/metrics.md")


def dependencies():
    return [Requirement(line) for line in PROJECT["project"]["dependencies"]]


def development_dependencies():
    return [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]


def test_every_dependency_has_its_reason():
    reasons = dict(
        re.findall(r"^\| `([\w-]+)` \| (.{15,}) \|$", page("docs/decisions/dependencies.md"), re.M)
    )
    optional = [
        Requirement(line) for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines
    ]
    needed = {one.name for one in [*dependencies(), *optional, *development_dependencies()]}
    assert needed == set(reasons)


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_the_locks_fit_the_dependencies(lock):
    text = page(f"requirements/{lock}.txt")
    locked = {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.\-]+)==([\w.]+)", text, re.M)
    }
    wanted = dependencies() + (development_dependencies() if lock == "dev" else [])
    for one in wanted:
        version = locked.get(canonicalize_name(one.name))
        assert version, f"{one.name} is in no lock; make lock writes it"
        assert one.specifier.contains(version, prereleases=True), f"{one}: {version} is locked; make lock"
    assert "://" not in text


def test_the_changelog_begins_with_this_version():
    newest = re.search(r"^## (\S+)", page("CHANGELOG.md"), re.M)
    assert newest
    assert newest[1] == credtrail.__version__


def test_the_wheel_and_the_source_name_the_same_license():
    assert PROJECT["project"]["license"] == "MIT"
    named = {path for pattern in PROJECT["project"]["license-files"] for path in ROOT.glob(pattern)}
    contexts = SOURCE / "badges" / "contexts"
    for folder in (*(SOURCE / "web" / "vendor").iterdir(), contexts):
        assert [path for path in named if path.parent == folder], f"{folder} holds other people's files"
    notice = (contexts / "README.md").read_text()
    assert [path.name for path in contexts.glob("*.json") if path.name not in notice] == []
    assert page("LICENSE").startswith("MIT License")


def test_every_decision_is_listed_in_the_architecture():
    text = page("ARCHITECTURE.md")
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        assert f"docs/decisions/{decision.name}" in text, decision.name


def test_the_map_names_every_folder_and_every_file_that_is_there():
    text = page("ARCHITECTURE.md")
    for entry in SOURCE.iterdir():
        if entry.name not in ("__pycache__", "py.typed"):
            assert f"`{entry.name}{'/' if entry.is_dir() else ''}`" in text, entry.name
