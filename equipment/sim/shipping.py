"""The other sites of the chain: they pack material with a document that says what is in the box, and sometimes err.

The document is JSON, written from scratch by code that shares nothing with the MES that will read it: contents, maps as
E142, certificates, material in containers, and the SHA-256 of all of that. What is really in the box stands in a list
beside it, as whoever opens it will count.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from equipment.sim.incoming import Bin, Codes, write_whole

DOCUMENT, BOX = "shipment.json", "box.json"


def pack(folder: Path, delivery: Mapping[str, Any], codes: Mapping[str, Codes]) -> None:
    """Write ``shipment.json`` and ``box.json`` for a delivery whose map files stand in ``folder``.

    ``codes`` are the bins of each substrate that has a map. The last ``missing`` substrates are not in the box.
    """
    substrates = list(delivery["substrates"])
    content = {
        "format": "interposer-shipment/1",
        "shipment": f"{delivery['sender']}-{delivery['lot']}",
        "sender": delivery["sender"],
        "receiver": delivery["receiver"],
        "customer": delivery["customer"],
        "sent_at": delivery["sent_at"],
        "reference": f"waybill {delivery['lot']}",
        "certificates": [{"name": f"CoC {delivery['lot']}", "text": "Made and tested to specification."}],
        "lots": [
            {
                "lot": delivery["lot"],
                "product": delivery["product"],
                "substrates": [_substrate(folder, delivery, name, codes.get(name)) for name in substrates],
            }
        ],
        "materials": [_material(delivery, n, sent) for n, sent in enumerate(delivery["materials"], start=1)],
    }
    sealed = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document = content | {"sha256": hashlib.sha256(sealed.encode()).hexdigest()}
    write_whole(folder / DOCUMENT, json.dumps(document, ensure_ascii=False, indent=1).encode())
    write_whole(folder / BOX, json.dumps(substrates[: len(substrates) - delivery["missing"]]).encode())


def _substrate(folder: Path, delivery: Mapping[str, Any], name: str, codes: Codes | None) -> dict[str, Any]:
    if codes is None:
        return {"substrate": name, "units": delivery["layout"]["rows"] * delivery["layout"]["columns"], "map": None}
    text = (folder / f"{name}.xml").read_text(encoding="utf-8")
    return {"substrate": name, "units": int((codes == Bin.PASS).sum()), "map": text}


def _material(delivery: Mapping[str, Any], number: int, sent: Mapping[str, Any]) -> dict[str, Any]:
    lot = f"{delivery['lot']}-{sent['material']}-{number}"
    ends = datetime.fromisoformat(delivery["sent_at"]) + timedelta(hours=sent["lasts_h"])
    return {
        "lot": lot,
        "material": sent["material"],
        "certificate": f"COA-{lot}",
        "expires_at": ends.isoformat(),
        "containers": [
            {"container": f"{lot}-{n:02d}", "amount": sent["amount"]} for n in range(1, sent["containers"] + 1)
        ],
    }
