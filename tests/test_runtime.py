"""What happens around the import of Paddle."""

import subprocess
import sys

import pytest

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
