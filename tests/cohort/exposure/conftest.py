"""The plain second implementations lie beside the tests; pytest imports only test modules by path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
