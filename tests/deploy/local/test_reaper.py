"""The reaper watches who was announced and not collected; that it kills them is seen in test_processes."""

from deploy.local.reaper import follow


def test_a_collected_child_is_no_longer_watched() -> None:
    watched = {1}
    follow("+10\n+11\n-10\n-99\n", watched)
    assert watched == {1, 11}
