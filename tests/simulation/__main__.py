"""`python -m tests.simulation SEED [SEED...]`: play a seed again, with everything that happened in it."""

import sys

from tests.simulation.seeds import played


def main(arguments: list[str]) -> int:
    if not arguments or not all(argument.isdigit() for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    code = 0
    for seed in map(int, arguments):
        result = played(seed)
        print(f"seed {seed}", *result.outcome.trace, dict(result.outcome.counts), sep="\n")
        print(*(f"WRONG: {what}" for what in result.wrong), sep="\n")
        code |= bool(result.wrong)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
