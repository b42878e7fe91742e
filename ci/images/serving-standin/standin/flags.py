"""Part of a stand-in for TensorFlow Serving: the flags of tensorflow_model_server that it has, with their defaults."""

from __future__ import annotations

import argparse

UNUSED = {  # accepted as the real server does, and of no consequence here
    "rest_api_num_threads": int, "num_load_threads": int, "num_unload_threads": int, "grpc_max_threads": int,
    "tensorflow_session_parallelism": int, "tensorflow_intra_op_parallelism": int, "tensorflow_inter_op_parallelism": int,
}


def boolean(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the flags; one that the stand-in does not have ends the program, as an unknown one ends the real server."""
    parser = argparse.ArgumentParser(prog="tensorflow_model_server", description="a stand-in for TensorFlow Serving", allow_abbrev=False)

    def flag(name: str, default: object, kind: type | None = None) -> None:
        if isinstance(default, bool):
            parser.add_argument(f"--{name}", type=boolean, nargs="?", const=True, default=default)
        else:
            parser.add_argument(f"--{name}", type=kind or type(default), default=default)

    flag("port", 8500)
    flag("rest_api_port", 0)
    flag("rest_api_timeout_in_ms", 30_000)
    flag("model_config_file", "")
    flag("model_config_file_poll_wait_seconds", 0)
    flag("model_name", "default")
    flag("model_base_path", "")
    flag("allow_version_labels_for_unavailable_models", False)
    flag("file_system_poll_wait_seconds", 1)
    flag("max_num_load_retries", 5)
    flag("load_retry_interval_micros", 60_000_000)
    flag("enable_model_warmup", True)
    for name, kind in UNUSED.items():
        flag(name, None, kind)
    options = parser.parse_args(arguments)
    if not options.model_config_file and not options.model_base_path:
        parser.error("Both server_options.model_base_path and server_options.model_config_file are empty!")
    return options
