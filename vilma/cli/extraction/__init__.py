"""Images to features.

====================  ==========================================================================
:mod:`.options`       what `vilma lbp` and `vilma embed` have in common on the command line
:mod:`.sources`       images named there, and what becomes of one: a crop, a face, a part
:mod:`.ahead`         a function applied ahead of its use, by a thread or processes
:mod:`.reading`       images in batches; files that cannot be used; how fast it went
:mod:`.kinds`         kinds of features, and how their rows are kept
:mod:`.folder`        a feature folder that is finished by the next process if one is killed
:mod:`.run`           all of it
====================  ==========================================================================
"""
