"""10, no formula."""

MESSAGES = {
    "hint.10.gap.one_bump": "{given}. One bump for two hills. What mass is left out?",
    "hint.10.gap.evidence": "{given}. That is minus the log evidence. How far is the ELBO?",
    "hint.10.gap.loss": "{given}. That is the loss. What is its floor?",
    "hint.10.gap.below": "{given}. Below 0. Can a distance be negative?",
    "hint.10.gap.more_steps": "{given}. Run 10 times as many steps. Does it shrink?",
    "hint.10.gap.true_sd": "{given}. The posterior is so wide. How wide is one hill?",
    "hint.10.gap.noise": "{given}. That is the noise. How steep is the bend there?",
    "hint.10.gap.prior_sd": "{given}. That is the prior. How wide is one hill?",
    "look.10.gap": "Panel: `NoFormulaPanel()`. Train. Which hill is left alone?",
    "sibling.10.gap": (
        "A sibling. A coin lands in one of four boxes, all alike.\n"
        "A guide that knows one box alone: KL = log 4 = 1.386.\n"
        "It is sure, and misses three quarters. No step mends that."
    ),
    "hint.10.centre.valley": "{given}. That valley has almost no mass. Where are the hills?",
    "hint.10.centre.root": "{given}. The bend alone says so. What does the prior pull?",
    "hint.10.centre.weighed": "{given}. That is the straight scale's. Where does the bend peak?",
    "look.10.centre": "Panel: `NoFormulaPanel()`. Move *guide starts at*. Which hill is learned?",
    "sibling.10.centre": (
        "A sibling. Two towns lie at 2 and 8, each with half the people.\n"
        "The mean is 5, where nobody lives. One narrow guide fits one town."
    ),
}
