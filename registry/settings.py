"""What Keras is set to, whatever a user's ``keras.json`` says: other projects have left theirs there."""

import sys

DATA_FORMAT, FLOAT, EPSILON = "channels_last", "float32", 1e-7


def settle() -> None:
    """Set it, where Keras has been imported; before any layer is built.

    The dtype policy follows the float type until somebody sets one.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return
    keras.config.set_image_data_format(DATA_FORMAT)
    keras.config.set_floatx(FLOAT)
    keras.config.set_epsilon(EPSILON)
