"""The CUDA driver's API by ctypes: as much of it as it takes to find the cards and to run a kernel on one.

Nothing here needs a CUDA toolkit: the driver compiles the text in kernels.ptx for the card that it finds.
"""

from __future__ import annotations

import array
import ctypes
import dataclasses
import glob
import pathlib
from typing import Any

KERNELS = pathlib.Path(__file__).with_name("kernels.ptx")
PLACES = (
    "libcuda.so.1",
    "/usr/local/nvidia/lib64/libcuda.so.1",
    "/usr/local/nvidia/lib/libcuda.so.1",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib64/libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
)
# The oldest language that a card of this compute capability can be given. Newer cards take older targets.
TARGETS = ((75, "6.4", "sm_75"), (70, "6.0", "sm_70"), (50, "6.0", "sm_50"))
MULTIPROCESSORS, MAJOR, MINOR = 16, 75, 76  # numbers of the attributes in cuda.h
ERROR_LOG, ERROR_LOG_BYTES = 5, 6  # numbers of the options of cuModuleLoadDataEx
THREADS = 256
MULTIPLIER, INCREMENT, MODULUS = 1664525, 1013904223, 1 << 32
HINTS = {
    "CUDA_ERROR_NO_DEVICE": "the driver is there and shows no card: CUDA_VISIBLE_DEVICES hides it, "
    "or the container was given none",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "the kernel module and libcuda are of two versions: reboot, "
    "or install the driver again",
    "CUDA_ERROR_SYSTEM_NOT_READY": "the driver's services do not run: on machines with several cards, "
    "start the fabric manager",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": "a compatibility libcuda of another version lies before the "
    "driver's own: look at LD_LIBRARY_PATH",
    "CUDA_ERROR_STUB_LIBRARY": "this libcuda is the toolkit's stub: the driver's own must come first in "
    "LD_LIBRARY_PATH",
    "CUDA_ERROR_OPERATING_SYSTEM": "the device files cannot be opened: look at their permissions and at the "
    "container's devices",
    "CUDA_ERROR_UNKNOWN": "most often the kernel module nvidia_uvm is not loaded, or /dev/nvidia-uvm is missing",
    "CUDA_ERROR_OUT_OF_MEMORY": "another program holds the card's memory",
}


class Failed(Exception):
    """The driver did not do what was asked of it; the text says what, and what it answered."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Card:
    """What the driver says of one card."""

    index: int
    name: str
    uuid: str
    memory: int  # bytes
    capability: int  # 90 for compute capability 9.0
    multiprocessors: int


def target(capability: int) -> str:
    """The first lines of the PTX for a card; raises Failed for one that is too old."""
    for lowest, version, name in TARGETS:
        if capability >= lowest:
            return f".version {version}\n.target {name}\n.address_size 64\n"
    raise Failed(f"the card's compute capability is {capability / 10:.1f}: too old, 5.0 is the least")


def ground(rounds: int, count: int) -> array.array:
    """What the kernel `grind` must leave: the rounds of one recurrence, taken together."""
    factor, addend = 1, 0
    for _ in range(rounds):
        factor, addend = factor * MULTIPLIER % MODULUS, (addend * MULTIPLIER + INCREMENT) % MODULUS
    return array.array("I", ((factor * i + addend) % MODULUS for i in range(count)))


class Driver:
    """libcuda, started."""

    def __init__(self, path: str = "") -> None:
        self.path, self._library = _load(path)
        self.call("cuInit", ctypes.c_uint(0))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver; raises Failed, with the error's name and what it means."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise Failed(f"{self.path} has no {name}: it is no CUDA driver library, or a very old one") from None
        if code := function(*arguments):
            raise Failed(self._explain(name, code), code)

    def _explain(self, name: str, code: int) -> str:
        text = ctypes.c_char_p()
        try:
            self._library.cuGetErrorName(code, ctypes.byref(text))
        except AttributeError:
            pass
        error = (text.value or b"unknown error").decode(errors="replace")
        hint = HINTS.get(error)
        return f"{name} answered {code} ({error})" + (f": {hint}" if hint else "")

    def version(self) -> str:
        """The newest CUDA that the driver can serve, such as 13.0."""
        number = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(number))
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def cards(self) -> list[Card]:
        count = ctypes.c_int()
        self.call("cuDeviceGetCount", ctypes.byref(count))
        if count.value < 1:
            raise Failed("the driver lists no card: " + HINTS["CUDA_ERROR_NO_DEVICE"])
        return [self._card(index) for index in range(count.value)]

    def _card(self, index: int) -> Card:
        device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
        uuid = (ctypes.c_ubyte * 16)()
        self.call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(index))
        self.call("cuDeviceGetName", name, ctypes.c_int(256), device)
        self.call("cuDeviceTotalMem_v2", ctypes.byref(memory), device)
        self.call("cuDeviceGetUuid", uuid, device)
        plain = bytes(uuid).hex()
        return Card(
            index,
            name.value.decode(errors="replace"),
            "GPU-" + "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:])),
            memory.value,
            10 * self._attribute(MAJOR, device) + self._attribute(MINOR, device),
            self._attribute(MULTIPROCESSORS, device),
        )

    def _attribute(self, number: int, device: ctypes.c_int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), device)
        return value.value


class Context:
    """A card, ready to run the kernels; a `with` gives it back."""

    def __init__(self, driver: Driver, card: Card) -> None:
        self.driver, self.card = driver, card
        self._device, self._module = ctypes.c_int(), ctypes.c_void_p()
        self._memory: list[ctypes.c_uint64] = []

    def __enter__(self) -> Context:
        context = ctypes.c_void_p()
        self.driver.call("cuDeviceGet", ctypes.byref(self._device), ctypes.c_int(self.card.index))
        self.driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device)
        try:
            self.driver.call("cuCtxSetCurrent", context)
            self._compile(target(self.card.capability) + KERNELS.read_text())
        except BaseException:
            self.driver.call("cuDevicePrimaryCtxRelease_v2", self._device)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for memory in self._memory:
                self.driver.call("cuMemFree_v2", memory)
            self.driver.call("cuModuleUnload", self._module)
        finally:
            self.driver.call("cuDevicePrimaryCtxRelease_v2", self._device)

    def _compile(self, text: str) -> None:
        image = ctypes.create_string_buffer(text.encode())
        try:
            self.driver.call("cuModuleLoadData", ctypes.byref(self._module), image)
        except Failed as failed:
            raise Failed(f"{failed}; the driver's compiler says: {self._compiler_says(image)}", failed.code) from failed

    def _compiler_says(self, image: ctypes.Array[ctypes.c_char]) -> str:
        said, module = ctypes.create_string_buffer(4096), ctypes.c_void_p()
        options = (ctypes.c_int * 2)(ERROR_LOG, ERROR_LOG_BYTES)
        values = (ctypes.c_void_p * 2)(ctypes.cast(said, ctypes.c_void_p), ctypes.c_void_p(len(said)))
        try:
            self.driver.call("cuModuleLoadDataEx", ctypes.byref(module), image, ctypes.c_uint(2), options, values)
        except Failed:
            pass
        return " ".join(said.value.decode(errors="replace").split()) or "nothing"

    def put(self, values: array.array) -> ctypes.c_uint64:
        """Copy values to the card."""
        size, memory = len(values) * values.itemsize, ctypes.c_uint64()
        self.driver.call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(size))
        self._memory.append(memory)
        self.driver.call("cuMemcpyHtoD_v2", memory, ctypes.c_void_p(values.buffer_info()[0]), ctypes.c_size_t(size))
        return memory

    def get(self, memory: ctypes.c_uint64, values: array.array) -> array.array:
        """Fill `values` from the card."""
        self.driver.call(
            "cuMemcpyDtoH_v2",
            ctypes.c_void_p(values.buffer_info()[0]),
            memory,
            ctypes.c_size_t(len(values) * values.itemsize),
        )
        return values

    def kernel(self, name: str) -> ctypes.c_void_p:
        function = ctypes.c_void_p()
        self.driver.call("cuModuleGetFunction", ctypes.byref(function), self._module, name.encode())
        return function

    def launch(self, function: ctypes.c_void_p, count: int, *arguments: Any) -> None:
        """Start a kernel over `count` elements; it runs on after this returns."""
        pointers = (ctypes.c_void_p * len(arguments))(
            *(ctypes.cast(ctypes.pointer(one), ctypes.c_void_p) for one in arguments)
        )
        grid, one, none = ctypes.c_uint(-(-count // THREADS)), ctypes.c_uint(1), ctypes.c_uint(0)
        self.driver.call(
            "cuLaunchKernel", function, grid, one, one, ctypes.c_uint(THREADS), one, one, none, None, pointers, None
        )

    def wait(self) -> None:
        """Wait until the card has done everything; an error of a kernel shows here."""
        self.driver.call("cuCtxSynchronize")


def _load(path: str) -> tuple[str, ctypes.CDLL]:
    """The driver's library, and where it was found; raises Failed, with what the loader said of each place."""
    said = []
    for place in (path,) if path else PLACES:
        try:
            return place, ctypes.CDLL(place)
        except OSError as error:
            # Of a place that does not exist there is nothing to say, but for the first.
            if not said or glob.glob(place):
                said.append(str(error))
    raise Failed(
        "the driver's library libcuda.so.1 cannot be loaded (" + "; ".join(said) + "): install the NVIDIA driver, or, "
        "in a container, start it with the NVIDIA container toolkit"
    )
