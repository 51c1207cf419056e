"""Run the command line: ``python -m craft_core``."""

import sys

from craft_core.cli import main

sys.exit(main())
