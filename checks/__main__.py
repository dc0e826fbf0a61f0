"""``python -m checks DATABASE_URL [--truth PATH]``: print the counts as JSON; exit 1 where they are not equal."""

import argparse
import json
import sys
from pathlib import Path

from checks import conservation


def main() -> int:
    parser = argparse.ArgumentParser(prog="checks", description="Count the units of a database in every way.")
    parser.add_argument("database_url")
    parser.add_argument("--truth", type=Path, help="file or folder of the hidden truth of simulated equipment")
    asked = parser.parse_args()
    counted = conservation(asked.database_url, asked.truth)
    print(json.dumps(counted, indent=2, ensure_ascii=False))
    return 0 if counted["equal"] else 1


if __name__ == "__main__":
    sys.exit(main())
