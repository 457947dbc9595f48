import subprocess
import sys


def test_names_are_importable_without_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from byel_tf.augment.names import POLICY_NAMES\n"
        "assert POLICY_NAMES == ('reference', 'byol', 'faces')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
