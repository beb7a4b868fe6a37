"""Lets `python -m deploy.cli` be the command `oidor`."""

from deploy.cli.main import main

main()
