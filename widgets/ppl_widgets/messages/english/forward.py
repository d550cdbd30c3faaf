"""The forward machine."""

MESSAGES = {
    "forward.title": "The forward machine",
    "forward.told": "The readings of {num} runs have mean {mean} and sd {sd}. Exact {exact}, "
    "{source}.",
    "forward.few": "Exact readings {exact}, {source}.",
    "fall.guess": "guess",
    "fall.weight": "weight",
    "fall.measurement": "measurement",
    "fall.draught": "draught",
    "drawer.forward": "prior · draws",
    "predict.forward": "Your turn: by how much do readings vary (sd)?",
    "label.predict.forward": "sd of readings",
    "forward.head_line": "line of the program",
    "forward.head_value": "newest run",
}
