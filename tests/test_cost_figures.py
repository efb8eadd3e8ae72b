"""Operations and parameters of the configurations: the table in docs/performance.md, and counts from layer tables.

Parameters are counted from the layers as the papers and the authors' code list them, not from ours; and of some
networks the authors' code prints how many they are.
"""

import math

import pytest
from every_system import ROOT

from ppstargan.costs import benchmark, inputs
from ppstargan.nets import stargan_v2
from ppstargan.nets.gans import build_bare
from ppstargan.systems.load import load_config, system_named

TOYS = (
    "gan_toy", "wgan_toy", "wgan_gp_toy", "cgan_toy", "pix2pix_toy", "cyclegan_toy", "stargan_toy", "adain_toy",
    "ugatit_toy", "fan_toy", "toy",
)  # fmt: skip
PAPERS = (
    "gan_mnist", "wgan_mnist", "wgan_lsun", "cgan_mnist", "pix2pix_facades", "cyclegan_horse2zebra", "stargan_celeba",
    "adain_coco_wikiart", "fan_wflw", "afhq",
)  # fmt: skip


def conv(inputs, outputs, size=1, bias=True):
    """A convolution, transposed or not, or a linear layer."""
    return inputs * outputs * size * size + bias * outputs


def multilayer(m, classes=0):
    pixels, z = m.channels * m.img_size**2, m.latent_dim
    g = conv(z + classes, 128) + conv(128, 256) + conv(256, 512) + conv(512, 1024) + conv(1024, pixels)
    g += 2 * (256 + 512 + 1024) + classes**2  # batch norms, and the classes' vectors
    if classes:
        return g, conv(pixels + classes, 512) + 2 * conv(512, 512) + conv(512, 1) + classes**2
    return g, conv(pixels, 512) + conv(512, 256) + conv(256, 1)


def dcgan(m):
    doublings = int(math.log2(m.img_size)) - 3
    g = conv(m.latent_dim, m.g_width << doublings, 4, False) + conv(m.g_width, m.channels, 4, False)
    g += m.g_batch_norm * sum(2 * m.g_width << i for i in range(doublings + 1))
    g += sum(conv(2 * m.g_width << i, m.g_width << i, 4, False) for i in range(doublings))
    d = conv(m.channels, m.d_width, 4, False) + conv(m.d_width << doublings, 1, 4, False)
    d += sum(conv(m.d_width << i, 2 * m.d_width << i, 4, False) for i in range(doublings))
    return g, d + m.d_batch_norm * sum(4 * m.d_width << i for i in range(doublings))


def patches(channels, m):
    """PatchGAN; instance norms have no parameters, and the convolutions before them have biases."""
    widths, batch = [m.d_width * min(1 << i, 8) for i in range(m.d_layers + 1)], m.norm == "batch"
    inner = sum(conv(a, b, 4, not batch) + 2 * b * batch for a, b in zip(widths, widths[1:]))
    return conv(channels, widths[0], 4) + inner + conv(widths[-1], 1, 4)


def pix2pix(m):
    widths, bias = [m.g_width * min(1 << i, 8) for i in range(m.levels)], m.norm != "batch"
    down = conv(m.in_channels, widths[0], 4, bias) + sum(conv(a, b, 4, bias) for a, b in zip(widths, widths[1:]))
    up = conv(widths[-1], widths[-2], 4, bias) + conv(2 * widths[0], m.out_channels, 4)
    up += sum(conv(2 * b, a, 4, bias) for a, b in zip(widths, widths[1:-1]))
    norms = 2 * (sum(widths[1:-1]) + sum(widths[:-1]))
    return down + up + norms * (not bias), patches(m.in_channels + m.out_channels, m)


def cyclegan(m):
    w, batch = m.g_width, m.norm == "batch"
    ends = conv(3, w, 7, not batch) + conv(w, 3, 7)
    sides = [(w, 2 * w), (2 * w, 4 * w), (4 * w, 2 * w), (2 * w, w)]
    g = ends + sum(conv(a, b, 3, not batch) for a, b in sides) + 2 * m.blocks * conv(4 * w, 4 * w, 3, not batch)
    g += 2 * batch * (w + sum(b for _, b in sides) + 2 * m.blocks * 4 * w)
    return g, g, patches(3, m), patches(3, m)


def stargan(m, labels):
    w, d, layers = m.g_width, m.d_width, m.d_layers
    sides = [(w, 2 * w), (2 * w, 4 * w), (4 * w, 2 * w), (2 * w, w)]
    g = conv(3 + labels, w, 7, False) + conv(w, 3, 7, False) + sum(conv(a, b, 4, False) for a, b in sides)
    g += 2 * m.g_blocks * conv(4 * w, 4 * w, 3, False) + 2 * (w + sum(b for _, b in sides) + 8 * w * m.g_blocks)
    last, left = d << layers - 1, m.img_size >> layers
    inner = conv(3, d, 4) + sum(conv(d << i, d << i + 1, 4) for i in range(layers - 1))
    return g, inner + conv(last, 1, 3, False) + conv(last, labels, left, False)


def adain(m):
    w = m.width
    both = [(w, w), (w, 2 * w), (2 * w, 2 * w), (2 * w, 4 * w), *3 * [(4 * w, 4 * w)], (4 * w, 8 * w)]
    inner = sum(conv(a, b, 3) for a, b in both)
    inner_up = sum(conv(b, a, 3) for a, b in both)
    return inner_up + conv(w, 3, 3), conv(3, 3) + conv(3, w, 3) + inner


def ugatit(m):
    w, wide = m.g_width, 4 * m.g_width
    g = conv(3, w, 7, False) + conv(w, 2 * w, 3, False) + conv(2 * w, wide, 3, False)
    g += 4 * m.blocks * conv(wide, wide, 3, False) + 2 * wide + conv(2 * wide, wide)  # and the attention
    g += conv(wide if m.light else wide * (m.img_size // 4) ** 2, wide, 1, False) + 3 * conv(wide, wide, 1, False)
    g += 2 * m.blocks * wide  # the shares of AdaILN
    g += conv(wide, 2 * w, 3, False) + 3 * 2 * w + conv(2 * w, w, 3, False) + 3 * w + conv(w, 3, 7, False)

    def judge(layers):
        widths = [3] + [m.d_width << i for i in range(layers - 1)]
        last = widths[-1]
        inner = sum(conv(a, b, 4) for a, b in zip(widths, widths[1:]))
        return inner + 2 * last + conv(2 * last, last) + conv(last, 1, 4, False)

    return g, g, *2 * [judge(m.global_layers)], *2 * [judge(m.local_layers)]


def fan(m):
    w, wide = m.width, 4 * m.width

    def block(a, b):
        norms = 2 * (a + b // 2 + b // 4) + (2 * a + a * b if a != b else 0)
        return norms + conv(a, b // 2, 3, False) + conv(b // 2, b // 4, 3, False) + conv(b // 4, b // 4, 3, False)

    found = conv(6, w, 7) + 2 * w + block(w, 2 * w) + block(2 * w, 2 * w) + block(2 * w, wide)
    for s in range(m.stacks):
        found += conv(wide + (5 if s else 3), wide) + 14 * block(wide, wide)  # 13 in the hourglass, and one behind it
        found += conv(wide, wide) + 2 * wide + conv(wide, m.points + 1)
        found += (conv(wide, wide) + conv(m.points + 1, wide)) * (s < m.stacks - 1)
    return (found,)


BY_HAND = {
    "gan": lambda config, _: multilayer(config.model),
    "wgan": lambda config, _: dcgan(config.model) if config.model.network == "dcgan" else multilayer(config.model),
    "cgan": lambda config, classes: multilayer(config.model, classes),
    "pix2pix": lambda config, _: pix2pix(config.model),
    "cyclegan": lambda config, _: cyclegan(config.model),
    "stargan": lambda config, labels: stargan(config.model, labels),
    "adain": lambda config, _: adain(config.model),
    "ugatit": lambda config, _: ugatit(config.model),
    "fan": lambda config, _: fan(config.model),
}
# What the authors' code prints, to its digits: pix2pix and CycleGAN in millions.
PRINTED = {
    "stargan_celeba": (8430528, 44762048),
    "cyclegan_horse2zebra": (11.378e6, 11.378e6, 2.765e6, 2.765e6),
    "pix2pix_facades": (54.414e6, 2.769e6),
}


def read(name):
    config = load_config(ROOT / "configs" / f"{name}.yaml")
    return config, inputs.domains_of(config)


def counts(nets) -> tuple:
    return tuple(sum(math.prod(p.shape) for p in net.parameters()) for net in nets)


@pytest.mark.parametrize("name", [*TOYS[:-1], *PAPERS[:-1], "ugatit_selfie2anime", "stargan_rafd"])
def test_parameters_are_those_of_the_papers_layers(name):
    config, domains = read(name)
    with_domains = {"num_domains": domains} if domains else {}
    architecture = {**vars(config.model), **with_domains, "exclusive": not getattr(config, "attributes", [])}
    ours = counts(build_bare(config.system, architecture, name).values())
    assert ours == tuple(BY_HAND[config.system](config, domains))
    for number, printed in zip(ours, PRINTED.get(name, ())):
        assert abs(number - printed) < (1000 if printed % 1000 == 0 else 1)


def stargan_v2_by_hand(m, domains):
    """Tables of the paper's appendix, and of the authors' code: F, E and D with a branch for each domain."""

    def width(size):
        return min(m.channel_base // size, m.max_channels)

    def block(a, b, norms=0):
        return conv(a, a, 3) + conv(a, b, 3) + norms + (a * b if a != b else 0)

    def up(a, b):
        """Of the decoder: AdaIN gives two numbers a channel, from the style, for both convolutions."""
        return conv(a, b, 3) + conv(b, b, 3) + conv(m.style_dim, 2 * a) + conv(m.style_dim, 2 * b) + a * b * (a != b)

    halvings = int(math.log2(m.img_size)) - 4
    widths = [width(m.img_size >> i) for i in range(halvings + 1)]
    sides = [*zip(widths, widths[1:]), *2 * [(widths[-1], widths[-1])]]
    extra = [(widths[-1], widths[-1])] if m.w_hpf else []  # faces: halved once more
    g = conv(3, widths[0], 3) + 2 * widths[0] + conv(widths[0], 3)
    halving = [*sides[:-2], *extra, *sides[-2:]]
    g += sum(block(a, b, 4 * a) + up(b, a) for a, b in halving)
    f = conv(m.latent_dim, m.hidden_dim) + 3 * conv(m.hidden_dim, m.hidden_dim)
    f += domains * (3 * conv(m.hidden_dim, m.hidden_dim) + conv(m.hidden_dim, m.style_dim))
    deep = [width(m.img_size >> i) for i in range(halvings + 3)]  # E and D: down to 4 px
    inner = conv(3, deep[0], 3) + sum(map(block, deep, deep[1:])) + conv(deep[-1], deep[-1], 4)
    return g, f, inner + domains * conv(deep[-1], m.style_dim), inner + conv(deep[-1], domains)


@pytest.mark.parametrize("name, domains", [("toy", 3), ("afhq", 3), ("celeba_hq", 2), ("afhq", 100)])
def test_parameters_of_stargan_v2(name, domains):
    config, _ = read(name)
    nets = stargan_v2.build({**vars(config.model), "num_domains": domains}, name)
    assert counts(nets.trained.values()) == stargan_v2_by_hand(config.model, domains)


# ---- the table ----


def row(name) -> str:
    """That of docs/performance.md."""
    config, domains = read(name)
    training = benchmark.build(config, domains)
    parameters = benchmark.parameters(training)
    found = benchmark.count_flops(config, training, ["ours"], domains)["ours"]
    return row_of(name, config, found, parameters)


def row_of(name, config, flop, parameters) -> str:
    by_update = ", ".join(f"{update} {value / 1e9:.4g}" for update, value in flop.items())
    sizes = ", ".join(f"{net} {number:,}" for net, number in parameters.items())
    total = sum(flop.values()) / 1e9
    return f"| {name} | {config.model.img_size} | {config.train.batch_size} | {total:.4g} | {by_update} | {sizes} |"


def check_row(name, expected):
    for page in ("performance.md", "performance_cn.md"):
        assert expected in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines(), page


@pytest.mark.parametrize("name", TOYS)
def test_the_table_of_the_toys(name):
    check_row(name, row(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PAPERS if name != "afhq"])
def test_the_table_of_the_papers(name):
    check_row(name, row(name))


def ugatit_operations(m, batch):
    """(by the discriminators' step, by the generators'), from multiplications forward for one image."""
    wide, w, half, size = 4 * m.g_width, m.g_width, m.img_size // 2, m.img_size
    quarter = (m.img_size // 4) ** 2
    first = 3 * w * 49 * size**2
    g = first + 4 * m.blocks * wide * wide * 9 * quarter + 2 * wide * wide * quarter + 3 * wide * wide
    g += (2 * w * w + 8 * w * w) * 9 * half**2 + 8 * w * w * 9 * quarter
    g += 2 * w * w * 9 * size**2 + first + (wide if m.light else wide * quarter) * wide
    of_d = of_g = 0
    for layers in 2 * [m.global_layers, m.local_layers]:
        widths, side, products = [3] + [m.d_width << i for i in range(layers - 1)], size, []
        for i, (a, b) in enumerate(zip(widths, widths[1:])):
            side = side // 2 if i < layers - 2 else side - 1
            products.append(16 * a * b * side**2)
        c = widths[-1]
        weights = sum(16 * a * b for a, b in zip(widths, widths[1:])) + 2 * c + 16 * c
        d = sum(products) + 2 * c + 2 * c * c * side**2 + 16 * c * (side - 1) ** 2
        of_d += 2 * batch * (3 * d - products[0]) + 2 * 3 * weights  # real and fake; u, v, and a gradient through sigma
        of_g += 2 * batch * d + 2 * weights  # the gradient of the fakes alone
    logits = 2 * wide  # of the attention
    of_d += 4 * batch * (g + logits)  # both generators, on both sides: kept for their own step
    of_g += 4 * batch * (2 * (g + logits) - first) + 2 * batch * (3 * g + logits)  # and the ways back, without logits
    return 2 * of_d, 2 * of_g


@pytest.mark.parametrize("name", ["ugatit_toy", "ugatit_selfie2anime"])
def test_operations_of_ugatit_by_hand(name):
    """The paper's model, of which counting would take 9 GiB, has its row in the table from here."""
    config, _ = read(name)
    flop = dict(zip(("discriminators", "generators"), ugatit_operations(config.model, config.train.batch_size)))
    names = ("genA2B", "genB2A", "disGA", "disGB", "disLA", "disLB")
    check_row(name, row_of(name, config, flop, dict(zip(names, ugatit(config.model)))))


def test_every_system_is_in_the_table():
    systems = {read(name)[0].system for name in TOYS}
    assert systems == {read(name)[0].system for name in (*PAPERS, "ugatit_selfie2anime")} and len(systems) == 10
    assert all(system_named(system) for system in systems)
