"""The optimiser race."""

MESSAGES = {
    "racing.title": "The optimiser race",
    "label.taken": "take",
    "help.taken": "What counts as the answer: the last step, or an average of the last ones",
    "racing.told": "KL {sgd} by SGD, {momentum} with momentum, {adam} by Adam, in nats, {source}. "
    "{ready} of 3 are below {good}.",
    "racing.ball": "noise ball of SGD: sd {known}",
    "racing.asking": "1,000 other seeds are being asked",
    "racing.asked": "sd of a over {runs} seeds: SGD {sgd}, momentum {momentum}, Adam {adam}",
    "drawer.racing": "guess · measurement · noise · prior · steps",
    "plot.paths": "paths",
    "plot.left": "KL",
    "axis.log_b": "log b",
    "axis.log_kl": "KL (nats)",
    "trace.sgd": "SGD, momentum 0.1",
    "trace.momentum": "SGD, momentum 0.9",
    "trace.adam": "Adam",
    "trace.contours": "equal KL",
    "trace.good": "0.02",
    "caption.half_life": "half by step {known}",
    "caption.half_life_seen": "· measured {seen}",
    "alt.paths": "The guide's mean and log sd on their way, over contours of the KL. {summary}",
    "alt.course": "The guide's mean by step; half of the way is gone by step {known}.",
    "alt.left": "The KL in nats by step. {summary}",
    "predict.racing": "Your turn: by which step has SGD gone half its way?",
    "label.predict.racing": "half-life, in steps",
}
