"""Writes src/shoal_protocol/models.py from the form of the schemas that protocol/scripts/generate.ts makes.

`--check` writes nothing and exits with 1 when the file is stale.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SCHEMA = HERE / "models.schema.json"
MODELS = HERE / "src/shoal_protocol/models.py"

OPTIONS = [
    "--input-file-type=jsonschema",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--snake-case-field",
    "--use-annotated",
    "--use-standard-collections",
    "--use-union-operator",
    "--extra-fields=allow",
    "--allow-population-by-field-name",
    "--enum-field-as-literal=all",
    "--use-schema-description",
    "--use-field-description",
    "--use-attribute-docstrings",
    "--collapse-root-models",
    "--skip-root-model",
    "--disable-timestamp",
    "--formatters",
    "ruff-check",
    "ruff-format",
]


def generated() -> str:
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        output = Path(folder) / "models.py"
        command = [sys.executable, "-m", "datamodel_code_generator", *OPTIONS]
        subprocess.run([*command, f"--input={SCHEMA}", f"--output={output}"], check=True, cwd=HERE)
        return output.read_text(encoding="utf8")


def main() -> int:
    wanted = generated()
    if MODELS.exists() and MODELS.read_text(encoding="utf8") == wanted:
        return 0
    if "--check" in sys.argv:
        print(f"{MODELS.name} is stale: run python generate.py", file=sys.stderr)
        return 1
    MODELS.write_text(wanted, encoding="utf8")
    return 0


sys.exit(main())
