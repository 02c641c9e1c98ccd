"""Every setting once: name, variable, default, unit, sentence. Read at start, then frozen.

Read by `commands/` (and by `app.create_app` in a server process) and handed down; nobody else looks at the
environment. docs/settings.md is made from this file by `credtrail settings`.
"""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CREDTRAIL_"


class Settings(BaseSettings):
    """The settings of one installation. Unknown CREDTRAIL_* variables are reported by `credtrail check`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: Annotated[
        str,
        Field(
            description="Where everything is kept: `sqlite:///path/to/file.db` (a relative path is taken from "
            "the working directory) or `postgresql://user:password@host/database`."
        ),
    ] = "sqlite:///var/credtrail.db"
    public_url: Annotated[
        str,
        Field(
            description="The address under which people reach this installation, without a trailing slash. "
            "It is written into links and previews."
        ),
    ] = "http://127.0.0.1:8000"
    secret_key: Annotated[
        str | None,
        Field(
            description="Signs page tokens and cursors; at least 32 characters. When it is not given, one is made and kept "
            "in a file beside an SQLite database (`credtrail.key`); with PostgreSQL it has to be given."
        ),
    ] = None
    rate_limit_per_second: Annotated[
        float,
        Field(gt=0, description="Requests a second that one access token may make in the long run."),
    ] = 50
    rate_limit_burst: Annotated[
        int, Field(ge=1, description="Requests that one access token may make at once after a pause.")
    ] = 200
    page_limit_per_network: Annotated[
        int,
        Field(
            ge=1,
            description="Reports of credential pages counted in a minute from one network of visitors (a /24 of IPv4, "
            "a /48 of IPv6); more are set aside. Behind a reverse proxy, name it in `CREDTRAIL_PROXY_ADDRESSES`, or all "
            "visitors are one network.",
        ),
    ] = 120
    page_limit_per_credential: Annotated[
        int,
        Field(ge=1, description="Reports of one credential's page counted in a minute; more are set aside."),
    ] = 1_200
    code_limit_per_network: Annotated[
        int,
        Field(
            ge=1,
            description="Codes that recipients ask for or type in a minute, from one network of visitors; more are "
            "refused.",
        ),
    ] = 60
    code_limit_per_credential: Annotated[
        int,
        Field(ge=1, description="The same on one credential's page."),
    ] = 120
    wallet_limit: Annotated[
        int,
        Field(
            ge=0,
            description="The most wallets that may be registered at the same time; 0: none can register. One that nobody "
            "connects is forgotten after seven days.",
        ),
    ] = 10_000
    wallet_registrations_per_network: Annotated[
        int,
        Field(ge=1, description="Wallets that may register in a minute from one network."),
    ] = 10
    terms_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://\S+)?$",
            description="The address of this server's terms of service, which wallets are told. Empty: the front page.",
        ),
    ] = ""
    privacy_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://\S+)?$",
            description="The address of this server's privacy policy, which wallets are told. Empty: the front page.",
        ),
    ] = ""
    verify_limit_per_network: Annotated[
        int,
        Field(
            ge=1,
            description="Verifications at `/verify` in a minute from one network of visitors; more are refused.",
        ),
    ] = 30
    verify_foreign_hosts: Annotated[
        str,
        Field(
            description="Comma-separated host names that may be asked, by https, for the keys and status lists of other "
            "issuers' credentials that are verified here, such as `badges.example`; `*` is every host of the internet, and "
            "none of an inner network. Empty: nobody is asked, and what would have to be is told as not checked."
        ),
    ] = ""
    proxy_addresses: Annotated[
        str,
        Field(
            description="Comma-separated addresses or networks of reverse proxies whose `X-Forwarded-For` and "
            "`X-Forwarded-Proto` are believed. Empty: nobody's."
        ),
    ] = ""
    facebook_app_id: Annotated[
        str,
        Field(
            pattern=r"^\d*$",
            description="Id of an app registered with Facebook. With it, credential pages offer sharing by Messenger on "
            "desktop computers too; without it only where Messenger's own app can be opened.",
        ),
    ] = ""
    body_limit_bytes: Annotated[
        int, Field(ge=1024, description="The largest request body taken, in bytes.")
    ] = 1_048_576
    commit_batch_size: Annotated[
        int, Field(ge=1, le=10_000, description="The most waiting requests that share one transaction.")
    ] = 1_000
    queue_limit: Annotated[
        int,
        Field(
            ge=1,
            description="The most requests that may wait for a transaction in one process; beyond it the answer is 503.",
        ),
    ] = 10_000
    busy_timeout_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long a request waits for a locked or silent database before it gets 503, in seconds.",
        ),
    ] = 5
    set_aside_retention_days: Annotated[
        int,
        Field(
            ge=1, description="How long page events that were set aside are kept with their reason, in days."
        ),
    ] = 30
    cache_dir: Annotated[
        str,
        Field(
            description="The folder that keeps drawn documents. Empty: `cache` beside an SQLite database, `var/cache` "
            "with PostgreSQL. It may be deleted at any time; what is asked for is drawn again."
        ),
    ] = ""
    cache_limit_mb: Annotated[
        int,
        Field(ge=16, description="The most that folder holds, in MB; what was used longest ago goes first."),
    ] = 512
    render_threads: Annotated[
        int, Field(ge=1, le=64, description="How many documents one process draws at the same time.")
    ] = 2
    session_days: Annotated[
        int,
        Field(
            ge=1,
            le=365,
            description="After how many days without a request one has to sign in to the dashboard again.",
        ),
    ] = 14
    openid_issuer: Annotated[
        str,
        Field(
            description="Address of an OpenID provider by which users may sign in to the dashboard, such as "
            "`https://login.example/realms/staff`. Empty: by password only."
        ),
    ] = ""
    openid_client_id: Annotated[
        str, Field(description="As whom Credtrail is registered with that provider.")
    ] = ""
    openid_client_secret: Annotated[str, Field(repr=False, description="And with which secret.")] = ""
    openid_name: Annotated[
        str, Field(description="What the provider is called on the button to sign in by it.")
    ] = "OpenID"
    smtp_host: Annotated[
        str,
        Field(description="The mail server. Empty: mails are written as files into `CREDTRAIL_MAIL_FOLDER`."),
    ] = ""
    smtp_port: Annotated[int, Field(ge=1, le=65_535, description="The mail server's port.")] = 587
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(
            description="How the connection to the mail server is protected: STARTTLS (usual on port 587), TLS from the "
            "beginning (usual on port 465), or not at all."
        ),
    ] = "starttls"
    smtp_username: Annotated[
        str, Field(description="With which name to log in to the mail server; empty: without.")
    ] = ""
    smtp_password: Annotated[str, Field(repr=False, description="And with which password.")] = ""
    smtp_timeout_seconds: Annotated[
        float,
        Field(gt=0, le=300, description="How long the mail server may take for each answer, in seconds."),
    ] = 30
    smtp_connections: Annotated[
        int, Field(ge=1, le=50, description="Connections to the mail server that one worker has at once.")
    ] = 2
    mail_from: Annotated[
        str,
        Field(
            pattern=r"^[^@\s<>]{1,64}@[^@\s<>]+$",
            description="The address that mails come from, where a workspace has none of its own.",
        ),
    ] = "credentials@localhost"
    mail_folder: Annotated[
        str,
        Field(
            description="Where mails are written without a mail server. Empty: `mails` beside an SQLite database, "
            "`var/mails` with PostgreSQL."
        ),
    ] = ""
    mail_retry_hours: Annotated[
        int,
        Field(ge=1, description="How long a mail that the server puts off is tried again, in hours."),
    ] = 72
    webhook_allowed_hosts: Annotated[
        str,
        Field(
            description="Comma-separated host names or addresses to which webhooks may go although they lead to an inner "
            "network, also without TLS, such as `127.0.0.1, hooks.internal`. Empty: only to the internet, by https."
        ),
    ] = ""
    webhook_retention_days: Annotated[
        int,
        Field(
            ge=1,
            description="How long webhook messages are kept with their deliveries and attempts, in days.",
        ),
    ] = 30
    log_format: Annotated[
        Literal["json", "console"], Field(description="How log lines are written to standard error.")
    ] = "json"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least serious log line written.")
    ] = "info"
    log_requests: Annotated[
        Literal["errors", "all"],
        Field(description="Which requests get a log line: only refused and failed ones, or all of them."),
    ] = "errors"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("public_url")
    @classmethod
    def _plain_public_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("must be an http:// or https:// address without query or fragment")
        if parts.path not in ("", "/"):
            raise ValueError("must be an address without a path: give the program a host name of its own")
        return value.rstrip("/")

    @field_validator("openid_issuer")
    @classmethod
    def _safe_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        here = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if value and parts.scheme != "https" and not (parts.scheme == "http" and here):
            raise ValueError("must be an https:// address")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, value: str | None) -> str | None:
        if value is not None and len(value) < 32:
            raise ValueError("must have at least 32 characters; `openssl rand -hex 32` makes a good one")
        return value

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, or None where the database is PostgreSQL."""
        if self.database_url.startswith("sqlite:///"):
            return Path(self.database_url.removeprefix("sqlite:///"))
        return None

    @property
    def webhook_hosts(self) -> frozenset[str]:
        """The hosts that webhooks may reach wherever they are."""
        return frozenset(one.strip().lower() for one in self.webhook_allowed_hosts.split(",") if one.strip())

    @property
    def foreign_hosts(self) -> frozenset[str]:
        """The hosts that are asked about other issuers' credentials."""
        return frozenset(one.strip().lower() for one in self.verify_foreign_hosts.split(",") if one.strip())

    @property
    def cache_folder(self) -> Path:
        """Where drawn documents are kept."""
        if self.cache_dir:
            return Path(self.cache_dir)
        return self.sqlite_path.with_name("cache") if self.sqlite_path else Path("var/cache")

    @property
    def mail_folder_path(self) -> Path:
        """Where mails are written without a mail server."""
        if self.mail_folder:
            return Path(self.mail_folder)
        return self.sqlite_path.with_name("mails") if self.sqlite_path else Path("var/mails")


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which variable and what is allowed."""


def read_settings(**given: object) -> Settings:
    """Read the environment and `.env`; `given` (from the command line) wins. Raises SettingsError."""
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by pydantic itself
    except ValidationError as problem:
        sentences = [
            f"{PREFIX}{'_'.join(str(part) for part in error['loc']).upper()}: "
            f"{error['msg'].removeprefix('Value error, ')}"
            for error in problem.errors()
        ]
        raise SettingsError("\n".join(sentences)) from None


def find_or_make_secret_key(settings: Settings) -> str:
    """The secret key: the setting, or the key file beside the SQLite database, made on first use.

    The file is readable by its owner only. Safe when several processes start at once: the first to
    create the file wins. Raises SettingsError with PostgreSQL and no setting, since processes on
    several machines must share the key.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    if settings.sqlite_path is None:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY is needed with PostgreSQL, so that all processes share it; "
            "`openssl rand -hex 32` makes a good one"
        )
    path = settings.sqlite_path.with_name("credtrail.key")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".credtrail.key.{secrets.token_hex(8)}")
    if not path.exists():
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32))
        try:
            path.hardlink_to(made)  # fails when another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()


def describe_settings() -> str:
    """docs/settings.md: every setting with its variable, default and meaning."""
    lines = [
        "# Settings",
        "",
        "Read once at start from environment variables, or from a file `.env` in the working directory.",
        "This page is made by `credtrail settings`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "–" if field.default in (None, "") else f"`{field.default}`"
        allowed = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        choices = ", ".join(f"`{one}`" for one in allowed)
        meaning = f"{field.description} One of {choices}." if choices else field.description
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def list_unknown_variables(environment: Iterable[str]) -> list[str]:
    """CREDTRAIL_* variables that no setting reads: most likely misspelt."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
