"""08, the ELBO."""

MESSAGES = {
    "hint.08.elbo.loss": "{given}. That is the loss. Which sign has the ELBO?",
    "hint.08.elbo.fit": "{given}. Fit only. What does moving from the prior cost?",
    "hint.08.elbo.no_entropy": "{given}. No −log q. Where does the guide's density enter?",
    "hint.08.elbo.entropy_added": "{given}. Plus log q. Which sign has the guide's density?",
    "hint.08.elbo.cost": "{given}. That is the cost alone. Where is the fit?",
    "hint.08.elbo.cost_added": "{given}. The cost was added. Does leaving the prior pay?",
    "hint.08.elbo.evidence": "{given}. That is the log evidence. Is this guide perfect?",
    "hint.08.elbo.gap": "{given}. That is the KL to the posterior. What is the ELBO?",
    "hint.08.elbo.centre": "{given}. Taken at the centre alone. Where do draws fall?",
    "hint.08.elbo.variance": "{given}. Another width than b. Which one does `Normal` take?",
    "look.08.elbo": "Panel: `ElboPanel(a=9.0, b=0.8)`. Which two bars make the ELBO?",
    "sibling.08.elbo": (
        "A sibling. One fair coin z, and a reading with p(x|z) = 0.9 or 0.2.\n"
        "Guide: q(z=1) = 0.8. Average log p(x|z): 0.8 log 0.9 + 0.2 log 0.2 = -0.406.\n"
        "Cost KL(q||prior): 0.8 log 1.6 + 0.2 log 0.4 = 0.193.\n"
        "ELBO: -0.406 - 0.193 = -0.599; log evidence: log 0.55 = -0.598."
    ),
    "hint.08.gap.turned": "{given}. That is KL(p‖q). Which one does SVI use?",
    "hint.08.gap.loss": "{given}. That is the loss. How far above the floor?",
    "hint.08.gap.elbo": "{given}. That is the ELBO. How far below the evidence?",
    "hint.08.gap.sum": "{given}. You added them. What is the difference?",
    "hint.08.gap.negative": "{given}. Turned round. Which of the two is larger?",
    "hint.08.gap.prior": "{given}. That is the KL to the prior. Who is the target?",
    "hint.08.gap.prior_turned": "{given}. That is the prior's KL. Who is the target?",
    "hint.08.gap.means": "{given}. The centres alone. What does the width add?",
    "hint.08.gap.spreads": "{given}. The widths alone. What do the centres add?",
    "hint.08.gap.unhalved": "{given}. Twice as much. Where does a half belong?",
    "hint.08.gap.variance": "{given}. 0.36 was taken for the sd. Which is which?",
    "look.08.gap": "Panel: `ElboPanel(a=9.0, b=0.8)`. How long is the bar's last piece?",
    "sibling.08.gap": (
        "A sibling. Two coins: q shows heads with 0.8, p with 0.5.\n"
        "KL(q||p) = 0.8 log(0.8/0.5) + 0.2 log(0.2/0.5) = 0.193.\n"
        "Turned round it is 0.223. The order matters."
    ),
}
