"""Run train.py of this folder as it is, and write how much of the card's memory it used at most.

    python3 observe.py ARGUMENT...

The file is named by the variable GPU_PROOF_OBSERVED. A training that fell back to the processor used none.
"""

import os
import pathlib
import runpy
import sys

sys.argv[0] = "train.py"
runpy.run_path("train.py", run_name="__main__")

import tensorflow as tf  # noqa: E402  (the script itself decides how TensorFlow is set up)

pathlib.Path(os.environ["GPU_PROOF_OBSERVED"]).write_text(str(tf.config.experimental.get_memory_info("GPU:0")["peak"]))
