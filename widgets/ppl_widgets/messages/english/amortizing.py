"""One guide, all readings."""

MESSAGES = {
    "amortizing.title": "One guide, all readings",
    "label.reading": "reading",
    "help.reading": "The reading that you ask the guide about",
    "label.spread": "training sd",
    "help.spread": "How far the readings that it is trained on lie around the guess",
    "label.encoder": "encoder",
    "help.encoder": "What the guide makes of a reading: nothing, a line, or a small network",
    "amortizing.told": "Reading {reading}: guide N({mean}, {sd}), exact N({exact}, {exact_sd}), "
    "{source}. The exact mean is {offset} + {slope} · reading. Average gap {gap}, least {least}.",
    "drawer.amortizing": "guess · noise · prior · optimiser",
    "plot.encoder": "what the guide makes of a reading",
    "plot.gap": "gap by reading",
    "axis.gap": "gap (nats)",
    "trace.encoder": "guide's mean",
    "trace.width": "± 1 sd",
    "trace.exact_line": "exact mean",
    "trace.seen": "trained on",
    "trace.asked": "reading {value}",
    "caption.encoder": "exact mean {offset} + {slope} · reading, sd {sd}",
    "caption.gap": "average {gap}, least {least}",
    "alt.encoder": "The guide's mean for every reading, beside the exact line. {summary}",
    "alt.gap": "KL from the posterior for every reading: average {gap}.",
    "predict.amortizing": "Your turn: 1 kg more is read. How much does the mean rise?",
    "label.predict.amortizing": "rise of the mean",
}
