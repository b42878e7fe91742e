"""Draw the pictures of a model's report.

    python3 report.py --evaluation evaluation.json --predictions predictions.csv --logs DIR --out DIR

Writes each picture as NAME.png, and all of them into pictures.json as a list of {"name", "title", "alt", "light", "dark"}, the
last two SVG for a white and for a dark page. The same files give the same bytes. Needs Matplotlib and NumPy, not TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile

import reportdata
import step
from heldout import Unfit


def draw(evaluation: pathlib.Path, predictions: pathlib.Path | None, logs: pathlib.Path | None, out: pathlib.Path) -> int:
    """Write the pictures and return how many there are; raises Unfit for a file that does not hold what it should."""
    try:
        measured = json.loads(evaluation.read_text(encoding="utf-8"))
        for key in ("task", "metrics", "slices"):
            measured[key]
    except (ValueError, KeyError, TypeError) as error:
        raise Unfit(f"{evaluation.name} is no evaluation ({type(error).__name__}: {error}): give the file that evaluate wrote") from error
    os.environ.setdefault("MPLCONFIGDIR", tempfile.mkdtemp(prefix="matplotlib"))
    import reportplots

    drawn = reportplots.pictures(measured, reportdata.predictions(predictions) if predictions else None,
                                 reportdata.curves(logs) if logs else [])
    out.mkdir(parents=True, exist_ok=True)
    listed = []
    for picture in drawn:
        svg = picture.svg()
        listed.append({"name": picture.name, "title": picture.title, "alt": picture.alt, "light": svg, "dark": reportplots.dark(svg)})
        (out / f"{picture.name}.png").write_bytes(picture.png())
    (out / "pictures.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(drawn)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluation", type=pathlib.Path, required=True)
    parser.add_argument("--predictions", type=pathlib.Path, help="without it there is no ROC curve")
    parser.add_argument("--logs", type=pathlib.Path, help="folder of TensorBoard events; without it there are no training curves")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    try:
        print(f"{draw(options.evaluation, options.predictions, options.logs, options.out)} pictures")
    except Unfit as unfit:
        return step.fail(str(unfit))
    except OSError as error:
        return step.fail(f"cannot read or write {error.filename}: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
