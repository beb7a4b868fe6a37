"""`Doubts`: whether the logs that a partition reads may be others than those that it has read, until a look says no.

A log loses its end only when another broker, or the same one started again, answers for it; and who has read beyond a
shorter log is answered from its beginning. Either raises a doubt, with a number that grows. Until a look that began
after it has compared the last records that were read, nothing is taken: what is taken would hide what was passed over.
"""

from collections.abc import Mapping


class Doubts:
    """The doubts of one partition, by input topic."""

    def __init__(self) -> None:
        self._raised: dict[str, int] = {}
        self._settled: dict[str, int] = {}
        self._refused = False

    @property
    def open(self) -> bool:
        """Whether there is one that no look has settled."""
        return any(number > self._settled.get(topic, 0) for topic, number in self._raised.items())

    @property
    def raised(self) -> Mapping[str, int]:
        """The last of each input, as of now: what a look that begins now will settle."""
        return dict(self._raised)

    def add(self, raised: Mapping[str, int]) -> None:
        """Note the last doubts there were of inputs."""
        self._raised |= {topic: number for topic, number in raised.items() if number > self._raised.get(topic, 0)}
        self._refused |= self.open

    def settle(self, raised: Mapping[str, int]) -> None:
        """Take these, and all before them, for unfounded."""
        self._settled |= raised

    def over(self) -> bool:
        """Whether all are settled now for which records were refused; says so once, for they must be read again."""
        over = self._refused and not self.open
        self._refused &= not over
        return over
