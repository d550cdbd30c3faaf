"""12, networks to VAE."""

MESSAGES = {
    "hint.12.line.trusting": "{given}. It trusts the scale entirely. What does the guess weigh?",
    "hint.12.line.deaf": "{given}. The encoder ignores its input. Was it passed `guess`?",
    "hint.12.line.swapped": "{given}. That is the weight of the guess. Whose slope is asked for?",
    "hint.12.line.sds": "{given}. Sds stand where variances belong. Which weigh the sources?",
    "hint.12.line.no_offset": "{given}. The line runs through 0. Where does the guess pull?",
    "hint.12.line.guess": "{given}. The whole guess. Which share of it?",
    "hint.12.line.share": "{given}. Not the guess's share of the guess. Which one is it?",
    "look.12.line": "Panel: `EncoderPanel()`. Train. Which slope does the line find?",
    "sibling.12.line": (
        "A sibling. A clock is good to 1 minute, your feeling to 2; you feel 12:00.\n"
        "Best time = 0.8 × clock + 0.2 × 12:00. Slope 0.8, offset 0.2 of your feeling."
    ),
    "hint.12.cost.one_reading": "{given}. At one reading only. How far do readings spread?",
    "hint.12.cost.sd_of_readings": "{given}. An sd where a variance belongs. What is squared?",
    "hint.12.cost.prior_spread": "{given}. Readings spread like weights here. Does the scale err?",
    "hint.12.cost.width_alone": "{given}. The width alone. What do the centres add?",
    "hint.12.cost.means_alone": "{given}. The centres alone. What does the width add?",
    "hint.12.cost.unhalved": "{given}. Twice as much. Where does a half belong?",
    "look.12.cost": "Panel: `EncoderPanel()`. Change *encoder*. Where is the gap widest?",
    "sibling.12.cost": (
        "A sibling. A thermometer says 20 whatever it is; it is 20, give or take 3.\n"
        "Its average squared miss is 9, though at 20 degrees it is right.\n"
        "Average over what may come, not at one point."
    ),
    "hint.12.guide.deaf": "{given} for every reading. Does the guide use `readings`?",
    "hint.12.guide.outside": "{given} for a reading of 14. Never seen. Which shape goes on?",
    "hint.12.guide.a_row_each": "{given} knobs, one a reading. Who serves a new reading?",
    "hint.12.guide.guide": "0 steps: the guide does not fit. What does `check_guide` say?",
    "hint.12.guide.blew_up": "{step} steps, then no number. Can the width reach 0?",
    "look.12.guide": "Panel: `EncoderPanel()`. Drag *reading* outside. Which encoder holds?",
    "sibling.12.guide": (
        "A sibling. Grades and talents: a guide that reads its grades.\n"
        "    k, c = ppl.param('k', 0.0), ppl.param('c', 0.0)\n"
        "    s = ppl.param('s', 1.0, constraint=constraints.positive)\n"
        "    with ppl.plate('pupils', len(grades)):\n"
        "        ppl.sample('talent', dist.Normal(k * grades + c, s))"
    ),
    "hint.12.linear.constant": "{given}. That is a constant guide's. Can a line read?",
    "hint.12.linear.folded": "{given}. That is the folded scale's. Is a line folded?",
    "hint.12.linear.mean_field": "{given}. That is mean field's. How many weights are there?",
    "hint.12.linear.above": "{given}. An ELBO above the evidence. Is the prior term there?",
    "look.12.linear": "Panel: `VAEPanel()`. Let it train again. What becomes of the gap?",
    "sibling.12.linear": (
        "A sibling. A line is fitted to points that lie on a line.\n"
        "The family holds the answer, so the misfit ends at 0.\n"
        "A straight line through a parabola would keep one."
    ),
}
