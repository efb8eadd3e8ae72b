"""What happens around the import of Paddle."""

import subprocess
import sys

WITHOUT_PADDLE = "import sys; sys.modules['paddle'] = None\n"  # as Python sees a module that is not there


def run(code):
    return subprocess.run([sys.executable, "-c", WITHOUT_PADDLE + code], capture_output=True, text=True, timeout=60)


def test_without_paddle_one_line_says_how_to_install_it():
    done = run("import ppstargan")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith('error: PaddlePaddle is not installed: pip install -e ".[cpu]"')


def test_a_program_can_catch_that():
    done = run("try:\n    import ppstargan\nexcept ImportError as error:\n    print(error)\nraise ValueError('own')")
    assert done.stdout.startswith("PaddlePaddle is not installed")
    assert "Traceback" in done.stderr and done.stderr.endswith("ValueError: own\n")  # others look as ever
