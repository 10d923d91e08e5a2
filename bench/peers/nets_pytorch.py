#!/usr/bin/env python3
"""The bench's nets in PyTorch, as a child of pinnacle-bench: nets_pytorch.py NET MODE BATCH THREADS.

Chooses the fastest of PyTorch's ways, says so, then answers each line {"run": N} with the seconds
that N steps took. Needs torch alone; the nets are torchvision's definitions.
"""
# SPDX-License-Identifier: Apache-2.0
import ctypes

import peer

torch = peer.need("torch")
nn = torch.nn


def normed(inputs, filters, kernel=1, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups,
                                   bias=False),
                         nn.BatchNorm2d(filters))


class Residual(nn.Module):
    """relu(body(x) + x), with a projection where the shapes differ."""

    def __init__(self, body, inputs, filters, stride):
        super().__init__()
        self.body = body
        same = stride == 1 and inputs == filters
        self.short = nn.Identity() if same else normed(inputs, filters, stride=stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.body(x) + self.short(x))


def basic_block(inputs, width, stride):
    body = nn.Sequential(normed(inputs, width, 3, stride), nn.ReLU(inplace=True),
                         normed(width, width, 3))
    return Residual(body, inputs, width, stride), width


def bottleneck(inputs, width, stride):
    body = nn.Sequential(normed(inputs, width), nn.ReLU(inplace=True),
                         normed(width, width, 3, stride), nn.ReLU(inplace=True),
                         normed(width, 4 * width))
    return Residual(body, inputs, 4 * width, stride), 4 * width


def resnet(block, depths):
    layers = [normed(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        for i in range(depth):
            layer, channels = block(channels, 64 << stage, 2 if i == 0 and stage > 0 else 1)
            layers.append(layer)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def vgg16():
    layers, channels = [], 3
    for depth, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(inplace=True),
                         nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
                         nn.Dropout(0.5), nn.Linear(4096, 1000))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, factor, filters, stride):
        super().__init__()
        hidden = factor * inputs
        layers = [] if factor == 1 else [normed(inputs, hidden), nn.ReLU6(inplace=True)]
        self.body = nn.Sequential(*layers, normed(hidden, hidden, 3, stride, hidden),
                                  nn.ReLU6(inplace=True), normed(hidden, filters))
        self.same = stride == 1 and inputs == filters

    def forward(self, x):
        return x + self.body(x) if self.same else self.body(x)


def mobilenet_v2():
    layers, channels = [normed(3, 32, 3, 2), nn.ReLU6(inplace=True)], 32
    for factor, filters, depth, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                           (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                           (6, 320, 1, 1)):
        for i in range(depth):
            layers.append(InvertedResidual(channels, factor, filters, stride if i == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, normed(320, 1280), nn.ReLU6(inplace=True),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2),
                         nn.Linear(1280, 1000))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                         nn.Linear(84, 10))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(inplace=True),
                         nn.Linear(128, 128), nn.ReLU(inplace=True), nn.Linear(128, 10))


NETS = {"softmax": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), "mlp": mlp,
        "lenet": lenet, "mobilenet_v2": mobilenet_v2,
        "resnet18": lambda: resnet(basic_block, (2, 2, 2, 2)),
        "resnet50": lambda: resnet(bottleneck, (3, 4, 6, 3)), "vgg16": vgg16}


def steps_of_inference(work, model):
    """way -> function of one step"""
    model.eval()
    x = torch.rand(work.batch, *peer.SAMPLES[work.net])
    last = channels_last(x)

    def step(function, argument):
        def run():
            with torch.inference_mode():
                function(argument)
        return run

    steps = {"eager": step(model, x)}
    with torch.no_grad():
        frozen = torch.jit.optimize_for_inference(torch.jit.trace(model, x))
    steps["torchscript"] = step(frozen, x)
    if last is not None:
        other = NETS[work.net]().eval().to(memory_format=torch.channels_last)
        steps["channels_last"] = step(other, last)
    return steps


def steps_of_training(work, model):
    x = torch.rand(work.batch, *peer.SAMPLES[work.net])
    labels = torch.arange(work.batch) % peer.CLASSES[work.net]
    loss_of = nn.CrossEntropyLoss()

    def step(net, images):
        net.train()
        optimizer = torch.optim.SGD(net.parameters(), lr=peer.LEARNING_RATE,
                                    momentum=peer.MOMENTUM)

        def run():
            optimizer.zero_grad(set_to_none=True)
            loss_of(net(images), labels).backward()
            optimizer.step()
        return run

    steps = {"eager": step(model, x)}
    last = channels_last(x)
    if last is not None:
        steps["channels_last"] = step(NETS[work.net]().to(memory_format=torch.channels_last), last)
    return steps


def channels_last(x):
    """The same images with channels last; None where that would be the same."""
    return x.contiguous(memory_format=torch.channels_last) if x.shape[1] > 1 else None


def openblas():
    """Where PyTorch multiplies with OpenBLAS, that has threads of its own."""
    try:
        return ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads
    except (OSError, AttributeError):
        return None


SET_OPENBLAS = openblas()


def set_threads(count):
    torch.set_num_threads(count)
    if SET_OPENBLAS:
        SET_OPENBLAS(count)


def prepare(work):
    set_threads(work.threads)
    torch.manual_seed(1)
    model = NETS[work.net]()
    make_steps = steps_of_training if work.mode == "training" else steps_of_inference
    return make_steps(work, model), sum(p.numel() for p in model.parameters())


if __name__ == "__main__":
    peer.serve(prepare, torch.__version__, set_threads)
