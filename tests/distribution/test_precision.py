import pytest
import tensorflow as tf

from byel_tf.distribution import precision


@pytest.fixture
def on_machine(monkeypatch, tmp_path):
    """Makes this machine one with such a CPU and such GPUs."""

    def set_up(cpuinfo, *capabilities):
        file = tmp_path / "cpuinfo"
        if cpuinfo is not None:
            file.write_text(cpuinfo)
        monkeypatch.setattr(precision, "_CPUINFO", file)
        details = {
            f"gpu{number}": {} if found is None else {"compute_capability": found}
            for number, found in enumerate(capabilities)
        }
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [*details])
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", details.__getitem__
        )

    return set_up


@pytest.mark.parametrize(
    ("cpuinfo", "capabilities", "resolved"),
    [
        (
            "processor : 0\nflags\t\t: fpu avx2 amx_bf16 amx_tile\n",
            [],
            "mixed_bfloat16",
        ),
        ("processor : 0\nflags\t\t: fpu avx2\n", [], "float32"),
        ("flags\t\t: fpu avx512f avx512_bf16\n", [], "mixed_bfloat16"),
        ("flags\t\t: fpu avx512f avx512_vnni\n", [], "float32"),
        ("Features\t: fp asimd bf16\n", [], "float32"),
        (None, [], "float32"),
        ("flags\t\t: amx_bf16\n", [(7, 5)], "float32"),
        ("flags\t\t: fpu\n", [(8, 0)], "mixed_bfloat16"),
        ("flags\t\t: fpu\n", [(9, 0), (7, 0)], "float32"),
        ("flags\t\t: fpu\n", [(12, 0), (8, 6)], "mixed_bfloat16"),
        ("flags\t\t: fpu\n", [None], "float32"),
    ],
)
def test_auto(on_machine, cpuinfo, capabilities, resolved):
    on_machine(cpuinfo, *capabilities)
    assert precision.resolve_precision("auto") == resolved
    warned = precision.slow_precision_warning("mixed_bfloat16")
    assert (warned is None) == (resolved == "mixed_bfloat16")
    assert precision.slow_precision_warning(resolved) is None


@pytest.mark.parametrize("given", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_what_is_asked_for_is_taken(on_machine, given):
    on_machine("flags\t\t: fpu avx2\n")
    assert precision.resolve_precision(given) == given


def test_the_names_of_what_this_cpu_can_do():
    flags = precision.processor_flags()
    assert not flags or {"fpu", "sse2"} <= flags
