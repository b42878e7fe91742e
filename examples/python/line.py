"""A line of your own in Python, made of tensorflow-ci: test, train, gate, and the model for a phone.

    python3 -m pip install --requirement requirements.txt
    dagger run python3 line.py --project my-project --out shipped

A script, a notebook or a scheduler's task calls the line so: Dagger's own functions by its SDK, those of tensorflow-ci by
GraphQL, which is what `dagger call` and every SDK send. `dagger run` starts the session that both are part of.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys
from collections.abc import Awaitable, Callable

import dagger
import gql
from dagger import dag
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport

HERE = pathlib.Path(__file__).resolve().parent


def engine() -> gql.Client:
    """The session's GraphQL API, of which the line is a part once it is served."""
    port, token = os.environ["DAGGER_SESSION_PORT"], os.environ["DAGGER_SESSION_TOKEN"]
    transport = HTTPXAsyncTransport(url=f"http://127.0.0.1:{port}/query", auth=(token, ""), timeout=None)
    return gql.Client(transport=transport, execute_timeout=None)  # a training takes as long as it takes


def line(session: AsyncClientSession, source: str) -> Callable[[str], Awaitable[dict]]:
    """Return a function that asks the module, bound to a project, for fields.

    The project's id stands in the query as a string: as a variable, its type has other names in other versions of Dagger.
    """

    async def ask(fields: str) -> dict:
        text = "query { tensorflowCi(source: %s) { %s } }" % (json.dumps(source), fields)
        return (await session.execute(gql.GraphQLRequest(text)))["tensorflowCi"]

    return ask


async def ship(project: str, out: str, module: str) -> str:
    """Test the project, train it, hold the model against its gate, and write it for a phone; returns what was achieved.

    Each step is cached by its own inputs, as in tensorflow-ci's own line; the first that fails ends this one.
    """
    async with dagger.connection():
        await dag.module_source(module).as_module().serve()
        source = await dag.host().directory(project, exclude=["**/__pycache__"]).id()
        async with engine() as session:
            ask = line(session, source)
            await ask("test { check }")
            await ask("train { evaluate { check } }")
            model = (await ask('train { digest evaluate { summary } tflite(quantize: "dynamic") { check summary directory { id } } }'))["train"]
        summary = "\n".join([f"model {model['digest']}", model["evaluate"]["summary"], model["tflite"]["summary"]])
        phone = dag.load_directory_from_id(dagger.DirectoryID(model["tflite"]["directory"]["id"]))
        await phone.with_new_file("summary.txt", summary + "\n").export(out)
    return summary


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", required=True, help="folder with a tensorflow-ci.yaml")
    parser.add_argument("--out", required=True, help="folder for model.tflite and summary.txt")
    parser.add_argument("--module", default=str(HERE.parents[1]), help="path or URL of tensorflow-ci")
    options = parser.parse_args(arguments)
    if "DAGGER_SESSION_PORT" not in os.environ:
        parser.error("there is no Dagger session: start this by `dagger run python3 line.py …`")
    try:
        print(asyncio.run(ship(options.project, options.out, options.module)))
    except TransportQueryError as refused:  # a gate's own words, such as a failing test
        print(f"error: {refused.errors[0]['message'] if refused.errors else refused}", file=sys.stderr)
        return 1
    except dagger.QueryError as refused:  # of Dagger's own functions, such as a project that is not there
        print(f"error: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
