# %% [markdown]
# # All panels
#
# For a lecture: press a card to open its panel, and *All panels* to come back. *Open as* takes a
# panel in large type (*lecture*), or set up for one lesson. *Full screen* hides everything else,
# until you press Escape. The course begins with the notebook `00_start_here`.

# %%
from ppl_widgets import Gallery

Gallery()
