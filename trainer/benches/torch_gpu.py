"""The same network, losses and optimiser in PyTorch on the same kind of batch, for `kart gpu-check` to compare with.

Usage: torch_gpu.py WIDTH HEIGHT IMAGES STEPS. Prints a line for each way of running it: NAME MILLISECONDS_PER_STEP.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEIGHT, IMAGES, STEPS = map(int, sys.argv[1:5])
ENTRIES, BACKGROUND, SKIN = 15, 5, 2
OFFSETS = [(1, 0), (0, 1), (2, 2), (2, -2), (0, 5), (5, 0)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()

        def conv(inputs, outputs, size=3, stride=1):
            return nn.Conv2d(inputs, outputs, size, stride, size // 2)

        self.stem, self.enc1 = conv(16, 32), conv(32, 32)
        self.down1, self.enc2 = conv(32, 48, stride=2), conv(48, 48)
        self.down2, self.enc3, self.enc4 = conv(48, 64, stride=2), conv(64, 64), conv(64, 64)
        self.up2, self.dec2 = conv(64, 48, size=1), conv(48, 48)
        self.up1, self.dec1 = conv(48, 32, size=1), conv(32, 32)
        self.head = conv(32, 64, size=1)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, x):
        double = lambda low: F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        fine = F.relu(self.enc1(F.relu(self.stem(x))))
        middle = F.relu(self.enc2(F.relu(self.down1(fine))))
        coarse = F.relu(self.enc4(F.relu(self.enc3(F.relu(self.down2(middle))))))
        middle = F.relu(self.dec2(double(self.up2(coarse)) + middle))
        fine = F.relu(self.dec1(double(self.up1(middle)) + fine))
        return F.pixel_shuffle(self.head(fine), 2)


def alike(a, b, deviation):
    return torch.exp(-((a - b) ** 2).sum(1) / (2 * deviation**2))


def loss(said, colours, figure, skin, centres, log_gain, down):
    said = said.float()
    difference = colours[:, None] - centres[None, :, :, None, None]
    plain = (difference**2).sum(2)
    lenience = torch.zeros(ENTRIES, device=said.device)
    lenience[:BACKGROUND] = 1 - 0.36
    seen = (plain - lenience[None, :, None, None] * difference[:, :, 0] ** 2).detach()
    logits = said[:, :ENTRIES] - log_gain.exp() / 0.12 * seen.clamp(max=3)
    chances, q = logits.softmax(1), said[:, ENTRIES].sigmoid()
    on_skin = chances[:, BACKGROUND : BACKGROUND + SKIN].sum(1)
    ratio = on_skin / (chances[:, BACKGROUND:].sum(1) + 1e-4)
    with torch.no_grad():
        believed = torch.where(figure < 0, q, figure.float()).clamp(1e-3, 1 - 1e-3)
        s = torch.where(skin < 0, 0.3 * ratio + 0.35, skin.float()).clamp(0.01, 0.99)
        gates = [1 - believed] * BACKGROUND + [believed * s] * SKIN
        gates += [believed * (1 - s)] * (ENTRIES - BACKGROUND - SKIN)
        target = (torch.stack(gates, 1).log() - seen / 0.04).softmax(1)
        weight = 0.3 + (believed > 0.5).float() + 0.7 * (skin == 1).float()
        weight = weight / weight.mean()
    total = (weight * (logits.logsumexp(1) - (target * logits).sum(1))).mean()
    total = total + (weight * (chances.detach() * plain).sum(1)).mean()
    step = (lambda t: (t[..., 1:, :], t[..., :-1, :])) if down else (lambda t: (t[..., 1:], t[..., :-1]))
    (a, b), (u, v) = step(chances), step(colours)
    total = total + 2 * 1.2 * (alike(u, v, 0.25) * (a - b).abs().sum(1)).mean()
    a, b, u, v = chances[::2], chances[1::2], colours[::2], colours[1::2]
    total = total + 0.6 * (alike(u, v, 0.15) * (a - b).abs().sum(1)).mean()
    z = said[:, ENTRIES]
    for label in (0, 1):
        known = figure == label
        total = total + 0.5 * (F.softplus(-z if label else z) * known).sum() / known.sum().clamp(min=1)
    known = (figure == 1) & (skin >= 0)
    r = ratio.clamp(1e-3, 1 - 1e-3)
    total = total - 0.5 * (torch.where(skin == 1, r.log(), (1 - r).log()) * known).sum() / known.sum().clamp(min=1)
    small, half = F.avg_pool2d(colours, 2), F.avg_pool2d(q[:, None], 2)
    for dy, dx in OFFSETS:
        height, width = half.shape[2:]
        here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        p, o = half[(..., *here)][:, 0], half[(..., *there)][:, 0]
        near = torch.exp(torch.tensor(-(dy * dy + dx * dx) / 32.0))
        total = total + 0.4 * near * (
            alike(small[(..., *here)], small[(..., *there)], 0.2) * (p * (1 - o) + o * (1 - p))
        ).mean()
    return total


def measure(name, compiled):
    torch.manual_seed(1)
    net = Net().cuda().to(memory_format=torch.channels_last)
    centres = torch.randn(ENTRIES, 3, device="cuda", requires_grad=True)
    log_gain = torch.full((), -1.2, device="cuda", requires_grad=True)
    adam = torch.optim.Adam([*net.parameters(), centres, log_gain], 3e-3, (0.9, 0.99), fused=True)
    colours = torch.randn(IMAGES, 3, HEIGHT, WIDTH, device="cuda")
    figure = torch.randint(-1, 2, (IMAGES, HEIGHT, WIDTH), device="cuda")
    skin = torch.randint(-1, 2, (IMAGES, HEIGHT, WIDTH), device="cuda")
    position = torch.zeros(IMAGES, 4, HEIGHT // 2, WIDTH // 2, device="cuda")
    x = torch.cat([F.pixel_unshuffle(colours, 2), position], 1).to(memory_format=torch.channels_last)

    def judge(down):
        with torch.autocast("cuda", torch.bfloat16):
            said = net(x)
        return loss(said, colours, figure, skin, centres, log_gain, down)

    judge = torch.compile(judge) if compiled else judge

    def step(i):
        adam.zero_grad(set_to_none=True)
        judge(i % 2 == 0).backward()
        adam.step()

    for i in range(10):
        step(i)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for i in range(STEPS):
        step(i)
    torch.cuda.synchronize()
    print(name, 1e3 * (time.perf_counter() - start) / STEPS, flush=True)


measure("eager", False)
measure("compiled", True)
