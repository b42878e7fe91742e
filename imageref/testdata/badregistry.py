"""A registry that answers as registries do on a bad day: what it answers follows from the first part of an image's name.

    python3 badregistry.py PORT

    denied/…     401, and its token service hands out tokens that it does not accept: a private image, or none at all
    basic/…      401, a user and a password are wanted
    forbidden/…  403
    limited/…    429, in the words of the largest registry
    broken/…     503
    slow/…       an image, after 4 seconds for each answer
    silent/…     takes the question and never answers
    anything else: 404

An engine whose engine.json has {"registries": {"HOST:PORT": {"http": true}}} is asked with
dagger core container from --address HOST:PORT/limited/x:1 image-ref; fault_test.go holds what it said. A new version of the engine
is asked again: what it says in other words belongs there too.
"""

import hashlib
import http.server
import json
import sys
import time

LIMITED = ("You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit")


def blob(content: object) -> bytes:
    return json.dumps(content).encode()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


CONFIG = blob({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
MANIFEST = blob({
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)},
})


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/token":
            return self.answer(200, blob({"token": "no-good"}), "application/json")
        day = path.removeprefix("/v2/").partition("/")[0]
        bearer = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",scope="repository:{day}/x:pull"'
        match day:
            case "denied":
                error = ',error="insufficient_scope"' if "Authorization" in self.headers else ""
                self.refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": bearer + error})
            case "basic":
                self.refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": 'Basic realm="registry"'})
            case "forbidden":
                self.refuse(403, "DENIED", "requested access to the resource is denied")
            case "limited":
                self.refuse(429, "TOOMANYREQUESTS", LIMITED)
            case "broken":
                self.refuse(503, "UNAVAILABLE", "maintenance")
            case "slow":
                time.sleep(4)
                if "/blobs/" in path:
                    return self.answer(200, CONFIG, "application/octet-stream")
                self.answer(200, MANIFEST, "application/vnd.oci.image.manifest.v1+json")
            case "silent":
                time.sleep(3600)
            case _:
                self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def refuse(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self.answer(status, blob({"errors": [{"code": code, "message": message}]}), "application/json", headers)

    def answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Docker-Content-Digest": digest(body), "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Registry).serve_forever()
