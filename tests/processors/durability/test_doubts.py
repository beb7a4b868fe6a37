"""A log that may be another than the one that was read: a look settles what was doubted before it began, no more."""

from processors.durability.doubts import Doubts


def test_a_doubt_is_open_until_a_look_that_began_after_it_is_through() -> None:
    doubts = Doubts()
    assert not doubts.open
    doubts.add({"contacts": 4, "surveys": 0})
    seen = doubts.raised
    doubts.add({"contacts": 5})

    doubts.settle(seen)
    assert doubts.open, "the second was raised while the look was under way"
    doubts.settle(doubts.raised)
    assert not doubts.open
    doubts.add({"contacts": 5})
    assert not doubts.open, "an old slice brings up what was settled"


def test_what_was_refused_meanwhile_is_read_again_once() -> None:
    doubts = Doubts()
    assert not doubts.over()
    doubts.settle({"contacts": 3})
    doubts.add({"contacts": 3})
    assert not doubts.over(), "it was settled before anything was refused"
    doubts.add({"contacts": 4})
    assert not doubts.over()
    doubts.settle(doubts.raised)
    assert [doubts.over(), doubts.over()] == [True, False]
