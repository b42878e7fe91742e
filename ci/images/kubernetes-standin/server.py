"""A stand-in for a Kubernetes API server with KServe, for the tests: no cluster, and nothing that it is told is served.

    python3 server.py PORT TOKEN CERTIFICATE_FILE KEY_FILE

It answers what kubectl asks for `apply --validate=strict`: discovery, the OpenAPI document that says that the server
checks fields, and reading, creating and patching InferenceServices, which it keeps in memory. As a real server does for a
custom resource it refuses unknown fields and wrong types. The fields were written down by hand, from KServe's v1beta1
API: those that a model in OCI form can have, not all. Whoever has not the token is refused; clients send one over TLS alone.
"""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import urllib.parse

GROUP, VERSION, KIND, PLURAL = "serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices"
BASE = f"/apis/{GROUP}/{VERSION}"

# A type, a mapping of fields, or ANY; a number has its smallest and largest value.
ANY = object()
FIELDS: dict = {
    "apiVersion": str,
    "kind": str,
    "metadata": ANY,
    "spec": {
        "predictor": {
            "canaryTrafficPercent": (0, 100),
            "minReplicas": (0, 1000),
            "maxReplicas": (0, 1000),
            "serviceAccountName": str,
            "model": {
                "modelFormat": {"name": str, "version": str},
                "storageUri": str,
                "protocolVersion": str,
                "runtime": str,
                "runtimeVersion": str,
                "args": ANY,
                "env": ANY,
                "resources": ANY,
            },
        },
    },
}

stored: dict[tuple[str, str], dict] = {}


def wrong(value: object, fields: object, at: str = "") -> list[str]:
    """What is wrong with `value`, in a server's words."""
    if fields is ANY:
        return []
    if isinstance(fields, dict):
        if not isinstance(value, dict):
            return [f"{at}: expected map, got {value!r}"]
        problems = []
        for key, child in value.items():
            name = f"{at}.{key}" if at else key
            problems += wrong(child, fields[key], name) if key in fields else [f'unknown field "{name}"']
        return problems
    if isinstance(fields, tuple):
        if type(value) is not int or not fields[0] <= value <= fields[1]:
            return [f"{at}: {value!r} is no number from {fields[0]} to {fields[1]}"]
        return []
    return [] if isinstance(value, fields) else [f"{at}: {value!r} is no {fields.__name__}"]


def merged(value: dict, patch: dict) -> dict:
    """`value` with a JSON merge patch applied: null removes."""
    result = dict(value)
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        elif isinstance(change, dict):
            result[key] = merged(result.get(key) if isinstance(result.get(key), dict) else {}, change)
        else:
            result[key] = change
    return result


def status(code: int, reason: str, message: str) -> tuple[int, dict]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}


def discovery(path: str) -> dict | None:
    """What clients ask to find out what a server has; None for any other path."""
    object_path = BASE + "/namespaces/{namespace}/" + PLURAL + "/{name}"
    gvk = {"group": GROUP, "version": VERSION, "kind": KIND}
    check = {"parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}], "responses": {}, "x-kubernetes-group-version-kind": gvk}
    return {
        "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            {"name": "namespaces", "singularName": "namespace", "namespaced": False, "kind": "Namespace", "verbs": ["get"]}]},
        "/apis": {"kind": "APIGroupList", "groups": [{
            "name": GROUP, "versions": [{"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}],
            "preferredVersion": {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}}]},
        BASE: {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": [
            {"name": PLURAL, "singularName": KIND.lower(), "namespaced": True, "kind": KIND, "verbs": ["get", "list", "create", "patch", "update"]}]},
        "/openapi/v3": {"paths": {f"apis/{GROUP}/{VERSION}": {"serverRelativeURL": f"/openapi/v3{BASE}?hash=1"}}},
        f"/openapi/v3{BASE}": {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "1"}, "paths": {object_path: {"patch": check}}},
    }.get(path)


def answer(method: str, path: str, body: dict | None) -> tuple[int, dict]:
    found = discovery(path)
    if found is not None:
        return 200, found
    parts = path.removeprefix(BASE + "/namespaces/").split("/")
    if not path.startswith(BASE + "/namespaces/") or len(parts) < 2 or parts[1] != PLURAL:
        return status(404, "NotFound", f"the server could not find {path}")
    namespace, name = parts[0], parts[2] if len(parts) > 2 else (body or {}).get("metadata", {}).get("name", "")
    before = stored.get((namespace, name))
    if method == "GET" or method == "PATCH" and before is None:
        if before is None:
            return status(404, "NotFound", f'{PLURAL}.{GROUP} "{name}" not found')
        return 200, before
    after = body if method == "POST" else merged(before or {}, body or {})
    assert after is not None
    problems = wrong(after, FIELDS)
    if problems:
        return status(400, "BadRequest", f'{KIND} in version "{VERSION}" cannot be handled as a {KIND}: strict decoding error: ' + ", ".join(problems))
    after["metadata"].setdefault("namespace", namespace)
    after["metadata"]["resourceVersion"] = str(int(after["metadata"].get("resourceVersion", "0")) + 1)
    stored[namespace, name] = after
    return (201 if method == "POST" else 200), after


def serve(port: int, token: str, certificate: str, key: str) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {token}":
                code, content = status(401, "Unauthorized", "Unauthorized")
            else:
                code, content = answer(self.command, urllib.parse.urlsplit(self.path).path, json.loads(body) if body else None)
            text = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = handle_any

    server = http.server.ThreadingHTTPServer(("", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:5])
