"""The lints of tools/lint.py: each is a function Tree -> list of problems, or Skip."""
# SPDX-License-Identifier: Apache-2.0
