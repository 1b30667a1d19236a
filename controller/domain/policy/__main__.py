"""Print the policy and its binding as YAML."""

from __future__ import annotations

import sys

from controller.domain.policy import render

sys.stdout.write(render())
