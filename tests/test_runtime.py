"""What happens around the import of Paddle."""

import os
import subprocess
import sys

import paddle
import pytest

from ppstargan import runtime

WITHOUT_PADDLE = "sys.modules['paddle'] = None\n"  # as Python sees a module that is not there


def run(code, before=WITHOUT_PADDLE):
    code = f"import sys\n{before}{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_without_paddle_one_line_says_how_to_install_it():
    done = run("import ppstargan")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith('error: PaddlePaddle is not installed: pip install -e ".[cpu]"')


def test_a_program_can_catch_that():
    done = run("try:\n    import ppstargan\nexcept ImportError as error:\n    print(error)\nraise ValueError('own')")
    assert done.stdout.startswith("PaddlePaddle is not installed")
    assert "Traceback" in done.stderr and done.stderr.endswith("ValueError: own\n")  # others look as ever


@pytest.mark.parametrize(
    ("paddle", "numpy", "warned"), [("2.6.2", "2.4.6", True), ("2.6.2", "1.26.4", False), ("3.3.1", "2.4.6", False)]
)
def test_numpy_2_with_paddle_2_is_told(paddle, numpy, warned):
    modules = f"from types import SimpleNamespace as S\nsys.modules.update(paddle=S(__version__={paddle!r}), "
    modules += f"numpy=S(__version__={numpy!r}))\n"
    done = run("import ppstargan", modules)
    assert done.returncode == 0
    expected = (
        f'warning: Paddle {paddle} was built for NumPy 1, and NumPy {numpy} is installed: pip install "numpy<2"\n'
    )
    assert done.stderr == (expected if warned else "")


@pytest.mark.parametrize(("chosen", "said", "asked"), [([], "3", []), (["OMP_NUM_THREADS"], "1", [1])])
def test_one_thread_computes_unless_the_user_has_said_how_many(chosen, said, asked, monkeypatch):
    """Also where Paddle was imported with more, as by the command ppstargan."""
    seen = []
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(runtime, "_chosen", chosen)
    monkeypatch.setattr(paddle.base.core, "set_num_threads", seen.append)
    assert f"OMP_NUM_THREADS={said}" in runtime.one_thread() and os.environ["OMP_NUM_THREADS"] == said
    assert seen == asked


def test_threads_that_the_user_chose_are_known(monkeypatch):
    monkeypatch.setattr(runtime, "_chosen", [])
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS=3" in runtime.choose_threads() and runtime._chosen == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert f"OMP_NUM_THREADS={runtime.usable_cores()}" in runtime.choose_threads()
    assert runtime._chosen == ["OMP_NUM_THREADS"]
