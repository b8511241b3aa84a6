"""Networks of a few hundred weights, random but always the same."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24


def save_clip(folder, seed=0):
    """Save a CLIP of 12 columns with its preprocessing; return the model and the preprocessing."""
    import torch
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    part = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 12,
    }
    text = {"vocab_size": 9, "max_position_embeddings": 8, "bos_token_id": 0, "eos_token_id": 1}
    config = CLIPConfig(
        projection_dim=12,
        vision_config={**part, "image_size": SIDE, "patch_size": 8},
        text_config={**part, **text},
    )
    torch.manual_seed(seed)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    return _save(CLIPModel(config), processor, folder)


def save_resnet(folder, seed=0):
    """Save a ResNet of 10 columns with its preprocessing; return the model and that."""
    import torch
    from transformers import ResNetConfig, ResNetModel
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil,
    )

    config = ResNetConfig(
        embedding_size=6, hidden_sizes=[6, 10], depths=[1, 1], layer_type="basic"
    )
    torch.manual_seed(seed)
    processor = ConvNextImageProcessorPil(size={"shortest_edge": SIDE})
    return _save(ResNetModel(config), processor, folder)


def save_transformer(folder, kind, pooling=True, seed=0):
    """Save a "vit", "dinov2" or "siglip" of 8 columns with its preprocessing; return both."""
    import torch
    import transformers
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    small = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 8}
    small |= {"intermediate_size": 16, "image_size": SIDE, "patch_size": 8}
    square = {"height": SIDE, "width": SIDE}
    torch.manual_seed(seed)
    if kind == "vit":
        model = transformers.ViTModel(transformers.ViTConfig(**small), add_pooling_layer=pooling)
        return _save(model, ViTImageProcessorPil(size=square), folder)
    if kind == "dinov2":
        del small["intermediate_size"]
        model = transformers.Dinov2Model(transformers.Dinov2Config(**small))
        return _save(model, BitImageProcessorPil(size=square, crop_size=square), folder)
    text = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    text |= {"num_hidden_layers": 1, "max_position_embeddings": 8}
    config = transformers.SiglipConfig(text_config=text, vision_config=small)
    model = transformers.SiglipModel(config)
    return _save(model, SiglipImageProcessorPil(size=square), folder)


def save_images(folder, n_images=7, seed=0):
    """Save photographs of noise in several sizes; return their paths."""
    random = np.random.default_rng(seed)
    paths = []
    for place in range(n_images):
        shape = (26 + 3 * place, 40 - 2 * place, 3)
        path = Path(folder, f"{place}.png")
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path)
        paths.append(path)
    return paths


def _save(model, processor, folder):
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor
