"""Settings of every process: environment variables ``MES_…`` or a file ``mes.env``. Read only at the edge."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

PREFIX = "MES_"
FILE = "mes.env"

Secret = Annotated[str | None, "secret"]
"""A value that is never shown."""
PASSWORD = re.compile(r"(://(?!\[)[^:]*:)(?!\d+(?:[/?][^@]*)?$).*?(?=@[^@]*$|$)")
"""In an address: what follows a colon and is no port, up to the last @."""


class Settings(BaseSettings):
    """What can be set, with its meaning and default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=FILE, extra="ignore")

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL 18 server: postgresql://user:password@host:port/database. Its owner makes roles and "
        "schema; after that mes_app is enough. Unset: an embedded server under the data directory.",
    )
    app_password: Secret = Field(
        default=None,
        description="Password of the role mes_app. Unset: made on first start and kept in the data directory.",
    )
    data_dir: Path = Field(default=Path("mes-data"), description="Where the embedded database, keys and files live.")
    host: str = Field(default="127.0.0.1", description="Address on which the web server listens.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port on which the web server listens.")
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses or networks of proxies in front, with commas: what they say of a caller's address and of"
        " https is believed. * believes everybody, and is right only where nobody else can reach the port.",
    )
    statement_timeout_s: float = Field(
        default=30.0,
        ge=0,
        description="Seconds that one statement of a request may take in the database; then the answer is 503. 0: all.",
    )
    address: str | None = Field(
        default=None,
        description="Server that commands ask, e.g. https://mes.example.com. Unset: they work on the database.",
    )
    api_key: Secret = Field(default=None, description="Key that says who acts there; mes key create makes it.")
    plain_http: bool = Field(
        default=False,
        description="Whether the key may go over http, readable, to another machine. To this machine it always may.",
    )
    plant_dir: Path = Field(default=Path("deploy/plants/demonstration_centre"), description="The plant as text.")
    log_format: Literal["text", "json"] = Field(default="text", description="text for people, json for collectors.")


@dataclass(frozen=True)
class Told:
    """One setting for people: its variable, value (secrets masked), default, where it came from, and its meaning."""

    variable: str
    value: str | None
    default: str | None
    source: str
    meaning: str


def told(settings: Settings) -> list[Told]:
    """Every setting, in order. The environment counts before the file, the file before the default."""
    environment = {name.upper() for name in os.environ}
    file = {name.upper() for name in DotEnvSettingsSource(Settings)()}
    found = []
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        source = "environment" if variable in environment else FILE if name.upper() in file else "default"
        value = _shown(getattr(settings, name), secret="secret" in field.metadata)
        default = None if field.default is None else str(field.default)
        found.append(Told(variable, value, default, source, field.description or ""))
    return found


def _shown(value: Any, *, secret: bool) -> str | None:
    """A value as text; of a secret and of the password in an address only that there is one."""
    if value is None:
        return None
    if secret:
        return "***"
    return PASSWORD.sub(r"\1***", str(value))
