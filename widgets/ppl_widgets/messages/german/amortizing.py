"""One guide, all readings."""

MESSAGES = {
    "amortizing.title": "Ein Guide, alle Messwerte",
    "label.reading": "Messwert",
    "help.reading": "Der Messwert, nach dem du den Guide fragst",
    "label.spread": "Trainings-SD",
    "help.spread": "Wie weit die Messwerte im Training um die Vermutung streuen",
    "label.encoder": "Encoder",
    "help.encoder": "Was der Guide aus einem Messwert macht: nichts, eine Gerade, ein kleines Netz",
    "option.encoder.constant": "konstant",
    "option.encoder.line": "Gerade",
    "option.encoder.network": "Netz",
    "amortizing.told": "Messwert {reading}: Guide N({mean}, {sd}), exakt N({exact}, {exact_sd}), "
    "{source}. Exaktes Mittel: {offset} + {slope} · Messwert. Lücke im Schnitt {gap}, mindestens "
    "{least}.",
    "drawer.amortizing": "Vermutung · Rauschen · Prior · Optimierer",
    "plot.encoder": "was der Guide aus einem Messwert macht",
    "plot.gap": "Lücke je Messwert",
    "axis.gap": "Lücke (Nats)",
    "trace.encoder": "Mittel des Guides",
    "trace.width": "± 1 SD",
    "trace.exact_line": "exaktes Mittel",
    "trace.seen": "trainiert auf",
    "trace.asked": "Messwert {value}",
    "caption.encoder": "exaktes Mittel {offset} + {slope} · Messwert, SD {sd}",
    "caption.gap": "im Schnitt {gap}, mindestens {least}",
    "alt.encoder": "Das Mittel des Guides für jeden Messwert, neben der exakten Geraden. {summary}",
    "alt.gap": "KL vom Posterior für jeden Messwert: im Schnitt {gap}.",
    "predict.amortizing": "Du bist dran: 1 kg mehr gelesen. Wie viel steigt das Mittel?",
    "label.predict.amortizing": "Anstieg des Mittels",
}
