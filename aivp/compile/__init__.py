"""Declarations → IR: expand, resolve, validate, lower. Pure but for files of the project and the template child."""

from aivp.compile.instance import SourceMap
from aivp.compile.program import Compiled, compile_project

__all__ = ["Compiled", "SourceMap", "compile_project"]
