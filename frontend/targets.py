"""What `--target` can name: every output format, and what else can be built of a system."""

from __future__ import annotations

from spec.formats import FORMATS

IMAGE = "image"
REPORT = "report"
TBS = "tbs"
OTHERS = {
    IMAGE: "the system as an OCI image",
    REPORT: "a size report, as text and JSON",
    TBS: "the bytes that a Secure Boot key elsewhere has to sign, and what they mean",
}
"""The targets that are no output, with what they give."""
TARGETS = (*FORMATS, *OTHERS)
