"""The networks of keras.applications: sizes, preprocessing, published weights.

As `keras.applications` itself has them; tests hold them against its own functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zoo.contracts import NamedNetwork

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications"
#: What `preprocess_input` of each mode makes of pixels, in the words of ``--input``; ``graph``: of
#: networks that begin with it, it makes nothing.
MODES = {
    "tf": "rgb -1..1",
    "caffe": "bgr mean=103.939,116.779,123.68 std=1 scale=1",
    "torch": "rgb mean=0.485,0.456,0.406 std=0.229,0.224,0.225",
    "graph": "rgb 0..255",
}


@dataclass(frozen=True, kw_only=True)
class Application:
    """A network of keras.applications.

    Attributes:
        name: Of its function.
        size: Height and width of the images that it was trained on.
        mode: Of its preprocessing; a key of `MODES`.
        path: Of its weights, below the folder of most, or whole.
        hash: That Keras checks; empty where it checks none.
        page: Of its documentation.
        licence: Of its weights.
        rescaled: Built for its published weights it has a layer more, which divides by the root of
            the deviations; Keras leaves it out of a network that is built for others.
        fixed_size: Why it takes no other size; empty where it does.
    """

    name: str
    size: int
    mode: str
    path: str
    hash: str
    page: str
    licence: str
    rescaled: bool
    fixed_size: str

    @property
    def url(self) -> str:
        """Address of its weights."""
        return self.path if "://" in self.path else f"{_FOLDER}/{self.path}"

    @property
    def file(self) -> str:
        """Name of their file."""
        return self.path.rpartition("/")[2]


def described(application: Application) -> NamedNetwork:
    """A row of ``zoo list``."""
    size = application.size
    return NamedNetwork(
        name=f"keras:{application.name}",
        task="image-classification",
        input=f"{size}x{size} {MODES[application.mode]}",
        licence=application.licence,
        weights=application.url,
        hash=application.hash,
        page=f"https://keras.io/api/applications/{application.page}/",
    )


#: Families of which Keras builds another network for its published weights.
_RESCALED = ("efficientnet",)
#: Families whose weights fit one size alone, and why.
_FIXED = {"vgg": "its first dense layer has a weight for each place of the image"}
_LICENCES = {"vgg": "CC-BY-4.0"}


@cache
def networks() -> tuple[Application, ...]:
    """All of them, from the table beside this file."""
    text = files(__package__).joinpath("networks.tsv").read_text(encoding="utf-8")
    return tuple(_row(*line.split("\t")) for line in text.splitlines() if line[:1] != "#")


def _row(name: str, size: str, mode: str, page: str, path: str, hash: str) -> Application:
    return Application(
        name=name,
        size=int(size),
        mode=mode,
        path=path,
        hash=hash.strip("-"),
        page=page,
        licence=_LICENCES.get(page, "Apache-2.0"),
        rescaled=page in _RESCALED,
        fixed_size=_FIXED.get(page, ""),
    )
