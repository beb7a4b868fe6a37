"""A week of a small desk, written so that every KPI can be computed from it by hand: for `test_recomputation`."""

from datetime import datetime
from random import Random
from typing import Any, Final

from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, Happening, event

AREAS: Final = ("es", "pt", "mx")
ERASED_AREA: Final = "mx"
"""Where the customers live who are erased."""
PACK: Final = """\
policy_id: desk
version: "1"
clocks:
  answer: [{target: 20s}]
  human_on_request: [{target: 3min}]
  callback: [{target: 1h}]
  acknowledge: [{when: {topic: [complaint-events]}, target: 24h}]
  first_response: [{when: {topic: [contact-events]}, target: 2h, calendar: office}]
  next_response: [{when: {topic: [contact-events]}, target: 2h}]
  update_every: [{when: {topic: [complaint-events]}, target: 20h}]
  resolve: [{when: {topic: [contact-events]}, target: 8h, on_reopen: none}]
  final_response: [{when: {topic: [complaint-events]}, target: 60h}]
  follow_up: [{target: 12h}]
  own: [{when: {topic: [complaint-events]}, target: 12h}]
"""
OFFICE: Final = """\
calendar_id: office
version: "1"
zone: UTC
weekly: {monday: ["09:00-17:00"], tuesday: ["09:00-17:00"], wednesday: ["09:00-17:00"], thursday: ["09:00-17:00"],
  friday: ["09:00-17:00"]}
"""
HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}


class Desk:
    """Its events, in the order in which they arrive: one in five comes late, up to a day and a half."""

    def __init__(self, seed: int, contacts: int = 120, complaints: int = 50, surveys: int = 60) -> None:
        self._random = Random(seed)
        self.log: list[Happening] = []
        self.erased: set[str] = set()
        for number in range(contacts):
            self._contact(f"C{number}", number)
        for number in range(complaints):
            self._complaint(f"R{number}", number)
        for number in range(surveys):
            self._survey(f"S{number}", number)
        self.late = sum(one.record_at - _occurred(one) > MINUTE for one in self.log)
        for customer in sorted(self.erased):
            self._add("customer.erased", f"erase-{customer}", 8 * DAY, customer=customer, source="privacy")
        self.log.sort(key=lambda one: one.record_at)

    def _add(self, event_type: str, entity_id: str, at: int, **fields: Any) -> None:
        late = event_type != "customer.erased" and self._random.random() < 0.2
        arrives = at + self._random.randrange(2 * MINUTE, 36 * HOUR) if late else at
        self.log.append(event(event_type, entity_id, at, arrives=arrives, **fields))

    def _who(self, number: int) -> dict[str, Any]:
        area, customer = AREAS[number % 3], f"k{number}"
        if area == ERASED_AREA and self._random.random() < 0.1:
            self.erased.add(customer)
        return {"customer": customer, "org_unit": f"{area}/care/n{number % 2}"}

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _within(self, least: int, most: int) -> int:
        return self._random.randrange(least // SECOND, most // SECOND) * SECOND

    def _contact(self, name: str, number: int) -> None:
        who, at = self._who(number), self._within(0, 3 * DAY)
        demand = self._random.choice(("value", "failure", "unknown"))
        phone = self._chance(0.6)
        self._add("contact.opened", name, at, seq=0, direction="inbound", demand_type=demand, priority="normal",
                  channel="phone" if phone else "email", **who)  # fmt: skip
        if phone:
            at += SECOND
            self._add("contact.queued", name, at, seq=1, queue="q", **who)
            at += self._within(SECOND, 30 * SECOND) if self._chance(0.5) else self._within(30 * SECOND, 6 * MINUTE)
            if self._chance(0.2):
                self._add("contact.abandoned", name, at, seq=2, **who)
                return
            if self._chance(0.3):
                self._add("contact.callback_requested", name, at, seq=2, **who)
                at += self._within(MINUTE, 2 * HOUR)
            self._add("contact.answered", name, at, seq=3, actor=HUMAN, **who)
            if self._chance(0.4):
                at += MINUTE
                self._add("contact.queued", name, at, seq=4, queue="second", **who)
                at += self._within(SECOND, MINUTE)
                if self._chance(0.4):
                    self._add("contact.abandoned", name, at, seq=5, **who)
                    return
                self._add("contact.answered", name, at, seq=5, actor=HUMAN, **who)
        else:
            if self._chance(0.4):
                self._add("contact.human_requested", name, at + SECOND, seq=1, **who)
            at += self._within(MINUTE, 5 * HOUR)
            self._add("contact.agent_replied", name, at, seq=2, actor=HUMAN, **who)
        if self._chance(0.4):
            at += self._within(MINUTE, HOUR)
            self._add("contact.customer_replied", name, at, seq=6, **who)
            at += self._within(MINUTE, 4 * HOUR)
            self._add("contact.agent_replied", name, at, seq=7, actor=HUMAN, **who)
        if self._chance(0.3):
            at += MINUTE
            self._add("contact.transferred", name, at, seq=8, **who, **{"from": f"n{number % 2}", "to": "n2"})
        at += self._within(MINUTE, 10 * HOUR)
        work = {"resolved_level": self._random.choice((1, 2)), "talk_seconds": self._random.randrange(600)}
        self._add("contact.resolved", name, at, seq=9, actor=HUMAN, resolution="solved", **work, **who)
        if self._chance(0.2):
            at += self._within(HOUR, 10 * HOUR)
            self._add("contact.reopened", name, at, seq=10, reason="not_fixed", **who)

    def _complaint(self, name: str, number: int) -> None:
        who, at = self._who(number), self._within(0, 2 * DAY)
        self._add("complaint.opened", name, at, seq=0, kind=("complaint", "claim", "praise")[number % 3 and number % 2],
                  channel="email", **who)  # fmt: skip
        at += self._within(HOUR, 30 * HOUR)
        self._add("complaint.assigned", name, at - HOUR // 2, seq=1, owner="ana", **who)
        self._add("complaint.acknowledged", name, at, seq=2, **who)
        at += self._within(HOUR, 12 * HOUR)
        self._add("complaint.progress_sent", name, at, seq=3, **who)
        at += self._within(HOUR, 30 * HOUR)
        self._add("complaint.resolved", name, at, seq=4,
                  outcome=self._random.choice(("upheld", "partly_upheld", "rejected", "settled")), **who)  # fmt: skip

    def _survey(self, name: str, number: int) -> None:
        who, at = self._who(number), self._within(0, 4 * DAY)
        kind = ("csat", "nps", "ces")[number % 3 if number % 5 else (number + 1) % 3]
        score = self._random.randrange(11) if kind == "nps" else self._random.randrange(1, 6 if kind == "csat" else 8)
        scale: dict[str, Any] = {"scale_max": 5} if kind == "csat" else {"scale_max": 7, "direction": "ease"}
        self._add("survey.answered", name, at, seq=0, kind=kind, mode="email", score=score,
                  **({} if kind == "nps" else scale), **who)  # fmt: skip
        if self._chance(0.7):
            self._add("survey.followup_contacted", name, at + self._within(HOUR, DAY), seq=1, owner="ana", **who)


def _occurred(one: Happening) -> int:
    return round(datetime.fromisoformat(one.event["occurred_at"]).timestamp() * 1000)
