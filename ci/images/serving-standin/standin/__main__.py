"""The command tensorflow_model_server of a stand-in for TensorFlow Serving."""

from __future__ import annotations

import datetime
import os
import signal
import sys
import threading
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from google.protobuf import text_format  # noqa: E402
from tensorflow_serving.config import model_server_config_pb2  # noqa: E402

from . import flags, rest, rpc  # noqa: E402
from .core import PLATFORM, Core  # noqa: E402
from .status import Status, invalid  # noqa: E402


def log(text: str) -> None:
    print(f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M:%S.%f}: I stand-in] {text}", file=sys.stderr, flush=True)


def config_of(options: Any) -> Any:
    """The config that the flags name; raises Status."""
    config = model_server_config_pb2.ModelServerConfig()
    if not options.model_config_file:
        config.model_config_list.config.add(name=options.model_name, base_path=options.model_base_path, model_platform=PLATFORM)
        return config
    try:
        with open(options.model_config_file, encoding="utf-8") as file:
            return text_format.Parse(file.read(), config)
    except OSError as error:
        raise Status("NOT_FOUND", f"{options.model_config_file}; {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise invalid(f"Invalid protobuf file: '{options.model_config_file}' ({error})") from error


def poll(options: Any, core: Core) -> None:
    """Read the config again and again, as the real server does whether it has changed or not."""
    while True:
        threading.Event().wait(options.model_config_file_poll_wait_seconds)
        try:
            core.reload(config_of(options))
        except Status as refused:
            log(f"PollFilesystemAndReloadConfig failed to ReloadConfig: {refused.message}")


def main(arguments: list[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    options = flags.parse(arguments)
    log("This is a stand-in for TensorFlow Serving: TensorFlow in Python behind its APIs.")
    core = Core(options, log)
    try:
        core.reload(config_of(options))
    except Status as refused:
        print(f"Failed to start server. Error: {refused}", flush=True)
        return 255
    server = rpc.serve(options.port, core)
    log(f"Running gRPC ModelServer at 0.0.0.0:{options.port} ...")
    if options.model_config_file and options.model_config_file_poll_wait_seconds > 0:
        threading.Thread(target=poll, args=(options, core), daemon=True).start()
    if options.rest_api_port:
        web = rest.Server(options.rest_api_port, core, options.rest_api_timeout_in_ms / 1000)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        log(f"Exporting HTTP/REST API at:localhost:{options.rest_api_port} ...")
    server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
