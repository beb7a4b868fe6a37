"""`oidor` of a release whose states have another encoding."""

from deploy.cli.main import main
from processors.durability import changelog

if __name__ == "__main__":
    vars(changelog)["ENCODING"] = changelog.ENCODING + 1
    main()
