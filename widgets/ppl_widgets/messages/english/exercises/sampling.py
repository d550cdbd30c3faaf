"""01, programs that sample."""

MESSAGES = {
    "hint.01.readings.repeated": "{given}. One draw, repeated. Is the call inside the loop?",
    "hint.01.readings.weight": "{given}. That is `weight`. Which site did you collect?",
    "hint.01.readings.fixed": "{given}. Noise for one fixed object. Does the object vary too?",
    "hint.01.readings.added": "{given}. You added sds. Which quantity adds?",
    "hint.01.readings.variance": "{given}. That is a variance. Which root is the sd?",
    "hint.01.readings.errors": "{given}. Those are the scale's errors. Where is the weight?",
    "hint.01.readings.centred": "{given}. The spread is right. Where is the guess?",
    "hint.01.readings.both": "{given}. Weight plus reading. Which one is asked for?",
    "hint.01.readings.noise_squared": "{given}. `Normal` got a variance. Which does it take?",
    "hint.01.readings.noise_root": "{given}. `Normal` got a root. Is `noise_sd` an sd already?",
    "hint.01.readings.baked_noise": "{given}. 0.75 is baked in. Where does `noise_sd` enter?",
    "look.01.readings": "Panel: `ForwardPanel()`. Drag *noise sd*. Which histogram widens?",
    "sibling.01.readings": (
        "A sibling. Buses leave at 8:00, give or take 3 minutes.\n"
        "The ride takes 20, give or take 4.\n"
        "Variances add: 9 + 16 = 25. You arrive at 8:20, give or take 5.\n"
        "    leave = ppl.sample('leave', dist.Normal(0.0, 3.0))\n"
        "    arrive = ppl.sample('arrive', dist.Normal(leave + 20.0, 4.0))"
    ),
    "hint.01.twice.parcels": "{given}. Two parcels differ so. How many parcels are there?",
    "hint.01.twice.one": "{given}. One reading errs so. How many readings err?",
    "hint.01.twice.added": "{given}. You added sds. Which quantity adds?",
    "hint.01.twice.none": "{given}. The errors cancelled. Are they the same error?",
    "hint.01.twice.variance": "{given}. That is a variance. Which root is the sd?",
    "look.01.twice": "Panel: `ForwardPanel()`. Stop at one weight. What does each reading add?",
    "sibling.01.twice": (
        "A sibling. Two clocks show one time, each off by 3 minutes or so.\n"
        "Their difference forgets the time and keeps both errors.\n"
        "Variances add: 9 + 9 = 18. The sd of the difference is 4.24 minutes."
    ),
}
