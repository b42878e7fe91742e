"""Look at a project's data before anything is trained on them.

    python3 datacheck.py --data DIR --name data [--held-out FILE --held-out-name NAME] [--label NAME] [--schema FILE] --out DIR

Writes data-profile.json (dataprofile.py) and, with a schema, data-violations.json (dataschema.py) into DIR. Rules that are broken
are a result, not a failure.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import datafiles
import dataprofile


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datafiles.arguments(parser)
    parser.add_argument("--label", default="", help="column or array whose values are counted")
    parser.add_argument("--schema", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    where = ["--data", str(options.data), "--name", options.name]
    if options.held_out:
        where += ["--held-out", str(options.held_out), "--held-out-name", options.held_out_name]
    status = dataprofile.main([*where, "--label", options.label, "--out", str(options.out / "data-profile.json")])
    if status or not options.schema:
        return status
    import dataschema  # not above: a project without a schema has no pandera here

    return dataschema.main(["check", *where, "--schema", str(options.schema), "--out", str(options.out / "data-violations.json")])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
