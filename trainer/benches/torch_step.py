"""The training step of trainer/src/net once more, in PyTorch: what the Rust one is timed and checked against.

    python torch_step.py DATA.safetensors THREADS [eager|compile]

DATA is written by the bench train_step: the untrained model, the windows of some steps, and what the Rust side made of them
(losses of all steps, gradients of the first). Prints how far the two are apart, then waits: every number N read from
stdin is answered by the seconds of N more steps, on the wall and of computing.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open

ENTRIES = 15
FIGURE = ENTRIES  # the last of a pixel's 16 logits
LAYERS = "stem enc1 down1 enc2 down2 enc3 enc4 up2 dec2 up1 dec1 head".split()
BORDER_OFFSETS = ((1, 0), (0, 1), (2, 2), (2, -2), (0, 5), (5, 0))
DOWN, RIGHT = (1, 0), (0, 1)


class UNet(torch.nn.Module):
    def __init__(self, tensors):
        super().__init__()
        for name in LAYERS:
            weight = tensors[f"{name}.weight"].permute(3, 2, 0, 1).contiguous()
            size, stride = weight.shape[-1], 2 if name.startswith("down") else 1
            layer = torch.nn.Conv2d(weight.shape[1], weight.shape[0], size, stride, size // 2)
            layer.weight.data, layer.bias.data = weight, tensors[f"{name}.bias"].clone()
            setattr(self, name, layer)
        # Rust's head says [part of the 2x2 block][value], pixel_shuffle wants [value][part].
        for values in (self.head.weight, self.head.bias):
            values.data = swap_head(values.data)

    def forward(self, x):
        enc1 = F.relu(self.enc1(F.relu(self.stem(x), inplace=True)), inplace=True)
        enc2 = F.relu(self.enc2(F.relu(self.down1(enc1), inplace=True)), inplace=True)
        enc3 = F.relu(self.enc3(F.relu(self.down2(enc2), inplace=True)), inplace=True)
        enc4 = F.relu(self.enc4(enc3), inplace=True)
        dec2 = F.relu(self.dec2(double(self.up2(enc4)) + enc2), inplace=True)
        dec1 = F.relu(self.dec1(double(self.up1(dec2)) + enc1), inplace=True)
        return F.pixel_shuffle(self.head(dec1), 2)


def swap_head(values):
    return values.unflatten(0, (4, 16)).transpose(0, 1).flatten(0, 1).contiguous()


def double(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def shifted(x, offset):
    """Two views of x: each place, and its neighbour at offset."""
    (down, right), (h, w) = offset, x.shape[-2:]
    here = x[..., : h - down, max(0, -right) : w - max(0, right)]
    return here, x[..., down:, max(0, right) : w - max(0, -right)]


def alike(a, b, deviation):
    return torch.exp(((a - b) ** 2).sum(1) / (-2 * deviation**2))


def loss_of(head, palette, log_gain, groups, batch, offset):
    """See trainer/src/net/loss.rs; the model's background, skin and cloth entries are all there."""
    colours, figure, skin = batch["colours"], batch["figure"], batch["skin"]
    background = groups[0]
    logits, says_figure = head[:, :ENTRIES], head[:, FIGURE]
    group = torch.repeat_interleave(torch.arange(3), torch.tensor(groups))
    squares = (colours[:, None] - palette[None, :, :, None, None]) ** 2
    distance = squares.sum(2)
    with torch.no_grad():
        lenience = (0.64 * (group == 0).float())[None, :, None, None]
        seen = distance - lenience * squares[:, :, 0]
    logits = logits - log_gain.exp() / 0.12 * seen.clamp(max=3.0)
    log_p = torch.log_softmax(logits, 1)
    p, q = log_p.exp(), torch.sigmoid(says_figure)
    on_skin = p[:, background : background + groups[1]].sum(1)
    ratio = on_skin / (p[:, background:].sum(1) + 1e-4)
    with torch.no_grad():
        believed = torch.where(figure < 0, q, figure).clamp(1e-3, 1 - 1e-3)
        as_skin = torch.where(skin < 0, 0.3 * ratio + 0.35, skin).clamp(0.01, 0.99)
        gates = torch.stack([1 - believed, believed * as_skin, believed * (1 - as_skin)], 1)
        target = torch.softmax(gates.log()[:, group] - seen / 0.04, 1)
        weight = 0.3 + (believed > 0.5).float() + 0.7 * (skin == 1).float()
        weight = weight / weight.mean()
    labels = -((target * log_p).sum(1) * weight).mean()
    palette_loss = ((p.detach() * distance).sum(1) * weight).mean()
    (u, v), (a, b) = shifted(colours, offset), shifted(p, offset)
    smooth = 2 * (alike(u, v, 0.25) * (a - b).abs().sum(1)).mean()
    steady = (alike(colours[0::2], colours[1::2], 0.15) * (p[0::2] - p[1::2]).abs().sum(1)).mean()
    bce = F.softplus(says_figure) - says_figure * figure.clamp(min=0)
    is_person, is_ground = (figure == 1).float(), (figure == 0).float()
    sides = [(bce * side).sum() / side.sum().clamp(min=1) for side in (is_person, is_ground)]
    known = ((skin >= 0) & (figure == 1)).float()
    r = ratio.clamp(1e-3, 1 - 1e-3)
    skin_loss = -(known * torch.where(skin == 1, r, 1 - r).log()).sum() / known.sum().clamp(min=1)
    return (labels + palette_loss + 1.2 * smooth + 0.6 * steady + 0.5 * sum(sides)
            + 0.4 * border_of(colours, q) + 0.5 * skin_loss)


def border_of(colours, q):
    colours, q, total = F.avg_pool2d(colours, 2), F.avg_pool2d(q[:, None], 2)[:, 0], 0
    for offset in BORDER_OFFSETS:
        (u, v), (a, b) = shifted(colours, offset), shifted(q, offset)
        near = math.exp(-(offset[0] ** 2 + offset[1] ** 2) / 32)
        total = total + (near * alike(u, v, 0.2) * (a * (1 - b) + b * (1 - a))).mean()
    return total


class Training:
    """From the untrained model on, with the windows of step 0, 1, 2 … and from the first again."""

    def __init__(self, data, settings, compiled):
        tensors = {name: data.get_tensor(name) for name in data.keys() if not name.startswith("batch.")}
        self.settings = settings
        self.net = UNet(tensors).to(memory_format=torch.channels_last)
        self.palette = torch.nn.Parameter(tensors["palette"])
        self.log_gain = torch.nn.Parameter(torch.tensor(settings["log_gain"]))
        parameters = [*self.net.parameters(), self.palette, self.log_gain]
        self.adam = torch.optim.Adam(parameters, lr=settings["rate"], betas=(0.9, 0.99), fused=True)
        self.batches = [read_batch(data, step) for step in range(settings["batches"])]
        self.judge = torch.compile(self.loss, dynamic=False) if compiled else self.loss
        self.steps = 0

    def loss(self, batch, offset):
        return loss_of(self.net(batch["input"]), self.palette, self.log_gain, self.settings["groups"], batch, offset)

    def step(self):
        batch = self.batches[self.steps % len(self.batches)]
        self.adam.param_groups[0]["lr"] = self.rate()
        self.adam.zero_grad(set_to_none=True)
        loss = self.judge(batch, DOWN if self.steps % 2 == 0 else RIGHT)
        loss.backward()
        self.adam.step()
        self.steps += 1
        return loss.item()

    def rate(self):
        """Warm-up, then half a cosine down to a twentieth."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.steps / self.settings["steps"]))
        return self.settings["rate"] * min(1, (self.steps + 1) / 10) * (0.05 + 0.95 * cosine)

    def gradients(self):
        """As Rust lays them out: [size, size, inputs, outputs]."""
        for name in LAYERS:
            layer = getattr(self.net, name)
            weight, bias = layer.weight.grad, layer.bias.grad
            if name == "head":
                weight, bias = (v.unflatten(0, (16, 4)).transpose(0, 1).flatten(0, 1) for v in (weight, bias))
            yield f"{name}.weight", weight.permute(2, 3, 1, 0)
            yield f"{name}.bias", bias


def read_batch(data, step):
    def maps(name):
        return data.get_tensor(f"batch.{step}.{name}")

    def channels_first(x):
        return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    return {
        "input": channels_first(maps("input")),
        "colours": channels_first(maps("colours")),
        "figure": maps("figure").float(),
        "skin": maps("skin").float(),
    }


def relative(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


def main():
    path, threads, mode = [*sys.argv[1:], "eager"][:3]
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)
    with safe_open(path, "pt") as data:
        settings = json.loads(data.metadata()["settings"])
        training = Training(data, settings, mode == "compile")
        losses = [training.step()]
        apart = {n: relative(g, data.get_tensor(f"gradient.{n}")) for n, g in training.gradients()}
        losses += [training.step() for _ in range(settings["batches"] - 1)]
        expected = data.get_tensor("losses").tolist()
    worst = max(apart, key=apart.get)
    first, last = (abs(losses[i] - expected[i]) / expected[i] for i in (0, -1))
    print(f"PyTorch {torch.__version__}, {mode}, channels_last, oneDNN, fused Adam, {torch.get_num_threads()} threads")
    print(f"same loss: step 1 {losses[0]:.6f}, relative difference {first:.1e}; gradients at most {apart[worst]:.1e} "
          f"({worst}); step {len(losses)} {losses[-1]:.4f} ({expected[-1]:.4f} in Rust, {last:.1e} apart)", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start, computed = time.perf_counter(), time.process_time()
            training.step()
            times.append([time.perf_counter() - start, time.process_time() - computed])
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
