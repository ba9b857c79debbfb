"""GPUs as Vulkan's loader lists them, for runtimes that do not tell which adapter they take."""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple

#: Vulkan's VkPhysicalDeviceType of a processor that imitates a GPU.
_CPU = 4
#: Drivers of such, which the loader leaves out where it is asked to.
_IMITATIONS = "*lvp*,*swiftshader*,*swrast*"
#: Bytes of VkPhysicalDeviceProperties, and more; where its type and name are, and the name's size.
_PROPERTIES, _TYPE, _NAME, _NAME_SIZE = 8192, 16, 20, 256


class Adapter(NamedTuple):
    """A GPU, or a processor that imitates one."""

    name: str
    software: bool


class _InstanceInfo(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


def without_imitations() -> None:
    """Asks the loader, for this process, to leave imitated GPUs out; older ones do not obey."""
    os.environ.setdefault("VK_LOADER_DRIVERS_DISABLE", _IMITATIONS)


def adapters() -> list[Adapter]:
    """What the loader lists; nothing where there is no Vulkan."""
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return []
    instance = ctypes.c_void_p()
    asked = _InstanceInfo(kind=1)  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
    if vulkan.vkCreateInstance(ctypes.byref(asked), None, ctypes.byref(instance)) != 0:
        return []
    try:
        count = ctypes.c_uint32()
        if vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None) != 0:
            return []
        devices = (ctypes.c_void_p * max(1, count.value))()
        if vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), devices) < 0:
            return []
        return [_adapter(vulkan, devices[place]) for place in range(count.value)]
    finally:
        vulkan.vkDestroyInstance(instance, None)


def _adapter(vulkan: ctypes.CDLL, device: int | None) -> Adapter:
    told = ctypes.create_string_buffer(_PROPERTIES)
    vulkan.vkGetPhysicalDeviceProperties(ctypes.c_void_p(device), told)
    kind = int.from_bytes(told.raw[_TYPE : _TYPE + 4], "little")
    name = told.raw[_NAME : _NAME + _NAME_SIZE].partition(b"\0")[0].decode("utf-8", "replace")
    return Adapter(name, kind == _CPU)
