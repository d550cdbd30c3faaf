"""The unreliable scale."""

MESSAGES = {
    "weighing.title": "Die unzuverlässige Waage",
    "label.guess": "Vermutung",
    "help.guess": "Was du vor dem Wiegen glaubst: das Mittel des Priors",
    "label.measurement": "Messung",
    "help.measurement": "Was die Waage anzeigt",
    "label.noise_sd": "SD des Rauschens",
    "help.noise_sd": "Wie stark die Anzeige der Waage um das Gewicht schwankt",
    "label.prior_sd": "SD des Priors",
    "help.prior_sd": "Wie weit das Gewicht von deiner Vermutung liegen kann",
    "drawer.weighing": "Rauschen · Prior · Optimierer",
    "predict.weighing": "Du bist dran: Wo wird das Mittel des Posteriors liegen?",
    "label.predict.weighing": "Mittel des Posteriors",
}
