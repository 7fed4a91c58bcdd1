"""Checks that a file has at most 400 lines (a test 500), and that a folder of the product has few enough modules.

Migrations are written by Django and not counted.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePath

CODE, TESTS = 400, 500
PRODUCT = ("config", "connectors", "oncall", "syncjobs")
#: Modules of a folder, without its sub-folders and ``__init__.py``; the first pattern that fits counts.
MODULES = (
    ("*/management/commands", sys.maxsize),
    ("connectors/providers/*", 24),
    ("connectors/simulator/*", 24),
    ("oncall/rendering", 16),
    ("*", 14),
)


def most_modules(folder: PurePath) -> int:
    """How many modules the folder may have."""
    return next(most for pattern, most in MODULES if folder.match(pattern))


def main(root: Path) -> int:
    """Print files and folders over the limit; exit 1 if there are any. New files count before they are committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603
    files = [Path(name) for name in listed.split("\0") if name and (root / name).is_file()]
    files = [file for file in files if "migrations" not in file.parts]
    too_large = 0
    for file in files:
        limit = TESTS if file.parts[0] == "tests" else CODE
        with (root / file).open(encoding="utf-8") as opened:
            count = sum(1 for _ in opened)
        if count > limit:
            too_large += 1
            print(f"{file}: {count} lines, {limit} allowed. Split it by purpose.")
    modules = Counter(file.parent for file in files if file.parts[0] in PRODUCT and file.name != "__init__.py")
    for folder, count in modules.items():
        if count > most_modules(folder):
            too_large += 1
            print(f"{folder}: {count} modules, {most_modules(folder)} allowed. Split it by purpose.")
    print(f"{len(files)} files and {len(modules)} folders checked, {too_large} too large")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
