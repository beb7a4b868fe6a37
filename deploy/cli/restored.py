"""Whether Kafka was restored to an older moment under a database that went on."""

from processors.settings import Settings


def restored(settings: Settings) -> list[str]:
    """Compare what is stored with what the states have written: what is wrong, a line each; nothing when all is well.

    That Kafka does not say is a line too; it is not asked where nothing is stored. Raises AcceptError.
    """
    from deploy.cli.inputs import stored_versions

    stored = stored_versions(settings)  # before Kafka is asked: meanwhile states go on
    if not stored:
        return []
    from processors.durability.inspection import NoAnswerError
    from processors.durability.provenance import contradictions_of_versions, told
    from processors.worker import written_versions

    try:
        return told(contradictions_of_versions(written_versions(settings), stored))
    except NoAnswerError as error:
        return [f"{error}: whether newer rows are stored than it knows of is not known; `oidor doctor` looks again"]
