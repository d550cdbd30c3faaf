"""14, inside."""

MESSAGES = {
    "part.num": "{value} statements",
    "part.again": "{value} in the second run",
    "part.density": "log density {value}",
    "name.num": "number of statements",
    "name.again": "number in the second run",
    "name.density": "log density in nats",
    "hint.14.handler.no_handler": "0 handlers. Is it a class with `ppl.Handler` as its base?",
    "hint.14.handler.instance": "1 handler, made already. Can you pass the class itself?",
    "hint.14.handler.no_handle": "0 methods named `handle`. Where do statements meet your class?",
    "hint.14.handler.inactive": (
        "0 statements heard: it never entered the chain. Where is `super().__enter__()`?"
    ),
    "hint.14.handler.arguments": (
        "2 arguments reach `handle`: `site` and `forward`. What does yours take?"
    ),
    "hint.14.handler.stays": (
        "1 handler still hears after `with`. Where is `super().__exit__(*error)`?"
    ),
    "hint.14.handler.unnamed": "0 handlers stand after `as`. What does `__enter__` return?",
    "hint.14.handler.silent": "`{site}`. No site came back. What does `handle` return?",
    "hint.14.handler.unsettled": "`{site}`. It has no value yet. Who settles it?",
    "hint.14.handler.changed": "0 sites can be changed. Which method makes a changed copy?",
    "hint.14.handler.swallowed": ("`{site}`. Nobody further out hears of it. Who passes it on?"),
    "hint.14.handler.went_on": "{given}. The second run counts on. Where does it start?",
    "hint.14.handler.params": "{given}. A `param` is counted too. Which kind is asked for?",
    "hint.14.handler.latent": "{given}. Data stands at a `sample` too. Which one is skipped?",
    "hint.14.handler.never": "{given}. Nothing was counted. Does a run reach that line?",
    "hint.14.handler.last": "{given}. The runs had more. Does each statement add one?",
    "hint.14.handler.heard": "`{site}`. It is still heard outside. Who answers it?",
    "hint.14.handler.fixed": "2 runs, one weight. Which function draws what a site asks for?",
    "hint.14.handler.redrawn": "{value}. The reading was given. Which function keeps given values?",
    "hint.14.handler.late": "{given}. The plain density. Is the site replaced before `forward`?",
    "hint.14.handler.all": "{given}. The prior is tempered too. Which sites are observed?",
    "hint.14.handler.turned": "{given}. The prior alone is tempered. Which sites are observed?",
    "hint.14.handler.overwritten": "{given}. An earlier scale is gone. What did `site.scale` hold?",
    "hint.14.handler.divided": "{given}. Divided by the power. Should a small one count more?",
    "hint.14.handler.added": "{given}. The power was added. How do two scales combine?",
    "look.14.count": "Panel: `ForwardPanel()`. Run once. How many statements light up?",
    "look.14.hide": "Panel: `ContractPanel()`. Its ledgers list what is heard. Which row goes?",
    "look.14.temper": "Panel: `ManyPanel()`. Switch N/B off. What counts less then?",
    "sibling.14.count": (
        "A sibling. A handler that adds up log probabilities, from 0 in each run:\n"
        "    def __enter__(self):\n"
        "        self.nats = 0.0\n"
        "        return super().__enter__()\n"
        "\n"
        "    def handle(self, site, forward):\n"
        "        site = forward(site)\n"
        "        if site.observed:\n"
        "            self.nats += site.log_prob.item()\n"
        "        return site"
    ),
    "sibling.14.hide": (
        "A sibling. A handler that answers parameters from a table, and passes on the rest:\n"
        "    def handle(self, site, forward):\n"
        "        if site.kind == 'param':\n"
        "            return site.replace(value=self.table[site.name])\n"
        "        return forward(site)"
    ),
    "sibling.14.temper": (
        "A sibling. A handler that lets one site not count at all:\n"
        "    def handle(self, site, forward):\n"
        "        if site.name == self.name:\n"
        "            site = site.replace(mask=False)\n"
        "        return forward(site)"
    ),
}
