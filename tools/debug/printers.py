"""gdb pretty printers for Result, Errno, Ref, RefPtr, UniqueFd and Flags. Loaded by ./dev gdb."""
import re

import gdb
import gdb.printing


def errno_name(value):
    """The enumerator's own name (kENOENT), or the number for values that have none."""
    text = str(value)
    return text.rsplit("::", 1)[-1]


class ResultPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        error = self.value["error_"]
        if int(error) != 0:
            return f"Result error {errno_name(error)}"
        if any(f.name == "value_" or f.name is None or f.name == "" for f in self.value.type.strip_typedefs().fields()):
            try:
                return f"Result {self.value['value_']}"
            except gdb.error:
                pass
        return "Result ok"


class PointerPrinter:
    """Ref<T>, RefPtr<T>: the object behind, or null."""

    def __init__(self, value):
        self.value = value
        self.name = re.match(r"(?:ringwall::)?(\w+)", str(value.type.strip_typedefs())).group(1)

    def pointer(self):
        for field in self.value.type.strip_typedefs().fields():
            if field.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
                return self.value[field.name]
        return None

    def to_string(self):
        pointer = self.pointer()
        if pointer is None:
            return self.name
        return f"{self.name} null" if int(pointer) == 0 else f"{self.name} to {pointer.dynamic_type} {int(pointer):#x}"

    def children(self):
        pointer = self.pointer()
        if pointer is not None and int(pointer) != 0:
            yield "*", pointer.dereference()


class SinglePrinter:
    """One integer with a name around it."""

    def __init__(self, value):
        self.value = value
        self.name = re.sub(r"ringwall::", "", str(value.type.strip_typedefs()))

    def to_string(self):
        field = self.value.type.strip_typedefs().fields()[0]
        number = int(self.value[field.name])
        return f"{self.name} {number:#x}" if self.name.startswith("Flags") else f"{self.name} {number}"


def build():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("ringwall")
    printers.add_printer("Result", r"^ringwall::Result<.*>$", ResultPrinter)
    printers.add_printer("Ref", r"^ringwall::(Ref|RefPtr|WeakPtr)<.*>$", PointerPrinter)
    printers.add_printer("UniqueFd", r"^ringwall::UniqueFd$", SinglePrinter)
    printers.add_printer("Flags", r"^ringwall::Flags<.*>$", SinglePrinter)
    return printers


gdb.printing.register_pretty_printer(gdb.current_objfile(), build(), replace=True)
