"""Devices: where the agent can be started, or whose behaviour is analysed offline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeVar,
    get_args,
    get_origin,
)

from zoo.common.errors import UsageError
from zoo.contracts.checks import InvalidRecord, check, check_name, check_words
from zoo.contracts.offline_analysis import Examination, Specimen
from zoo.contracts.page_runtime import PageRuntime
from zoo.contracts.runtime import Runtime, VendorTool
from zoo.contracts.transport import DeviceOptions, Transport
from zoo.contracts.usage import Arena

if TYPE_CHECKING:  # lists and help must not wait for it
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from zoo.contracts.exporter import FileContents

#: What the times of a device are: taken on the real thing, on another processor that stands in for
#: it, or calculated. Those that are not real are compared with no others.
Clock = Literal["real", "emulated", "estimated"]

#: The option of a driver's model whose choices are the backends of such devices.
BACKEND = "backend"

Options = TypeVar("Options", bound="BaseModel | None")


class DeviceDriver(ABC, Generic[Options]):
    """The driver of one device: connects to it, or analyses offline how a file would run there.

    A subclass has `fingerprint` and `runtimes`, and `connect` or `examine`. One object serves all
    of a command, so what is found out once may be kept (`functools.cached_property`). Its type
    parameter is the pydantic model whose fields ``devices.toml`` may hold for such a device:
    ``class BoxDriver(zoo.DeviceDriver[BoxOptions])``; without one, devices have no options. Where
    runtimes can run operators in several places, the model has an option ``backend`` whose type is
    the `Literal` of their names, and a default: ``--backend`` chooses among them.

    Attributes:
        model: That type parameter; None without one.
        options: Of this device, an object of the model; None without one.
        plugin_runtimes: Those that plugins bring; an environment made for the agent has to hold
            them.
        apart: Whether each runtime there has an environment of its own, so that an agent in one
            knows nothing of the others.
        patience: Seconds to wait for an agent's first answer.
    """

    model: ClassVar[type[BaseModel] | None] = None
    plugin_runtimes: Sequence[Runtime] = ()
    apart: bool = False
    patience: float = 120.0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__dict__.get("__orig_bases__", ()):
            for given in get_args(base):
                if isinstance(given, TypeVar) or given is Any:
                    continue
                usable = given is type(None) or hasattr(given, "model_validate")
                check(
                    usable,
                    cls.__name__,
                    "the type parameter of a driver is a pydantic model, defined above the driver, "
                    f"or None; not {given!r}",
                )
                cls.model = None if given is type(None) else given

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    def address(self) -> str:
        """Where the device is, in a few words without secrets; empty stands for its options.

        Two devices with one address are one, of which only one process at a time may measure.
        """
        return ""

    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies the machine and its runtimes; a key of measured latencies.

        Raises:
            ZooError: The device cannot be reached, or what examines files for it is missing.
        """

    @abstractmethod
    def runtimes(self) -> Sequence[str]:
        """The agent's runtimes that can be used there now, or the tools that examine files.

        Raises:
            ZooError: The device cannot be reached.
        """

    def connect(self) -> Transport:
        """Opens a transport to the device.

        Raises:
            ZooError: The device cannot be reached.
        """
        raise UsageError(
            "no program can be started on this device",
            why="it is an analysis of files: what they need there is worked out on this machine",
            fix="`zoo bench FILE --device NAME` prints what it finds; time files on another device",
        )

    def examine(self, specimen: Specimen) -> Examination:
        """Offline analysis of a file for this device; nothing is timed.

        Raises:
            ZooError: It cannot take the file.
        """
        raise NotImplementedError("its kind names formats, but its driver has no examine")

    def setup(self, tell: Callable[[str], None]) -> str:
        """Prepares the device (``zoo devices setup NAME``); returns what is ready then.

        Args:
            tell: Receives what is being done, in words for people.
        """
        raise NotImplementedError("its driver has no setup")

    @property
    def setup_runtimes(self) -> Sequence[str]:
        """The agent's runtimes that `setup` brings, as far as the device takes them.

        Where one is missing, errors name ``zoo devices setup NAME`` for files of their formats
        alone; none where a setup brings no runtime. Contacts no device.
        """
        return ()

    def open_page(self, port: int, path: str) -> str:
        """Has browsers of the device show a page of this machine, as if it came from their own.

        Args:
            port: Of this machine's loopback interface, which the device reaches by the same number.
            path: Of the page, with a slash in front.

        Returns:
            Where it was opened, in words for people.

        Raises:
            ZooError: The device cannot be reached, or its browser does not start.
        """
        raise UsageError(
            "no page can be opened on this device from here",
            why="its driver has no way to do so",
            fix="open the address on the device yourself; an Android phone on a cable is a device "
            "of kind adb",
        )

    def close_pages(self) -> None:
        """Takes back what `open_page` arranged on the device, also where it failed.

        A device that is gone is no error.
        """
        return

    def tool(self) -> VendorTool | None:
        """A vendor's benchmark tool, supplied by users, that times files in place of the agent.

        Contacts no device; None where there is none.
        """
        return None


#: What `DeviceKind` took before drivers were classes.
_METHODS = {"connect", "fingerprint", "runtimes", "address", "setup", "tool", "examine"}


@dataclass(frozen=True, kw_only=True)
class DeviceKind:
    """A kind of device, reached by its driver or analysed offline.

    Attributes:
        name: ``host``; also a device by itself where the kind needs no options.
        summary: One line for lists.
        driver: Returns the class that does the work, which lists must not import.
        extra: The extra of the distribution that brings what the driver needs; empty for none.
        distributions: Distributions here whose versions decide its results and times.
        local: Whether it is this machine, where files are judged after export.
        formats: Names of the exporters whose files the driver examines. Devices of a kind with such
            are analyses: nothing is timed there, and findings are never ranked with latencies.
            Empty for kinds that the agent runs on.
        remote: Whether the device does the work on processors of its own, so that it may measure
            while others do.
        clock: What its times are; only real ones are ranked, compared or held against a budget.
        known: Devices of this kind that are known without an entry: name → options. An entry of
            ``devices.toml`` with the same name counts instead.
        arena: Measures on this machine, with the interpreter of such devices, the tensor arena and
            outputs of a file of one of the `formats`; takes the file, and inputs as the file takes
            them, (inputs, 1, …). For the folder for app developers; None without an interpreter.
        also_called: Other words for it, in lower case; no command takes them, but an error for
            them offers the name.
        pages: Pages by which people join devices of this kind: takes the address at which this
            machine reaches them, and returns routes of Starlette, which a server mounts there.
        in_pages: What runs a file of a format, with such contents, in a page of that server itself;
            None where nothing does.
    """

    name: str
    summary: str
    driver: Callable[[], type[DeviceDriver[Any]]]
    extra: str = ""
    distributions: tuple[str, ...] = ()
    local: bool = False
    formats: tuple[str, ...] = ()
    remote: bool = False
    clock: Clock = "real"
    known: Callable[[], Mapping[str, DeviceOptions]] | None = None
    arena: Callable[[Path, NDArray[Any]], Arena] | None = None
    also_called: tuple[str, ...] = ()
    pages: Callable[[str], Sequence[Any]] | None = None
    in_pages: Callable[[str, FileContents], PageRuntime | None] | None = None
    _drivers: dict[str, DeviceDriver[Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __new__(cls, **given: Any) -> Self:
        """Tells authors of drivers that were functions of the record what to write now."""
        if "options" in given:
            raise InvalidRecord(
                f"device {given.get('name', '')!r}: options of a DeviceKind are the type parameter "
                "of its driver now: write class Driver(zoo.DeviceDriver[YourOptions]), and leave "
                "options out; an example is in docs/plugins.md"
            )
        if old := sorted(_METHODS & set(given)):
            raise InvalidRecord(
                f"device {given.get('name', '')!r}: {', '.join(old)} of a DeviceKind are methods "
                "of a class now: write class Driver(zoo.DeviceDriver) with them, where "
                "self.options is an object of your model, and give DeviceKind "
                "driver=lambda: Driver; an example is in docs/plugins.md"
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_name("device", self.name)
        check_words(self.name, self.also_called)
        guessed = not self.formats or self.clock == "estimated"
        check(guessed, self.name, "what a driver examines is estimated; clock must say so")
        clocks = get_args(Clock)
        check(self.clock in clocks, self.name, f"clock must be one of {', '.join(clocks)}")
        check(callable(self.driver), self.name, "driver must be callable")
        for field_name in ("known", "arena", "pages", "in_pages"):
            value = getattr(self, field_name)
            usable = value is None or callable(value)
            check(usable, self.name, f"{field_name} must be callable or None")

    @property
    def analysis(self) -> bool:
        """Whether files are examined for its devices on this machine, and nothing is timed."""
        return bool(self.formats)

    @property
    def prepares(self) -> bool:
        """Whether its devices can be set up from here."""
        return self.driver().setup is not DeviceDriver.setup

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of the options of its devices, as its driver declares it."""
        return self._class().model

    @property
    def backends(self) -> tuple[str, ...]:
        """Where runtimes can run operators on its devices, as its option `BACKEND` says."""
        fields = {} if self.model is None else self.model.model_fields
        declared = fields[BACKEND].annotation if BACKEND in fields else None
        if declared is None:
            return ()
        names = get_args(declared) if get_origin(declared) is Literal else ()
        usable = bool(names) and all(isinstance(name, str) for name in names)
        check(usable, self.name, f"the option {BACKEND} must be the Literal of some names")
        for name in names:
            check_name(BACKEND, name)
        return names

    def _class(self) -> type[DeviceDriver[Any]]:
        made = self.driver()
        usable = isinstance(made, type) and issubclass(made, DeviceDriver)
        check(usable, self.name, f"driver must return a class of zoo.DeviceDriver, not {made!r}")
        return made

    def driver_of(self, options: DeviceOptions) -> DeviceDriver[Any]:
        """The driver of one device, the same object each time that the options are the same."""
        made = self._class()
        model = None if made.model is None else _as_model(made.model, options)
        key = "" if model is None else model.model_dump_json()
        if key not in self._drivers:
            needed = "examine" if self.analysis else "connect"
            written = getattr(made, needed) is not getattr(DeviceDriver, needed)
            other = "that names formats" if self.analysis else "without formats"
            check(written, self.name, f"the driver of a kind {other} needs {needed}")
            self._drivers[key] = made(model)
        return self._drivers[key]


def _as_model(model: type[BaseModel], options: DeviceOptions) -> BaseModel:
    """Options as an object of their model, whose defaults need not keep its own rules."""
    defaults = model.model_construct().model_dump(mode="json")
    given = {k: v for k, v in options.items() if k not in defaults or defaults[k] != v}
    return model.model_validate(given)
