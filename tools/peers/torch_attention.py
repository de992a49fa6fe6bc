#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""PyTorch's speed with the model of `clseq bench --bidirectional --attention general`, for tools/compare-peers.

Embedding, bidirectional torch.nn.LSTM of H / 2 units a direction, whose final states side by side start the
decoder, torch.nn.LSTM of H units over the right words; general attention (Luong et al. 2015) of all target
steps at once; linear layer and cross-entropy. A training step is forward, backward, clipping to norm 5 and
SGD, on random words; all sentences are of full length, and no mask is made for what needs none.

Prints one JSON object a line: training, greedy decoding of one sentence and of a batch.
  tools/compare-peers tools/peers/torch_attention.py --sizes M -- --bidirectional --attention general
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

# What docs/benchmarks.md calls a size.
SIZES = {
    "S": {"source": 8000, "target": 8000, "embedding": 256, "hidden": 256, "layers": 1, "B": 64, "S": 15, "T": 15},
    "M": {"source": 8000, "target": 8000, "embedding": 512, "hidden": 512, "layers": 2, "B": 64, "S": 25, "T": 25},
    "L": {"source": 30000, "target": 30000, "embedding": 1000, "hidden": 1000, "layers": 4, "B": 128, "S": 25, "T": 25},
}


class Translator(nn.Module):
    def __init__(self, size):
        super().__init__()
        E, H = size["embedding"], size["hidden"]
        self.source = nn.Embedding(size["source"], E)
        self.target = nn.Embedding(size["target"], E)
        self.encoder = nn.LSTM(E, H // 2, size["layers"], bidirectional=True)
        self.decoder = nn.LSTM(E, H, size["layers"])
        self.key = nn.Linear(H, H, bias=False)
        self.combine = nn.Linear(2 * H, H, bias=False)
        self.output = nn.Linear(H, size["target"])

    def encode(self, words):
        """Memory and keys, (B, S, H) each, and the decoder's first states, of words (S, B)."""
        y, finals = self.encoder(self.source(words))
        state = tuple(torch.cat([s[0::2], s[1::2]], 2).contiguous() for s in finals)
        memory = y.transpose(0, 1)
        return memory, self.key(memory), state

    def decode(self, words, memory, keys, state):
        """Logits (T, B, V) of what follows each of words (T, B), and the states after them."""
        h, state = self.decoder(self.target(words), state)
        h = h.transpose(0, 1)
        weights = torch.bmm(h, keys.transpose(1, 2)).softmax(2)
        seen = torch.cat([torch.bmm(weights, memory), h], 2)
        return self.output(torch.tanh(self.combine(seen)).transpose(0, 1)), state

    def forward(self, source, target):
        logits = self.decode(target[:-1], *self.encode(source))[0]
        return F.cross_entropy(logits.flatten(0, 1), target[1:].flatten())


def train_step(model, optimizer, source, target):
    optimizer.zero_grad(set_to_none=True)
    model(source, target).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5)
    optimizer.step()


@torch.no_grad()
def greedy(model, source, steps):
    memory, keys, state = model.encode(source)
    words = torch.full((1, source.shape[1]), 2, device=source.device)
    for _ in range(steps):
        logits, state = model.decode(words, memory, keys, state)
        words = logits.argmax(2)


def seconds(device, repeats, function, *arguments):
    """Median of some calls, after two that warm up."""
    times = []
    for i in range(repeats + 2):
        begin = time.perf_counter()
        function(*arguments)
        if device.type == "cuda":
            torch.cuda.synchronize()
        if i >= 2:
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="M")
    parser.add_argument("--steps", type=int, default=5, help="timed repetitions (default 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="of PyTorch: cpu (default), cuda; products in strict fp32")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    size, device = SIZES[a.size], torch.device(a.device)
    model = Translator(size).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    source = torch.randint(size["source"], (size["S"], size["B"]), device=device)
    target = torch.randint(size["target"], (size["T"] + 1, size["B"]), device=device)

    def report(what, words, time_of_one, key):
        print(json.dumps({"system": "pytorch " + torch.__version__, "device": a.device, "size": a.size,
                          "precision": "fp32", "what": what, key: 1e3 * time_of_one,
                          "target_tokens_per_s": words / time_of_one}), flush=True)

    report("train", size["B"] * size["T"],
           seconds(device, a.steps, train_step, model, optimizer, source, target), "ms_per_step")
    for batch in (1, size["B"]):
        some = source[:, :batch].contiguous()
        report("greedy batch %d" % batch, batch * size["T"],
               seconds(device, a.steps, greedy, model, some, size["T"]), "ms")


main()
