"""Read the scalars of TensorBoard event files, without TensorFlow and without TensorBoard.

    for tag, step, value in tfevents.scalars(path): ...

An event file is a row of records (length, checksum, bytes, checksum), each record a protocol buffer `Event`; of those only
`step` (2) and `summary` (5) are read, and of a summary's values tag (1), simple_value (2) and tensor (8). A file whose end is
cut off, as a killed training leaves it, is read as far as it goes.
"""

from __future__ import annotations

import os
import pathlib
import struct
from collections.abc import Iterator

import numpy as np

Points = list[tuple[int, float]]  # (step, value)

# TensorFlow's DataType: how many bytes a number has in tensor_content, and the field that holds it otherwise.
_TYPES = {
    1: (np.dtype("<f4"), 5),  # float
    2: (np.dtype("<f8"), 6),  # double
    3: (np.dtype("<i4"), 7),  # int32
    9: (np.dtype("<i8"), 10),  # int64
}
_MOST_BYTES = 1 << 30  # of one record: a longer one is a damaged length


class Damaged(Exception):
    """A file that is no event file, or one that stops being one in the middle."""


def runs(folder: pathlib.Path) -> dict[str, dict[str, Points]]:
    """All scalars below `folder`: run (its folder, "." for the top) to tag to points in the order of their steps.

    A run that went on after a kill has several files; where both have a step, the later file's value counts.
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    for path in sorted(folder.rglob("*tfevents*")):
        if not path.is_file() or path.is_symlink():
            continue
        run = found.setdefault(path.parent.relative_to(folder).as_posix(), {})
        try:
            for tag, step, value in scalars(path):
                run.setdefault(tag, {})[step] = value
        except Damaged:
            continue  # what was read of it counts
    return {run: {tag: sorted(points.items()) for tag, points in sorted(tags.items())} for run, tags in found.items() if tags}


def scalars(path: str | os.PathLike[str]) -> Iterator[tuple[str, int, float]]:
    """Yield (tag, step, value) of a file's scalars, in its order; raises Damaged where it cannot be read on."""
    for record in _records(pathlib.Path(path).read_bytes()):
        step, summaries = 0, []
        for number, value in _fields(record):
            if number == 2 and isinstance(value, int):
                step = value - (1 << 64) if value >> 63 else value
            elif number == 5 and isinstance(value, bytes):
                summaries.append(value)
        for summary in summaries:
            for number, value in _fields(summary):
                if number == 1 and isinstance(value, bytes):
                    tag, scalar = _value(value)
                    if scalar is not None:
                        yield tag, step, scalar


def _value(text: bytes) -> tuple[str, float | None]:
    """Tag and number of a Summary.Value; None for an image, a text, a histogram."""
    tag, scalar = "", None
    for number, value in _fields(text):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and isinstance(value, bytes):
            scalar = _one(value, np.dtype("<f4"))
        elif number == 8 and isinstance(value, bytes):
            scalar = _tensor(value)
    return tag, scalar


def _tensor(text: bytes) -> float | None:
    """The number that a TensorProto holds; None when it holds several, or none."""
    fields = list(_fields(text))
    kind = next((value for number, value in fields if number == 1), 0)
    if kind not in _TYPES:
        return None
    dtype, field = _TYPES[kind]
    for number, value in fields:
        if number == 4 and isinstance(value, bytes):  # tensor_content
            return _one(value, dtype)
        if number == field:
            return float(value) if isinstance(value, int) else _one(value, dtype)
    return None


def _one(text: bytes, dtype: np.dtype) -> float | None:
    return float(np.frombuffer(text, dtype)[0]) if len(text) == dtype.itemsize else None


def _fields(text: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and contents of a message's fields; raises Damaged when it is none."""
    at = 0
    while at < len(text):
        key, at = _varint(text, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(text, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _varint(text, at)
        if size is None or at + size > len(text):
            raise Damaged("a message ends in the middle of a field")
        yield key >> 3, text[at:at + size]
        at += size


def _varint(text: bytes, at: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if at >= len(text):
            break
        byte, at = text[at], at + 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & ((1 << 64) - 1), at
    raise Damaged("a number ends in the middle")


def _records(text: bytes) -> Iterator[bytes]:
    """The records of a file, until it ends or is cut off; raises Damaged where a length's checksum does not hold."""
    at = 0
    while at + 12 <= len(text):
        size, checksum = struct.unpack_from("<QI", text, at)
        if size > _MOST_BYTES or _masked(text[at:at + 8]) != checksum:
            raise Damaged(f"no record at byte {at}")
        if at + 12 + size + 4 > len(text):
            return
        yield text[at + 12:at + 12 + size]
        at += 12 + size + 4


def _masked(text: bytes) -> int:
    """The checksum of a record's length: CRC-32C, rotated and shifted as the format wants it."""
    crc = 0xFFFFFFFF
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
