"""09, SVI."""

MESSAGES = {
    "hint.09.half_life.no_log": "{given}. That leaves 1/e. How much is a half?",
    "hint.09.half_life.no_momentum": "{given}. Momentum is missing. Does it push or brake?",
    "hint.09.half_life.momentum_slows": "{given}. Momentum slows it here. Does it push along?",
    "hint.09.half_life.momentum_alone": "{given}. Multiplied by the momentum. What is left?",
    "hint.09.half_life.sd": "{given}. An sd where a variance belongs. How steep is the loss?",
    "hint.09.half_life.precision": "{given}. Divided by the variance. Is a wide valley steeper?",
    "hint.09.half_life.no_posterior": "{given}. The posterior's width is missing. Where?",
    "hint.09.half_life.rate": "{given}. Upside down. How many steps is that?",
    "hint.09.half_life.log_two": "{given}. Divided by log 2. How long until a half?",
    "hint.09.half_life.half": "{given}. Half the time to 1/e. Is decay a straight line?",
    "look.09.half_life": "Panel: `RacePanel()`. Halve *learning rate*. When is half the way gone?",
    "sibling.09.half_life": (
        "A sibling. A cup cools by 2 % of its lead over the room each minute.\n"
        "It needs log 2 / 0.02 = 34.7 minutes to lose half of that lead.\n"
        "One SGD step closes the share lr / variance of the distance."
    ),
    "hint.09.rate.moving": "{given} steps are a half-life at lr {lr}. Do you need more?",
    "hint.09.rate.wandering": "{ball} is the noise ball's sd. Would a smaller rate hold still?",
    "hint.09.rate.nan": "{step} steps, then b left its range. Is a smaller rate safer?",
    "hint.09.rate.range": "{lr} and {steps}. Rate first, then at most 20,000 steps?",
    "look.09.rate": "Panel: `RacePanel()`. Drag *learning rate*. Which lane arrives?",
    "sibling.09.rate": (
        "A sibling. Half-life 100 steps, distance 1, wanted 0.01.\n"
        "log2(1 / 0.01) = 6.6 half-lives: 660 steps, then 500 more to average."
    ),
    "hint.09.tail.plugged": "{given}. You plugged in the mean. How sure is the weight?",
    "hint.09.tail.next": "{given}. That is the next reading. Is the weight asked for?",
    "hint.09.tail.below": "{given}. That is below the limit. Which side is asked for?",
    "hint.09.tail.variance": "{given}. Another width than `sd`. Which one does `Normal` take?",
    "hint.09.tail.both_sides": "{given}. Both tails. How many are asked for?",
    "hint.09.tail.prior": "{given}. That is the prior's. What has the guide learnt?",
    "hint.09.tail.point": "{given}. The mean alone decides. How sure is the weight?",
    "hint.09.tail.density": "{given}. That is a density. Which area is asked for?",
    "hint.09.tail.unscaled": "{given}. With sd 1. How wide is the guide?",
    "look.09.tail": "Panel: `UsePanel()`. Drag *limit*. How many dots lie beyond?",
    "sibling.09.tail": (
        "A sibling. Trains arrive at 12, give or take 2. How many later than 15?\n"
        "(15 - 12) / 2 = 1.5 sds. P(Z > 1.5) = 0.067.\n"
        "Or draw 100,000 arrivals and count those beyond 15."
    ),
}
