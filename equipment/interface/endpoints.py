"""Where the equipment of a line answers: one file in its data directory, which the line writes and its clients read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "endpoints.json"


@dataclass(frozen=True)
class Endpoint:
    """One equipment's server: its address, the certificate it is pinned by (path of a DER file), and its process."""

    url: str
    application_uri: str
    certificate: str
    pid: int


def write_endpoints(data_dir: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Write the file, whole or not at all; equipment by name."""
    fresh = data_dir / f".{FILE}"
    fresh.write_text(json.dumps({name: asdict(endpoint) for name, endpoint in endpoints.items()}, indent=1))
    fresh.replace(data_dir / FILE)


def read_endpoints(data_dir: Path) -> dict[str, Endpoint]:
    """The equipment that serves from ``data_dir``, by name. Raises `FileNotFoundError` before a line has started."""
    return {name: Endpoint(**told) for name, told in json.loads((data_dir / FILE).read_text()).items()}
