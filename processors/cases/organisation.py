"""Where a case is dealt with: area, team and site, from the path of its organisational unit."""

from functools import lru_cache
from typing import Final, NamedTuple


class Place(NamedTuple):
    """'' where it is not known."""

    area: str
    team: str
    site: str


_NOWHERE: Final = Place("", "", "")


@lru_cache(maxsize=4_096)  # paths are few, and every event and every case has one
def place(org_unit: str, visited_site: str = "") -> Place:
    """Return area, team and site of a path `area/department/team/site`.

    `visited_site` is the site that a visit names: a level that bears its name is no team, however short the path is.
    """
    if not org_unit:
        return Place("", "", visited_site) if visited_site else _NOWHERE
    area, _, team, site, *_ = *org_unit.split("/"), "", "", ""
    if visited_site:
        return Place(area, "" if team == visited_site else team, visited_site)
    return Place(area, team, site)
