"""What public docstrings leave out: shapes and dtypes of arrays, and errors that are raised; read from the source text.

`python -m tests.architecture.docstrings` prints each fault of the project on a line.

A name is public if neither it nor its class begins with an underscore. The rules:

- A docstring states the shapes of arrays: `(n, H, W)`, `(..., 2)`, `(M, M')`, `()`, and `(...)` for any shape. In a
  list of parameters every array has its own shape. A docstring without such a list has at least as many shapes as
  arrays are handed in. Instead, a docstring may name a function or class in backticks whose docstring states shapes.
- Where an annotation leaves the dtype open (`NDArray[Any]`, `ndarray`, `Tensor`), the docstring states it.
- A function whose own body raises an error of the project has a section "Raises" that names the error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from tests.architecture.rooms import sources

_ARRAYS = re.compile(r"\b(?:NDArray|ndarray|Tensor)\b")
_OPEN_DTYPE = re.compile(r"\bNDArray\[Any\]|\bndarray\b|\bTensor\b")
_SIZE = r"(?:\.\.\.|(?:<= )?(?!row\b|col\b|x\b|y\b)[A-Za-z0-9][\w']*(?: ?[-+*/] ?\w+)*)"
_SHAPE = re.compile(rf"\((?:\.\.\.|{_SIZE},(?: {_SIZE})?(?:, {_SIZE})*)?\)")
_DTYPE = re.compile(r"\b(?:u?int\d*|float\d*|complex\d*|bool|boolean|real|integers?|floating|whole numbers?|dtypes?)\b")
_IN_BACKTICKS = re.compile(r"`(?:[\w.]*\.)?(\w+)(?:\(\))?`")
_SECTION = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
_PARAMETERS = ("Parameters", "Attributes")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


class Project:
    """What several files have to say: the errors, the names of array types, and the docstrings of functions."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.trees = {module: ast.parse(text) for module, text in texts.items()}
        self.nodes = {module: list(ast.walk(tree)) for module, tree in self.trees.items()}
        self.errors = self._errors()
        self.aliases = self._aliases()
        self.with_shapes = {
            node.name
            for nodes in self.nodes.values()
            for node in nodes
            if isinstance(node, Documented) and _SHAPE.search(_doc(node))
        }

    def _errors(self) -> set[str]:
        bases = {
            node.name: {ast.unparse(base) for base in node.bases}
            for tree in self.trees.values()
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        }
        found = {"PtyproofError"}
        while more := {name for name, above in bases.items() if above & found} - found:
            found |= more
        return found

    def _aliases(self) -> dict[str, dict[str, str]]:
        """Return for each module the names that it defines or imports for array types, with what they stand for."""
        found: dict[str, dict[str, str]] = {}
        for module, tree in self.trees.items():
            found[module] = {
                node.targets[0].id: ast.unparse(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value, ast.Subscript)
                and _ARRAYS.search(ast.unparse(node.value))
            }
        for module, nodes in self.nodes.items():
            for node in (node for node in nodes if isinstance(node, ast.ImportFrom)):
                there = found.get(node.module or "", {})
                found[module] |= {alias.name: there[alias.name] for alias in node.names if alias.name in there}
        return found

    def faults(self, module: str) -> Iterator[str]:
        """Yield the faults of a module's public docstrings: `name: what is missing`."""
        for name, node in public(self.trees[module]):
            arrays = self._arrays(node, self.aliases[module])
            text = _doc(node)
            if arrays:
                yield from (f"{name}: {fault}" for fault in self._array_faults(arrays, text))
            if not isinstance(node, ast.ClassDef):
                named = set(re.findall(r"\w+", sections(text).get("Raises", "")))
                missing = sorted({error for error in raised(node) if error in self.errors} - named)
                yield from (f"{name}: raises {error}, which no section Raises names" for error in missing)

    def with_arrays(self, module: str) -> list[str]:
        """Return the public names of a module that the rule about shapes applies to."""
        return [name for name, node in public(self.trees[module]) if self._arrays(node, self.aliases[module])]

    def _arrays(self, node: Documented, aliases: Mapping[str, str]) -> dict[str, str]:
        """Return the annotations with arrays, by the name of the argument or field; "return" for the result."""
        found = {}
        for name, annotation in _annotations(node):
            words = [aliases.get(word, word) for word in re.findall(r"\w+|\W+", ast.unparse(annotation))]
            if _ARRAYS.search(text := "".join(words)):
                found[name] = text
        return found

    def _array_faults(self, arrays: Mapping[str, str], text: str) -> Iterator[str]:
        if not text:
            yield "arrays, but no docstring"
            return
        handed_in = [name for name in arrays if name != "return"]
        listed = [body for section, body in sections(text).items() if section in _PARAMETERS]
        if not self._states_shapes(text, 1 if listed else max(1, len(handed_in))):
            yield f"no shapes of {', '.join(arrays)}"
            return
        for name in handed_in if listed else ():
            if not self._states_shapes(entries(listed[0]).get(name, "")):
                yield f"no shape of {name} in its list of parameters"
        if any(_OPEN_DTYPE.search(annotation) for annotation in arrays.values()) and not self._states_dtype(text):
            yield f"no dtype of {', '.join(name for name in arrays if _OPEN_DTYPE.search(arrays[name]))}"

    def _states_shapes(self, text: str, count: int = 1) -> bool:
        return len(_SHAPE.findall(text)) >= count or self._refers(text)

    def _states_dtype(self, text: str) -> bool:
        return bool(_DTYPE.search(text)) or self._refers(text)

    def _refers(self, text: str) -> bool:
        return any(name in self.with_shapes for name in _IN_BACKTICKS.findall(text))


def public(tree: ast.Module | ast.ClassDef, above: str = "") -> Iterator[tuple[str, Documented]]:
    """Yield the public functions, classes and methods of a module with their names; overloads are left out."""
    for node in tree.body:
        if isinstance(node, Documented) and (not node.name.startswith("_") or node.name == "__call__"):
            if "overload" not in {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}:
                yield above + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{above}{node.name}.")


def raised(function: Function) -> set[str]:
    """Return the names of the errors that leave a function's own body, not those of functions inside it.

    A try block keeps what its handlers name, and everything where they name `Exception`.
    """
    return _leaving(function.body)


def _leaving(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(ast.unparse(node.exc.func).split(".")[-1])
        elif isinstance(node, ast.Try):
            caught = {word for handler in node.handlers if handler.type for word in _words(handler.type)}
            inside = set() if "Exception" in caught else _leaving(node.body) - caught
            found |= inside | _leaving([*node.handlers, *node.orelse, *node.finalbody])
        else:
            found |= _leaving(ast.iter_child_nodes(node))
    return found


def _words(node: ast.AST) -> list[str]:
    return re.findall(r"\w+", ast.unparse(node))


def sections(text: str) -> dict[str, str]:
    """Return the underlined sections of a docstring by their heading; the text before them as ""."""
    parts = _SECTION.split(text)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> dict[str, str]:
    """Return the text of each name of a section, also of names that share a line (`a, b`)."""
    found: dict[str, str] = {}
    for block in re.split(r"^(?=\S)", section, flags=re.MULTILINE):
        head, _, body = block.partition("\n")
        names, _, kind = head.partition(":")
        found |= {name.strip(): f"{kind}\n{body}" for name in names.split(",")}
    return found


def _annotations(node: Documented) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.ClassDef):
        for field in node.body:
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if not field.target.id.startswith("_"):
                yield field.target.id, field.annotation
        return
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    yield from ((argument.arg, argument.annotation) for argument in arguments if argument.annotation is not None)
    if node.returns is not None:
        yield "return", node.returns


def _doc(node: Documented) -> str:
    return ast.get_docstring(node) or ""


@cache
def project() -> Project:
    """Return the project's own modules, read at the first call: to read all of them takes seconds."""
    return Project({module: path.read_text(encoding="utf-8") for module, path in sources().items()})


def main() -> None:
    """Print the faults of the project."""
    whole = project()
    for module in sorted(whole.trees):
        for fault in whole.faults(module):
            print(f"{module}.{fault}")


if __name__ == "__main__":
    main()
