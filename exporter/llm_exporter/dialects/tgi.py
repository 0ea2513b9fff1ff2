"""Hugging Face's Text Generation Inference: the times of a request as text, without its model or its tokens.

It says nothing that its client's span does not say better, so its spans count as structure.
"""

from llm_exporter.dialects._dialect import Dialect

DIALECT = Dialect(
    name="tgi",
    authority=("https://github.com/huggingface/text-generation-inference/blob/main/router/src/server.rs",),
    keys=frozenset({"time_per_token"}),
    fields={},
)
