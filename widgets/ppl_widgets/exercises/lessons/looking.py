"""03, look or touch: seeing follows the arrows both ways, setting cuts those that lead in.

The draught is N(0, 1), and is added to the weight and to the reading.
"""

from math import hypot, sqrt

from ..exercise import Exercise, Slip

NOISE = 0.75
LOOKED = sqrt(0.5 + NOISE**2)
TOUCHED = hypot(1.0, NOISE)

GLUED = Exercise(
    name="03.glued",
    takes=("guess", "reading"),
    parts=("mean", "sd"),
    right=lambda guess, reading: (guess, 1.0),
    slips=(
        Slip("looked", lambda guess, reading: (0.36 * guess + 0.64 * reading, 0.6)),
        Slip("looked", lambda guess, reading: (0.36 * guess + 0.64 * reading, None)),
        Slip("needle", lambda guess, reading: (reading, None)),
        Slip("scale", lambda guess, reading: (guess, TOUCHED)),
        Slip("surer", lambda guess, reading: (guess, 0.6)),
        Slip("noise", lambda guess, reading: (guess, NOISE)),
        Slip("certain", lambda guess, reading: (guess, 0.0)),
    ),
    settings=((8.5, 9.5), (7.0, 9.0), (10.0, 6.5), (4.0, 4.5)),
)

SEEN = Exercise(
    name="03.seen",
    takes=("guess", "weight"),
    parts=("mean", "sd"),
    right=lambda guess, weight: (weight + 0.5 * (weight - guess), LOOKED),
    slips=(
        Slip("set", lambda guess, weight: (weight, TOUCHED)),
        Slip("calm", lambda guess, weight: (weight, NOISE)),
        Slip("ten", lambda guess, weight: (weight, None)),
        Slip("all", lambda guess, weight: (weight + (weight - guess), None)),
        Slip("average", lambda guess, weight: (0.5 * (weight + guess), None)),
        Slip("untouched", lambda guess, weight: (guess, None)),
        Slip("same_sd", lambda guess, weight: (None, TOUCHED)),
        Slip("draught", lambda guess, weight: (None, sqrt(0.5))),
        Slip("noise", lambda guess, weight: (None, NOISE)),
        Slip("added", lambda guess, weight: (None, sqrt(0.5) + NOISE)),
        Slip("variance", lambda guess, weight: (None, LOOKED**2)),
    ),
    settings=((8.5, 10.0), (7.0, 9.0), (10.0, 6.5), (4.0, 4.6)),
)

SET = Exercise(
    name="03.set",
    takes=("guess", "weight"),
    parts=("mean", "sd"),
    right=lambda guess, weight: (weight, TOUCHED),
    slips=(
        Slip("seen", lambda guess, weight: (weight + 0.5 * (weight - guess), None)),
        Slip("all", lambda guess, weight: (weight + (weight - guess), None)),
        Slip("untouched", lambda guess, weight: (guess, None)),
        Slip("calm", lambda guess, weight: (weight, NOISE)),
        Slip("narrowed", lambda guess, weight: (weight, LOOKED)),
        Slip("added", lambda guess, weight: (weight, 1.0 + NOISE)),
        Slip("variance", lambda guess, weight: (weight, TOUCHED**2)),
        Slip("draught", lambda guess, weight: (weight, 1.0)),
    ),
    settings=((8.5, 10.0), (7.0, 9.0), (10.0, 6.5), (4.0, 4.6)),
)

EXERCISES = (GLUED, SEEN, SET)
