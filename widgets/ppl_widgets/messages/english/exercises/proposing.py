"""05, one guide, many uses."""

MESSAGES = {
    "hint.05.weights.likelihood": "{given}. Likelihood only. You drew from q: where is p/q?",
    "hint.05.weights.joint": "{given}. Weighted by p. Did you divide by q?",
    "hint.05.weights.no_prior": "{given}. The prior is missing. What belongs to p?",
    "hint.05.weights.no_data": "{given}. The reading is missing. What belongs to p?",
    "hint.05.weights.flipped": "{given}. That is q over p. Which one is the target?",
    "hint.05.weights.product": "{given}. You multiplied by q. What undoes the guide?",
    "hint.05.weights.divided": "{given}. Logs were divided. How do logs divide densities?",
    "hint.05.weights.multiplied": "{given}. Logs were multiplied. How do logs multiply densities?",
    "hint.05.weights.exponentiated": "{given}. That is the weight itself. Is its log asked for?",
    "hint.05.weights.normalised": "{given}. Normalised. Can the evidence still be read off?",
    "look.05.weights": "Panel: `ProposalPanel()`. Set a 9.14, b 0.6. Which weight remains?",
    "sibling.05.weights": (
        "A sibling. You draw die faces 1 to 6, and want a die that shows 6 half the time.\n"
        "Target 0.5, drawn with 1/6: a six has weight 0.5 / (1/6) = 3.\n"
        "In logs: log 0.5 - log 1/6 = 1.099. The others: 0.1 / (1/6) = 0.6."
    ),
    "hint.05.evidence.normalised": "{given}. That is 1/N. Do you average before you normalise?",
    "hint.05.evidence.one": "{given}. Normalised weights sum to 1. What were they before?",
    "hint.05.evidence.total": "{given}. That is the sum. How many draws share it?",
    "hint.05.evidence.log": "{given}. That is the log evidence. Which one is asked for?",
    "hint.05.evidence.mean_log": "{given}. The mean of logs. What does the log of a mean need?",
    "hint.05.evidence.geometric": "{given}. You averaged logs first. Which average is unbiased?",
    "hint.05.evidence.largest": "{given}. The largest weight. What do the others say?",
    "hint.05.evidence.harmonic": "{given}. A harmonic mean. Which draws does it trust most?",
    "look.05.evidence": "Panel: `ProposalPanel()`. Which number do all weights average to?",
    "sibling.05.evidence": (
        "A sibling. Three draws weigh 0.1, 0.2 and 0.6.\n"
        "Their plain average is 0.9 / 3 = 0.3. That estimates the evidence.\n"
        "Normalise after that: 0.11, 0.22, 0.67."
    ),
    "hint.05.ess.logs": "{given}. You used log weights. What are they exponentiated?",
    "hint.05.ess.draws": "{given}. Counted in draws. Out of how many?",
    "hint.05.ess.concentration": "{given}. The sum of squared shares. What is one over it?",
    "hint.05.ess.unsquared": "{given}. The sum is not squared. Does doubling all weights matter?",
    "hint.05.ess.largest": "{given}. The largest share. What do the others add?",
    "hint.05.ess.all": "{given}. All draws count alike. Do all weigh the same?",
    "look.05.ess": "Panel: `ProposalPanel()`. Move b away from 0.6. What falls?",
    "sibling.05.ess": (
        "A sibling. Weights 1, 1 and 2. Their sum squared: 16. Squares summed: 6.\n"
        "16 / 6 = 2.67 draws out of 3: a share of 0.89."
    ),
    "hint.05.accepted.evidence": "{given}. That is the evidence. What is the likelihood's peak?",
    "hint.05.accepted.peak": "{given}. That is the peak. What is it divided into?",
    "hint.05.accepted.flipped": "{given}. Upside down. Can more be kept than was drawn?",
    "hint.05.accepted.refused": "{given}. That is what is refused. What is kept?",
    "hint.05.accepted.product": "{given}. You multiplied by the peak. What keeps the best surely?",
    "hint.05.accepted.at_guess": "{given}. The chance of one weight. Do drawn weights vary?",
    "hint.05.accepted.prior_peak": "{given}. Divided by the prior's peak. Whose peak bounds p/q?",
    "hint.05.accepted.no_noise": "{given}. The evidence lacks noise. How far do readings spread?",
    "hint.05.accepted.log": "{given}. That is the log. What is it exponentiated?",
    "look.05.accepted": "Panel: `ProposalPanel()`, tab *rejection*. Which share is kept?",
    "sibling.05.accepted": (
        "A sibling. A die face is kept with a chance of face/6.\n"
        "The average face is 3.5, the largest 6: 3.5 / 6 = 0.58 are kept."
    ),
}
