"""Tests of checkpointstore.py and keepcheckpoints.py: what is kept, restored and refused. The store is a folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import checkpointstore
import keepcheckpoints
import pytest

HERE = pathlib.Path(__file__).parent
SECRET = "planted-secret-key"

# What rclone does, for the commands that are used, on a folder. It fails as that does while a file says how.
RCLONE = """
import json, os, pathlib, shutil, sys

command, arguments = sys.argv[1], sys.argv[2:]
fault = pathlib.Path(__file__).with_name("fault")
if fault.exists():
    sys.exit(fault.read_text())
place = pathlib.Path
if command == "lsjson":
    root = place(arguments[-1])
    if not root.is_dir():
        sys.exit(3)
    files = [file for file in root.rglob("*") if file.is_file()]
    print(json.dumps([{"Path": file.relative_to(root).as_posix(), "Size": file.stat().st_size} for file in files]))
elif command == "cat":
    sys.stdout.buffer.write(place(arguments[-1]).read_bytes())
elif command == "copy":
    source, folder = map(place, arguments[-2:])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / source.name)
elif command == "deletefile":
    if not place(arguments[-1]).exists():
        sys.exit(4)
    place(arguments[-1]).unlink()
else:
    sys.exit("unknown command " + command)
"""


class Place:
    """A store in a folder, the service before it, and a training's folder."""

    def __init__(self, root: pathlib.Path) -> None:
        self.store, self.folder, self.fault = root / "store" / "digest", root / "checkpoints", root / "fault"
        self.folder.mkdir()
        (root / "rclone.py").write_text(RCLONE)
        rclone = [sys.executable, str(root / "rclone.py")]
        self.server = checkpointstore.server(0, checkpointstore.Store(str(self.store), rclone, [SECRET]))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.service = keepcheckpoints.Service(self.address)

    def write(self, **files: str) -> keepcheckpoints.Tree:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return keepcheckpoints.look(self.folder)

    def texts(self) -> dict[str, str]:
        return {path: (self.folder / path).read_text() for path in sorted(keepcheckpoints.look(self.folder))}

    def keeper(self) -> keepcheckpoints.Keeper:
        return keepcheckpoints.Keeper(self.service, self.folder, None)

    def kept(self) -> list[str]:
        return sorted(path.relative_to(self.store).as_posix() for path in self.store.rglob("*") if path.is_file())

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def lose(place: Place) -> None:
    """Lose the folder, as an engine that is killed does."""
    keepcheckpoints.empty(place.folder)


def test_restores_what_was_kept_with_its_times(place: Place) -> None:
    before = place.write(checkpoint="2", **{"deep/data": "weights"})
    assert place.keeper().keep(before)
    lose(place)
    assert keepcheckpoints.restore(place.service, place.folder) == 2
    assert place.texts() == {"checkpoint": "2", "deep/data": "weights"}
    after = keepcheckpoints.look(place.folder)
    assert {path: stamp[:2] for path, stamp in after.items()} == {path: stamp[:2] for path, stamp in before.items()}


def test_an_empty_store_restores_nothing(place: Place) -> None:
    assert keepcheckpoints.restore(place.service, place.folder) == 0
    place.write(local="1")
    assert keepcheckpoints.restore(place.service, place.folder) == 0
    assert place.texts() == {"local": "1"}
    assert place.kept() == []  # nor does the trial leave anything


@pytest.mark.parametrize("newer", ["folder", "store"])
def test_the_newer_of_folder_and_store_counts(place: Place, newer: str) -> None:
    place.keeper().keep(place.write(checkpoint="of the store"))
    place.write(checkpoint="of the folder", more="file")
    shift = 10 if newer == "folder" else -10
    for name in ("checkpoint", "more"):
        os.utime(place.folder / name, (time.time() + shift, time.time() + shift))
    keepcheckpoints.restore(place.service, place.folder)
    assert place.texts() == (
        {"checkpoint": "of the folder", "more": "file"} if newer == "folder" else {"checkpoint": "of the store"}
    )


def test_a_restore_that_was_cut_off_is_done_again(place: Place) -> None:
    place.keeper().keep(place.write(a="1", b="2"))
    (place.folder / "b").unlink()
    (place.folder / keepcheckpoints.RESTORING).mkdir()
    place.write(**{keepcheckpoints.RESTORING + "/b": "2"})
    assert keepcheckpoints.restore(place.service, place.folder) == 2
    assert place.texts() == {"a": "1", "b": "2"}


def test_old_states_and_their_files_go(place: Place) -> None:
    keeper = place.keeper()
    for number in range(5):
        assert keeper.keep(place.write(same="same", data=f"weights {number}"))
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in ("same", "weights 3", "weights 4")]
    assert place.kept() == sorted(["00000004.json", "00000005.json", *("files/" + digest for digest in digests)])


def test_an_unfinished_state_is_not_restored(place: Place) -> None:
    keeper = place.keeper()
    keeper.keep(place.write(data="first"))
    keeper.keep(place.write(data="second"))
    (place.store / "files" / hashlib.sha256(b"second").hexdigest()).unlink()  # as if it had not come there
    lose(place)
    assert keepcheckpoints.restore(place.service, place.folder) == 1
    assert place.texts() == {"data": "first"}


def test_files_that_another_deleted_are_kept_again(place: Place) -> None:
    keeper = place.keeper()
    keeper.keep(place.write(data="1", old="0"))
    place.service.clear()
    assert place.kept() == []
    assert keeper.keep(place.write(data="2"))
    lose(place)
    keepcheckpoints.restore(place.service, place.folder)
    assert place.texts() == {"data": "2", "old": "0"}


def test_a_file_that_is_damaged_in_the_store_is_refused(place: Place) -> None:
    place.keeper().keep(place.write(data="right"))
    (place.store / "files" / hashlib.sha256(b"right").hexdigest()).write_text("wrong")
    lose(place)
    with pytest.raises(keepcheckpoints.StoreFailure, match="not what was kept"):
        keepcheckpoints.restore(place.service, place.folder)
    assert place.texts().keys() <= {keepcheckpoints.RESTORING + "/data"}


def test_files_that_change_meanwhile_are_no_state(place: Place) -> None:
    tree = place.write(a="1", b="1")
    place.write(b="two")
    assert not place.keeper().keep(tree)
    (place.folder / "a").unlink()
    assert not place.keeper().keep(tree)
    assert place.kept() == []


def test_links_are_not_followed(place: Place, tmp_path: pathlib.Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (place.folder / "link").symlink_to(tmp_path / "outside")
    (place.folder / "links").symlink_to(tmp_path)
    assert keepcheckpoints.look(place.folder) == {}


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "", ".", ".restoring/a"])
def test_a_state_leads_nowhere_else(place: Place, path: str) -> None:
    with pytest.raises(keepcheckpoints.StoreFailure, match="no training keeps"):
        keepcheckpoints.within(path)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/rclone.conf", None, 404),
        ("GET", "/files/../../rclone.conf", None, 404),
        ("GET", "/files/" + "A" * 64, None, 404),
        ("GET", "/files/%2e%2e/x", None, 404),
        ("PUT", "/files/../x", b"x", 404),
        ("PUT", "/state", b"x", 404),
        ("PUT", "/files/" + "0" * 64, b"x", 400),
        ("POST", "/state", b"x", 400),
        ("POST", "/state", b"{}", 400),
        ("POST", "/state", b'{"files": [{"path": "a", "sha256": "../../x", "size": 1}]}', 400),
        ("POST", "/files/" + "0" * 64, b"", 404),
        ("DELETE", "/files/" + "0" * 64, None, 501),
        ("GET", "http://elsewhere/newest", None, 404),
    ],
)
def test_the_service_takes_nothing_else(place: Place, method: str, path: str, body: bytes | None, status: int) -> None:
    got, text = place.request(method, path, body)
    assert got == status, text
    assert SECRET not in text
    assert not place.store.parent.exists()


def test_a_failure_is_told_in_words_and_without_secrets(place: Place) -> None:
    place.fault.write_text(
        f"2026/11/30 21:00:00 ERROR : S3: AccessDenied: {SECRET} at http://host/bucket?X-Signature=abc, status 403"
    )
    with pytest.raises(keepcheckpoints.StoreFailure) as failure:
        keepcheckpoints.restore(place.service, place.folder)
    assert "the store refuses the credentials in --checkpoint-config" in str(failure.value)
    assert SECRET not in str(failure.value) and "abc" not in str(failure.value) and "2026" not in str(failure.value)


def test_secrets_are_the_values_that_no_store_is_told_by() -> None:
    text = f"[s3]\ntype = s3\nendpoint = http://host:1\naccess_key_id = tester\nsecret_access_key={SECRET}=\n"
    assert checkpointstore.secrets(text) == ["tester", SECRET + "="]


def call(place: Place, code: str) -> subprocess.CompletedProcess[str]:
    record = place.folder.parent / "training.json"
    return subprocess.run(
        [
            sys.executable,
            str(HERE / "keepcheckpoints.py"),
            "--service",
            place.address,
            "--place",
            "s3://models/x",
            "--folder",
            str(place.folder),
            "--record",
            str(record),
            "--",
            sys.executable,
            "-c",
            f"import pathlib, time, os\nfolder = pathlib.Path({str(place.folder)!r})\n"
            f"fault = pathlib.Path({str(place.fault)!r})\nrecord = pathlib.Path({str(record)!r})\n{code}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


KILLED = "import signal; os.kill(os.getpid(), signal.SIGKILL)"


def test_what_a_killed_training_left_is_kept_and_restored(place: Place) -> None:
    result = call(place, f"(folder / 'data').write_text('1'); {KILLED}")
    assert result.returncode == 137, result.stderr
    lose(place)
    result = call(place, "print('found', (folder / 'data').read_text())")
    assert "restored 1 files of an interrupted run from s3://models/x\nfound 1\n" in result.stdout


def test_a_training_is_kept_while_it_runs(place: Place) -> None:
    waits = (
        "import glob\ndeadline = time.time() + 60\n"
        "while not glob.glob(str(folder.parent) + '/store/digest/*.json') and time.time() < deadline:\n"
        "    time.sleep(.1)"
    )
    result = call(
        place, f"(folder / 'data').write_text('1')\n{waits}\nprint(os.listdir(folder.parent / 'store' / 'digest'))"
    )
    assert "00000001.json" in result.stdout, result.stderr


def test_a_training_that_empties_its_folder_empties_the_store(place: Place) -> None:
    place.keeper().keep(place.write(data="1"))
    result = call(place, "(folder / 'data').unlink()")
    assert result.returncode == 0, result.stderr
    assert place.kept() == []


def test_a_store_that_does_not_answer_is_told_before_the_training(place: Place) -> None:
    place.fault.write_text("dial tcp 10.0.0.1:443: connect: connection refused")
    result = call(place, "print('trained')")
    assert result.returncode == 2 and "trained" not in result.stdout
    assert result.stderr.startswith(
        "error: train.checkpoints s3://models/x: the store cannot be reached: is the endpoint in --checkpoint-config"
    )


def test_a_store_that_fails_meanwhile_does_not_end_the_training(place: Place) -> None:
    code = (
        "fault.write_text('QuotaExceeded')\nrecord.write_text('{\"gpus\": []}')\n"
        "(folder / 'data').write_text('1')\ntime.sleep(3)\nprint('trained')"
    )
    result = call(place, code)
    assert result.returncode == 0 and result.stdout == "trained\n"
    assert (
        result.stderr.count("warning: train.checkpoints s3://models/x: checkpoints cannot be kept: the store is full")
        == 1
    )
    record = json.loads((place.folder.parent / "training.json").read_text())
    assert record["gpus"] == [] and len(record["checkpointWarnings"]) == 1


def test_files_that_hardly_rest_are_kept_all_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keepcheckpoints, "HASTE_SECONDS", 0.5)
    with keepcheckpoints.Watch(place.keeper(), "s3://models/x") as watch:
        deadline = time.monotonic() + 60
        while not place.kept() and time.monotonic() < deadline:
            place.write(data=str(time.monotonic()))
            time.sleep(0.6)
    assert place.kept() and not watch.warnings


def test_files_that_never_rest_are_not_kept_and_it_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keepcheckpoints, "HASTE_SECONDS", 0.5)
    monkeypatch.setattr(keepcheckpoints, "RESTLESS_SECONDS", 1.0)
    with keepcheckpoints.Watch(place.keeper(), "s3://models/x") as watch:
        deadline = time.monotonic() + 60
        while not watch.warnings and time.monotonic() < deadline:
            place.write(data=str(time.monotonic()))
            time.sleep(0.01)
    assert place.kept() == []
    assert (
        "warning: train.checkpoints s3://models/x: the files in --checkpoint-dir have changed all the time"
        in capsys.readouterr().err
    )
