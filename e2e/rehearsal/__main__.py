"""The plugin with its simulator, from a checkout: `python -m e2e.rehearsal simulate -f new.yaml`."""

from __future__ import annotations

import sys

from controller.plugin.__main__ import main
from e2e.rehearsal.command import find

if __name__ == "__main__":
    sys.exit(main(find=find))
