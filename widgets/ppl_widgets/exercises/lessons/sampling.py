"""01, programs that sample: how far do readings spread?"""

from math import hypot

from ..exercise import Exercise, Slip
from ..probes import drawn

READINGS = Exercise(
    name="01.readings",
    takes=("guess", "noise_sd"),
    parts=("mean", "sd"),
    right=lambda guess, noise: (guess, hypot(1.0, noise)),
    slips=(
        Slip("repeated", lambda guess, noise: (None, 0.0)),
        Slip("weight", lambda guess, noise: (guess, 1.0)),
        Slip("fixed", lambda guess, noise: (guess, noise)),
        Slip("added", lambda guess, noise: (guess, 1.0 + noise)),
        Slip("variance", lambda guess, noise: (guess, 1.0 + noise**2)),
        Slip("errors", lambda guess, noise: (0.0, noise)),
        Slip("centred", lambda guess, noise: (0.0, hypot(1.0, noise))),
        Slip("both", lambda guess, noise: (2.0 * guess, hypot(2.0, noise))),
        Slip("noise_squared", lambda guess, noise: (guess, hypot(1.0, noise**2))),
        Slip("noise_root", lambda guess, noise: (guess, hypot(1.0, noise**0.5))),
        Slip("baked_noise", lambda guess, noise: (guess, 1.25)),
    ),
    settings=((8.5, 0.75), (7.0, 2.0), (12.0, 1.5), (3.0, 1.25)),
    probe=drawn(2_000),
)


TWICE = Exercise(
    name="01.twice",
    takes=("noise_sd",),
    parts=("sd",),
    right=lambda noise: (noise * 2.0**0.5,),
    slips=(
        Slip("parcels", lambda noise: (hypot(1.0, noise) * 2.0**0.5,)),
        Slip("one", lambda noise: (noise,)),
        Slip("added", lambda noise: (2.0 * noise,)),
        Slip("none", lambda noise: (0.0,)),
        Slip("variance", lambda noise: (2.0 * noise**2,)),
    ),
    settings=((0.75,), (0.4,), (1.5,), (2.3,)),
)


EXERCISES = (READINGS, TWICE)
