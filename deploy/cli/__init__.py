"""The commands of `oidor`, a file each. What a user can put right ends in one line and exit code 2."""
