"""What `--target` can name: every output format, and what else can be built of a system."""

from __future__ import annotations

from spec.formats import OUTPUTS

IMAGE = "image"
REPORT = "report"
TBS = "tbs"
UPDATE = "update"
SBOM_FORMS = {"sbom": "spdx", "cyclonedx": "cyclonedx"}
"""The targets that list what is in the system, with the form in which they do."""
OTHERS = {
    IMAGE: "the system as an OCI image",
    REPORT: "a size report, as a page, text and JSON",
    "sbom": "a list of what is in the system, as SPDX",
    "cyclonedx": "the same list as CycloneDX",
    UPDATE: "the pieces of the system, as machines with the key `update` fetch them",
    TBS: "the bytes that a Secure Boot key elsewhere has to sign, and what they mean",
}
"""The targets that are no output, with what they give."""
TARGETS = (*OUTPUTS, *OTHERS)
