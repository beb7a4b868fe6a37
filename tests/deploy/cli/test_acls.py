"""What each account has to be allowed: one table, which the documentation shows."""

from pathlib import Path

from deploy.cli.acls import grants, table, topics_of
from deploy.cli.topics import plan
from processors.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
SETTINGS = Settings(_env_file=None)


def test_the_page_shows_the_table() -> None:
    assert "\n".join(table(SETTINGS)) in PAGE.read_text(), "python -m deploy.cli topics acls"


def test_the_table_has_the_names_of_the_installation() -> None:
    shop = Settings(_env_file=None, app_id="shop", input_prefix="in-", topic_prefix="eu-")
    assert topics_of(shop, "warehouse") == {"eu-feedback-rows", "eu-feedback-rejected", "eu-feedback-actions"}
    assert topics_of(shop, "admin") == {one.name for one in plan(shop)}
    assert {"shop", "shop-"} == {one.name for one in grants(shop)["worker"] if one.resource != "topic"}


def test_only_the_administrator_and_a_replay_may_create_and_nobody_alters() -> None:
    every = {
        (user, operation) for user, mine in grants(SETTINGS).items() for one in mine for operation in one.operations
    }
    assert {user for user, operation in every if operation == "CREATE"} == {"admin", "replay"}
    assert not {operation for _, operation in every} & {"ALL", "ALTER", "ALTER_CONFIGS", "CLUSTER_ACTION"}
