"""``vilma embed``: features of images by a pretrained network."""

from __future__ import annotations

import click

from vilma.cli._command import Command
from vilma.cli._options import IntRange
from vilma.cli.extraction.options import ExtractionOptions, extraction_options

_MODELS = {
    "clip": "openai/clip-vit-base-patch16",
    "resnet": "microsoft/resnet-50",
    "dlib": "dlib",
}
_SIZE = (336, 224)  # of aligned faces: most networks take 224 x 224


@click.command(cls=Command, short_help="Compute embeddings of images.")
@click.option(
    "--features",
    type=click.Choice(list(_MODELS)),
    required=True,
    help="The network: CLIP's or a ResNet's image encoder, or dlib's network for faces.",
)
@click.option(
    "--model",
    metavar="FOLDER|NAME",
    help="Its weights: a folder as transformers saves it, or a name on the Hugging Face hub.  "
    f"[default: {_MODELS['clip']}, {_MODELS['resnet']}]",
)
@click.option(
    "--download", is_flag=True, help="Download the model if it is not in the local cache."
)
@click.option(
    "--face",
    type=click.Choice(["detect", "whole", "detect_or_whole"]),
    help="Where the face is, for dlib: found in the image, or all of it.  "
    "[default: detect; whole for aligned faces]",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where the network runs: cpu, cuda, cuda:1, ...; auto is a GPU if there is one.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Precision of the network; the features are float32 in any case.",
)
@extraction_options(batch_size=64)
@click.option(
    "--size",
    type=IntRange(min=3),
    nargs=2,
    metavar="HEIGHT WIDTH",
    help="Size of aligned faces, in pixels.  [default: 336 224]",
)
def embed(
    options: ExtractionOptions,
    features: str,
    model: str | None,
    download: bool,
    face: str | None,
    size: tuple[int, int] | None,
    device: str,
    dtype: str,
) -> None:
    """Compute embeddings of IMAGES, files or folders, by a pretrained network.

    CLIP and ResNet need pip install "vilma[deep]", dlib needs "vilma[faces]". Nothing is
    downloaded without --download. The images are cut to --box or aligned, then prepared as the
    network wants them. Names, files that cannot be used, folders and how they go on after a kill
    are as with `vilma lbp`; `vilma fit` takes the features of both.
    """
    aligned = options.alignment.asked
    if features == "dlib" and (model is not None or download):
        raise click.UsageError(
            "the weights of --features dlib are installed with it; leave out --model and "
            "--download."
        )
    if features != "dlib" and face is not None:
        raise click.UsageError("--face belongs to --features dlib.")
    if size is not None and not aligned:
        raise click.UsageError("--size belongs to alignment; give --align or --landmarks.")
    if features == "dlib" and aligned and face is None:
        face = "whole"

    from vilma.cli._report import readable_errors
    from vilma.cli.extraction.kinds import EmbeddingKind, PreparedImage
    from vilma.cli.extraction.run import run_extraction
    from vilma.cli.extraction.sources import ColourPart, Reader, face_reader, list_images
    from vilma.features.deep.choose import choose_embedder

    crop: Reader
    with readable_errors():
        embedder = choose_embedder(
            model or _MODELS[features],
            face,
            identity=None,
            device=device,
            dtype=dtype,
            local_files_only=not download,
        )
        kind = embedder.identity.partition(":")[0]
        if kind != features:
            raise click.UsageError(f"{model} is of the kind {kind}: give --features {kind}.")
        files = list_images(options.images)
        if aligned:
            names = [file.name for file in files]
            crop = face_reader(options.alignment, names, size or _SIZE, color=True)
        else:
            crop = ColourPart(options.box)
        reader = PreparedImage(crop, embedder)
        run_extraction(options, files, EmbeddingKind(reader, dtype))
