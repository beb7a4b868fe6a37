"""Write the dashboards: `python -m deploy.grafana`, into `dashboards` beside it, which Grafana is provisioned with."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.boards import executive, incidents, ingredients, live_floor, pipeline, sla, voice
from deploy.grafana.frame import ADDRESSES, Board, built

BOARDS: Final[tuple[Board, ...]] = tuple(
    module.BOARD for module in (live_floor, sla, incidents, voice, ingredients, pipeline, executive)
)
DIRECTORY: Final = Path(__file__).parent / "dashboards"


def generated(addresses: Mapping[str, str] = ADDRESSES) -> dict[str, str]:
    """File name -> text of each dashboard."""
    return {
        f"{board.uid}.json": json.dumps(built(board, addresses), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for board in BOARDS
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name, url in ADDRESSES.items():
        arguments.add_argument(f"--{name}", default=url, help=f"address of the {name}, as a browser sees it")
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in generated(vars(arguments.parse_args())).items():
        (DIRECTORY / name).write_text(text)


if __name__ == "__main__":
    main()
