"""Memory that two processes share for one cell: the measurement goes in, images come out."""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import pickle
from typing import Any, cast

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.errors import UsageError, said
from priorlab.forward.measurement import Measurement
from priorlab.harness.isolation import memory_files

FRAMES = 4
"""Images that may be on their way while an iterative prior goes on working."""


class Block:
    """A measurement, the place of the restored image, and places for intermediate images.

    Parameters
    ----------
    descriptor : int
        Of the memory; it is the block's from now on.
    measured : int
        Bytes of the measurement.
    shape : sequence of int
        Shape (1, C, H, W) of the images, float32.
    """

    def __init__(self, descriptor: int, measured: int, shape: list[int]) -> None:
        self.descriptor = descriptor
        self.layout = {"measured": measured, "shape": shape}
        self._measured = measured
        self._shape = shape
        self._memory = mmap.mmap(descriptor, _size(measured, shape))
        first, self._flags = _places(measured, shape)
        self.frames = [
            self._image(first + index * _image_size(shape)) for index in range(1 + FRAMES)
        ]

    @classmethod
    def make(cls, measurement: Measurement) -> Block:
        """Return a block that holds a measurement.

        Raises
        ------
        Exception
            If a part of the measurement cannot be handed to another process.
        """
        data = packed(measurement)
        shape = list(measurement.frame_shape)
        descriptor = memory_files.empty(_size(len(data), shape))
        block = cls(descriptor, len(data), shape)
        block._memory[: len(data)] = data
        return block

    def measurement(self) -> Measurement:
        """Return the measurement."""
        found = pickle.loads(memoryview(self._memory)[: self._measured])
        return cast(Measurement, found)

    @property
    def result(self) -> Tensor:
        """The place of the restored image."""
        return self.frames[0]

    def free(self) -> int | None:
        """Return the number of a frame that may be written to, from 1; None if all are in use."""
        for number in range(1, 1 + FRAMES):
            if not self._memory[self._flags + number]:
                return number
        return None

    def mark(self, number: int, used: bool) -> None:
        """Say whether the other process is to read a frame."""
        self._memory[self._flags + number] = used

    def close(self) -> None:
        """Give the memory back, as soon as no image in it is used any more."""
        self.frames.clear()
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        with contextlib.suppress(BufferError):
            self._memory.close()

    def _image(self, start: int) -> Tensor:
        count = _image_size(self._shape) // 4
        if not count:
            return torch.empty(self._shape)
        flat = torch.frombuffer(self._memory, dtype=torch.float32, count=count, offset=start)
        return flat.view(self._shape)


def packed(measurement: Measurement) -> bytes:
    """Return a measurement as bytes: its tensors as they are, the classes by their names.

    Raises
    ------
    UsageError
        If it holds what another process cannot be given, such as a lambda.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=5).dump(measurement)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        kinds = " or ".join(type(one).__name__ for one in (measurement.operator, measurement.noise))
        raise UsageError(
            f"{kinds} cannot be passed to the process of a prior: {said(error)}; make both of"
            " classes and functions at the top of their module"
        ) from error
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Writes tensors as plain arrays; torch's own way takes ten times as long."""

    @override
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and _plain(obj):
            return torch.from_numpy, (obj.detach().contiguous().numpy(),)
        return NotImplemented


def _plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return dense and tensor.dtype != torch.bfloat16 and not tensor.is_conj() and not tensor.is_neg()


def _image_size(shape: list[int]) -> int:
    size = 4
    for length in shape:
        size *= length
    return size


def _places(measured: int, shape: list[int]) -> tuple[int, int]:
    """Return where the images begin, and where the flags of the frames do."""
    first = -(-measured // 64) * 64
    return first, first + (1 + FRAMES) * _image_size(shape)


def _size(measured: int, shape: list[int]) -> int:
    return _places(measured, shape)[1] + 1 + FRAMES
