"""Abilities: what each clock metric can do, and of which cases. A pack that asks for more is refused: see `refusals`.

What a metric does is the table `processors.sla.signals.SIGNALS`; that both say the same is held by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from schemas.taxonomy import ClockMetric, ComplaintKind, Direction
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS, InputTopic

_CONTACTS: Final[tuple[InputTopic, ...]] = (CONTACTS,)
_COMPLAINTS: Final[tuple[InputTopic, ...]] = (COMPLAINTS,)
_BOTH: Final[tuple[InputTopic, ...]] = (CONTACTS, COMPLAINTS)
_SURVEYS: Final[tuple[InputTopic, ...]] = (SURVEYS,)

RATED_SURVEYS: Final = ("csat", "nps", "ces")
"""Kinds of surveys whose answers can be unhappy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """What a clock of one metric can do. A text says why it cannot, and what would work instead; '' that it can."""

    topics: tuple[InputTopic, ...]
    """Of which cases there is one."""
    of_no_other: str = ""
    """Why there is none of other cases."""
    begun_elsewhere: bool = False
    """Whether other cases have what begins it, and nothing that keeps it: no rule is for those, whatever it seems."""
    outbound: bool = True
    """Whether there is one of contacts that we began."""
    no_pause: str = ""
    no_change: str = ""
    """That no other target comes to hold when the case becomes another one."""
    no_reopening: str = "a reopening starts it anew or not at all; `on_reopen` is for resolve and final_response"
    no_extension: str = "a holding response extends final_response alone"
    no_teams: str = ""
    """That a team to which the case is handed gets no clock of its own."""

    def kinds(self, topic: InputTopic) -> tuple[str, ...]:
        """The kinds of cases of a topic that can have one."""
        if topic == CONTACTS:
            return get_args(Direction) if self.outbound else ("inbound",)
        return get_args(ComplaintKind) if topic == COMPLAINTS else RATED_SURVEYS


_PUBLIC_REPLY: Final = (
    "no event tells of a reply to a complaint; `acknowledge`, `update_every` or `final_response` would do"
)
_BY_PHONE: Final = "complaints wait in no queue, and ask for nobody; `own` ends when somebody has one"

ABILITIES: Final[Mapping[ClockMetric, Ability]] = {
    "answer": Ability(
        topics=_CONTACTS,
        of_no_other=_BY_PHONE,
        no_teams="a wait in queues is one, whoever is to answer it; `when` by queue gives each queue its target",
    ),
    "human_on_request": Ability(topics=_CONTACTS, of_no_other=_BY_PHONE),
    "acknowledge": Ability(
        topics=_COMPLAINTS,
        of_no_other="no event acknowledges a contact; `own` ends when somebody has it, `first_response` with a reply",
        begun_elsewhere=True,
    ),
    "first_response": Ability(topics=_CONTACTS, of_no_other=_PUBLIC_REPLY, begun_elsewhere=True),
    "next_response": Ability(topics=_CONTACTS, of_no_other=_PUBLIC_REPLY),
    "update_every": Ability(topics=_BOTH),
    "resolve": Ability(topics=_BOTH, outbound=False, no_reopening=""),
    "final_response": Ability(topics=_BOTH, outbound=False, no_reopening="", no_extension=""),
    "follow_up": Ability(
        topics=_SURVEYS,
        of_no_other="only an unhappy answer to a survey is followed up",
        no_pause="no event tells that a survey waits for anybody; a longer target would do",
        no_change="a survey changes neither priority nor class",
        no_teams="no event hands a survey on; `when` by team gives each team its target",
    ),
    "callback": Ability(
        topics=_CONTACTS,
        of_no_other=_BY_PHONE,
        no_teams="the customer was told one moment, whoever calls; `when` by team gives each team its target",
    ),
    "own": Ability(topics=_BOTH, outbound=False),
}

OF_NO_OTHER: Final = "surveys are followed up, and nothing else: `follow_up`"
"""Why there is no clock of a survey but one."""
