"""06, the contract."""

LOOK = "Panel: `ContractPanel()`. Choose what is *broken*. Which rows have no partner?"

MESSAGES = {
    "hint.06.guide.missing": "0 draws of `weight`. The model draws it. Who draws it here?",
    "hint.06.guide.misspelt": "`{site}`. No such site in the model. Did you mean `weight`?",
    "hint.06.guide.extra": "`{site}`. The model draws no such site. Who asked for it?",
    "hint.06.guide.observed": "`{site}`. That is data: the loss sinks below its floor. Why?",
    "hint.06.guide.signature": "1 argument goes to the model: `guess`. What does the guide take?",
    "hint.06.guide.support": "−2 may come, but only > 0 is allowed. Which distribution fits?",
    "hint.06.guide.shape": "`{site}`. Model and guide draw different shapes. Which shape is right?",
    "hint.06.guide.rows": "`{site}`. Rows that no plate declares. Where do they come from?",
    "hint.06.guide.gradient": "`{site}`. No gradient reaches it. Was it cut by `.item()`?",
    "hint.06.guide.blew_up": "{step} steps, then no number. Where can the guide go?",
    "look.06.empty": LOOK,
    "look.06.name": LOOK,
    "look.06.data": LOOK,
    "look.06.arguments": LOOK,
    "look.06.support": LOOK,
    "sibling.06.empty": (
        "A sibling. A model draws `talent` and `luck`; its guide drew `talent` alone.\n"
        "Every latent site needs a line of its own:\n"
        "    ppl.sample('talent', dist.Normal(t, s))\n"
        "    ppl.sample('luck', dist.Normal(u, v))"
    ),
    "sibling.06.name": (
        "A sibling. The model says 'talent', the guide said 'tallent'.\n"
        "Sites meet by name, letter by letter:\n"
        "    ppl.sample('talent', dist.Normal(t, s))"
    ),
    "sibling.06.data": (
        "A sibling. The model draws `talent` and observes `grade`; its guide drew both.\n"
        "Data is given. The guide keeps one line:\n"
        "    ppl.sample('talent', dist.Normal(t, s))"
    ),
    "sibling.06.arguments": (
        "A sibling. The model is `exam(talent, hours)`, its guide was `guide(talent)`.\n"
        "Both are called alike, so both take the same, used or not:\n"
        "    def guide(talent, hours):"
    ),
    "sibling.06.support": (
        "A sibling. A model draws a share from Beta, its guide drew it from Normal.\n"
        "A share lies in (0, 1), and Normal leaves it. Beta stays:\n"
        "    ppl.sample('share', dist.Beta(a, b))"
    ),
}
