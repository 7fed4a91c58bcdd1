"""A file one can hold: at most 400 lines, tests 500. Migrations are written by Django and not counted."""

import subprocess
import sys
from pathlib import Path

CODE, TESTS = 400, 500


def main(root: Path) -> int:
    """Print files over the limit; exit 1 if there are any. New files count before they are committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603
    files = [Path(name) for name in listed.split("\0") if name and (root / name).is_file()]
    too_long = 0
    for file in files:
        if "migrations" in file.parts:
            continue
        limit = TESTS if file.parts[0] == "tests" else CODE
        with (root / file).open(encoding="utf-8") as opened:
            count = sum(1 for _ in opened)
        if count > limit:
            too_long += 1
            print(f"{file}: {count} lines, {limit} allowed. Split it by purpose.")
    print(f"{len(files)} files, {too_long} too long")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
