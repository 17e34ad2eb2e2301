"""Drawn chest films with known lungs, lesions, hospitals and patients: the instrument on which audits are tested.

canvas    shapes and clouds in frame coordinates -> float32 rasters
anatomy   a patient: outlines of body, lungs, heart, bones, vessels, and how a film looks at them
findings  haze that everybody may have, and what a disease makes of it
film      thicknesses -> exposure, noise, lettering -> uint8
readers   one film as image, lung mask and lesion mask
catalogue which film shows whom, from which hospital; the factory
"""

from registry.datasets.phantom.catalogue import PhantomFilms, phantom

__all__ = ["PhantomFilms", "phantom"]
