"""The proposal lab."""

MESSAGES = {
    "proposing.title": "The proposal lab",
    "label.a": "a, the guide's mean",
    "help.a": "Where the guide proposes",
    "label.b": "b, the guide's sd",
    "help.b": "How far around a it proposes",
    "label.tab": "use",
    "help.tab": "Weigh the draws, sieve them under an envelope, or propose them to a chain",
    "proposing.importance": "ESS {seen} of {num} draws, exact {exact}, {source}. Pareto k {k}. "
    "{evidence}",
    "proposing.evidence": "Mean weight {mean}, evidence {evidence}.",
    "proposing.equal": "none, all weights are equal",
    "proposing.rejection": "Kept {seen} of {num} draws, exact {exact}, {source}.",
    "proposing.chain": "Accepted {seen} of {num} proposals, exact {exact}, {source}.",
    "proposing.none": "No draws. Exact {exact}, {source}.",
    "drawer.proposing": "guess · measurement · noise · prior",
    "predict.proposing": "Your turn: what will the gauge read in the end?",
    "label.predict.proposing": "gauge, in %",
}
