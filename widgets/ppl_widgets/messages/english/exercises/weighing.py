"""04, the perfect guide."""

MESSAGES = {
    "hint.04.weigh.prior": "{given}. That is the prior. What does the reading add?",
    "hint.04.weigh.likelihood": "{given}. The scale alone says so. Where is your guess?",
    "hint.04.weigh.reading": "{given}. Readings spread so. Which site is asked for?",
    "hint.04.weigh.sds": "{given}. Sds stand where variances belong. Which weigh the sources?",
    "hint.04.weigh.equal": "{given}. Equal trust. Is the noise as large as the prior sd?",
    "hint.04.weigh.seed_noise": "{given}. 1 and 0.75 are baked in. Where do the sds enter?",
    "hint.04.weigh.swapped": "{given}. The weights are swapped. Which source is sharper?",
    "hint.04.weigh.average": "{given}. The plain average. Which source is sharper?",
    "hint.04.weigh.step": "{given}. That is the way from the guess. Where does it start?",
    "hint.04.weigh.sum": "{given}. Weighted, not averaged. What do the weights sum to?",
    "hint.04.weigh.variance": "{given}. That is a variance. Which one does `Normal` take?",
    "hint.04.weigh.precision": "{given}. That is a precision. What is one over its root?",
    "hint.04.weigh.root_precision": "{given}. The root of a precision. What is one over it?",
    "hint.04.weigh.wider": "{given}. Wider than either source. Do two sources tell less than one?",
    "hint.04.weigh.sds_flat": "{given}. Sds added below the line. Which quantities add?",
    "hint.04.weigh.halves": "{given}. The average of both sds. Do two sources tell more?",
    "hint.04.weigh.noise_sd": "{given}. The scale's own sd. What does the guess add?",
    "hint.04.weigh.prior_sd": "{given}. The prior's own sd. What does the reading add?",
    "look.04.weigh": "Panel: `ScalePanel()`. Drag *noise sd*. Which source does exact move to?",
    "sibling.04.weigh": (
        "A sibling. One clock says 10:00, give or take 2; one 10:05, give or take 1.\n"
        "Precisions are one over the variance: 1/4 and 1. Together 1.25.\n"
        "Mean: (0 × 0.25 + 5 × 1) / 1.25 = 4 minutes past. Sd: 1/√1.25 = 0.89."
    ),
    "hint.04.trust.guess": "{given}. That is the guess's share. Which source is asked for?",
    "hint.04.trust.sds": "{given}. Sds stand where variances belong. Which weigh the sources?",
    "hint.04.trust.precision": "{given}. That is a precision. Out of how much in all?",
    "hint.04.trust.ratio": "{given}. One against the other. Out of how much in all?",
    "hint.04.trust.half": "{given}. Equal trust. Which source is sharper?",
    "hint.04.trust.rooted": "{given}. That is a root of it. Which quantities add?",
    "look.04.trust": "Panel: `ScalePanel()`. Move *measurement* by 1. How far goes exact?",
    "sibling.04.trust": (
        "A sibling. One clock is good to 2 minutes, another to 1.\n"
        "Precisions: 1/4 and 1. The second gets 1 / 1.25 = 0.8 of the trust."
    ),
}
