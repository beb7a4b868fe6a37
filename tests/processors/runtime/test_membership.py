"""What the coordinator of a group says of us, and what its silence says: nothing."""

import asyncio

from aiokafka.errors import KafkaConnectionError

from processors.runtime.membership import Member, Membership, MembershipMonitor
from tests.processors.durability.fake_log import JumpingLoop


class Answers:
    """A coordinator that says one thing after the other, and at last nothing."""

    def __init__(self, *answers: frozenset[str] | Exception | None) -> None:
        self._answers = list(answers)

    async def members(self) -> frozenset[str]:
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            await asyncio.sleep(1_000_000)
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    async def close(self) -> None:
        pass


def test_a_group_that_does_not_answer_says_nothing_of_its_members() -> None:
    async def scene() -> list[Membership | None]:
        coordinator = Answers(frozenset({"me", "other"}), frozenset({"other"}), KafkaConnectionError("gone"))
        monitor = MembershipMonitor(coordinator, lambda: Member("me", 4))
        task = asyncio.create_task(monitor.run())
        seen = []
        for _ in range(3):
            await asyncio.sleep(3.01)
            seen.append(monitor.membership)
        await asyncio.sleep(9)
        seen.append(monitor.membership)
        task.cancel()
        return seen

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scene()) == [Membership(4, True), Membership(4, False), None, None]
