"""Tell whether any Python file of a folder holds a text: prints `true` or `false`.

    python3 mentions.py DIR PATTERN

PATTERN is a regular expression. What only has the name of a Python file, such as a folder or a link to nowhere, is no code.
"""

from __future__ import annotations

import pathlib
import re
import sys


def mentions(folder: pathlib.Path, pattern: str) -> bool:
    """Whether a file below `folder` whose name ends in .py holds what `pattern` matches, in whatever encoding it is written."""
    text = re.compile(pattern.encode())
    return any(text.search(file.read_bytes()) for file in folder.rglob("*.py") if file.is_file())


if __name__ == "__main__":
    print(str(mentions(pathlib.Path(sys.argv[1]), sys.argv[2])).lower())
