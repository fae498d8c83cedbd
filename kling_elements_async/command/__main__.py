"""``python -m kling_elements_async.command``: the command without its script. Holds nothing else."""

import sys

from . import main

sys.exit(main())
