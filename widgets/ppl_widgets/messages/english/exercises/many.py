"""11, many weights, many readings."""

MESSAGES = {
    "hint.11.width.no_prior": "{given}. The prior is missing. Does it matter at N=1?",
    "hint.11.width.one": "{given}. One reading only. How many are there?",
    "hint.11.width.sds": "{given}. An sd where a variance belongs. Which quantity adds?",
    "hint.11.width.variance": "{given}. That is a variance. Which root is the sd?",
    "hint.11.width.root_num": "{given}. The root of N. How much does each reading add?",
    "hint.11.width.precision": "{given}. That is a precision. What is one over its root?",
    "hint.11.width.average": "{given}. That is how averages spread. What is known of the weight?",
    "hint.11.width.square": "{given}. N was squared. Did (N,) meet (N,1)?",
    "look.11.width": "Panel: `ManyPanel()`. Double *readings N*. By how much narrows the curve?",
    "sibling.11.width": (
        "A sibling. Prior sd 2, four readings with noise 1.\n"
        "Precisions add: 1/4 + 4/1 = 4.25. Sd: 1/√4.25 = 0.485.\n"
        "Without the prior it would be 0.5."
    ),
    "hint.11.subsample.unscaled": "{given} seen, more owned. Where is the plate's size?",
    "hint.11.subsample.scaled_twice": "{given} counted. Scaled twice. Does the plate scale?",
    "hint.11.subsample.downscaled": "{given} counted. Scaled down. N/B or B/N?",
    "hint.11.subsample.one": "{given} counted. Averaged over. Does a log density average or sum?",
    "hint.11.subsample.whole": "{given} readings seen at each step. Where is `subsample_size`?",
    "hint.11.subsample.shapes": "N² terms: (N,) met (N,1) at `measurement`. Which shape fits?",
    "hint.11.subsample.no_site": "0 sites named `weight`. What does the scale weigh?",
    "hint.11.subsample.no_data": "0 readings observed. Where is `obs`?",
    "look.11.subsample": "Panel: `ManyPanel()`, *case* N/B forgotten. How wide is the guide?",
    "sibling.11.subsample": (
        "A sibling. 500 grades, 20 of them at a time:\n"
        "    with ppl.plate('pupils', 500, subsample_size=20) as rows:\n"
        "        ppl.sample('grade', dist.Normal(level, 1.0), obs=grades[rows])\n"
        "The plate counts each of the 20 for 25 pupils."
    ),
    "hint.11.two.mean_field": "{given}. That is mean field. What do the two weights share?",
    "hint.11.two.prior": "{given}. That is the prior. What does the sum tell?",
    "hint.11.two.variance": "{given}. That is a variance. Which root is the sd?",
    "hint.11.two.sum": "{given}. That is the sum of both. How sure is one?",
    "hint.11.two.half": "{given}. Half the prior. What does the sum tell?",
    "hint.11.two.independent": "{given}. If one is heavier, what is the other?",
    "hint.11.two.positive": "{given}. If one is heavier, what is the other?",
    "hint.11.two.covariance": "{given}. That is a covariance. What is it divided by?",
    "hint.11.two.perfect": "{given}. Is the sum known without error?",
    "hint.11.two.share": "{given}. Divided by the sum's variance. Whose belongs there?",
    "look.11.two": "Panel: `ManyPanel()`. Change *case* to weights. Which guide leans?",
    "sibling.11.two": (
        "A sibling. Two dice sum to 7. Each alone may be anything from 1 to 6: sd 1.71.\n"
        "If one shows 6, the other shows 1: correlation -1.\n"
        "A guide that draws them apart cannot say so."
    ),
}
