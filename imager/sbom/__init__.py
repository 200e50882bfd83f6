"""What is in a system, as a software bill of materials (SBOM)."""
