"""Write a .env with generated keys: ``write_env.py PATH``. An existing file is never touched."""

import base64
import os
import secrets
import sys
from pathlib import Path


def main(path: Path) -> int:
    example = Path(__file__).resolve().parent.parent / ".env.example"
    values = {
        "SECRET_KEY": secrets.token_urlsafe(60),
        "CREDENTIAL_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        # A new checkout is tried on the developer's machine, over HTTP without TLS.
        "HTTPS_ONLY": "false",
    }
    lines = []
    for line in example.read_text().splitlines():
        name = line.lstrip("#").partition("=")[0]
        lines.append(f"{name}={values[name]}" if name in values else line)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{path} exists and is kept as it is.")
        return 0
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    print(f"Wrote {path} with generated keys, readable by you alone. Keep a copy of CREDENTIAL_KEYS.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
