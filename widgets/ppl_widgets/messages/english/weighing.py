"""The unreliable scale."""

MESSAGES = {
    "weighing.title": "The unreliable scale",
    "label.guess": "guess",
    "help.guess": "What you believe before you weigh: the prior's mean",
    "label.measurement": "measurement",
    "help.measurement": "What the scale reads",
    "label.noise_sd": "noise sd",
    "help.noise_sd": "How much the scale's reading varies around the weight",
    "label.prior_sd": "prior sd",
    "help.prior_sd": "How far the weight may lie from your guess",
    "drawer.weighing": "noise · prior · optimiser",
    "predict.weighing": "Your turn: where will the posterior mean be?",
    "label.predict.weighing": "posterior mean",
}
