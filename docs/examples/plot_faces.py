"""
Faces: where alignment puts them
================================

The canonical crop is 60 x 40 pixels. Landmarks of a photograph go to the places of the template by
a rotation, a scale and a shift, and each pixel of the crop is a mean over what it covers.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut

from vilma.features import FaceAligner, face_template

photograph = astronaut()
# In dlib's order: corners of the right and of the left eye, outer ones first, base of the nose
landmarks = np.array([[254, 103], [237, 105], [196, 102], [213, 104], [224, 134]])
crop = FaceAligner(color=True).align(photograph, landmarks)
large = FaceAligner(color=True, size=(240, 160)).align(photograph, landmarks)

figure, panels = plt.subplots(1, 4, figsize=(9, 3.5), layout="constrained")
panels[0].imshow(photograph[30:190, 130:320], extent=(129.5, 319.5, 189.5, 29.5))
panels[0].plot(*landmarks.T, "+", color="tab:red")
panels[0].set_title("landmarks")
panels[1].imshow(crop)
panels[1].set_title("60 x 40")
panels[2].imshow(large)
panels[2].plot(*face_template("dlib5", (240, 160)).T, "+", color="tab:red")
panels[2].set_title("larger, template")
panels[3].plot(*face_template("ibug68").T, ".", color="0.7", label="ibug68")
panels[3].plot(*face_template("mtcnn5").T, "x", label="mtcnn5, fgnet68")
panels[3].plot(*face_template("dlib5").T, "+", color="tab:red", label="dlib5")
panels[3].set(xlim=(-7, 47), ylim=(59.5, -0.5), aspect="equal", title="templates")
panels[3].axvspan(-0.5, 39.5, color="0.95", zorder=0)
figure.legend(loc="outside lower right", ncols=3, fontsize=8)
for panel in panels:
    panel.set(xticks=[], yticks=[])
plt.show()

# %%
# The numbers are means over the aligned photographs of UTKFace.

for x, y in face_template("dlib5"):
    print(f"{x:6.2f} {y:6.2f}")
