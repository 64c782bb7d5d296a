"""Include direction: layers.toml, applied to every #include."""
import collections

from source import Finding


class Layers:
    def __init__(self, table):
        self.rooms = sorted(table["room"], key=lambda room: len(room["path"]), reverse=True)
        self.external = table["external"]
        self.policy = table.get("policy", {})
        self.test_extra = table.get("test_extra", {"external": [], "use": []})
        self.sentry = table.get("sentry")
        self.tops = {room["path"].split("/")[0] for room in self.rooms}

    def room(self, path):
        return next((room for room in self.rooms if path.startswith(room["path"])), None)

    def groups(self, name):
        """The groups of foreign headers that a header belongs to; empty for the C++ standard library."""
        found = [g for g, prefixes in self.external.items() for p in prefixes if name == p or (p.endswith("/") and name.startswith(p))]
        plain = self.policy.get("plain", [])
        if any(g in plain for g in found):
            return []
        # sys/capability.h is libcap's although it lies in sys/: the exact name wins over the folder.
        exact = [g for g in found if name in self.external[g]]
        return exact or found

    def level(self, path):
        """(level, room) of a file inside sentry, or None when the room is not in the table."""
        rest = path[len(self.sentry["root"]):]
        best = None
        for index, names in enumerate(self.sentry["levels"]):
            for name in names:
                if rest.startswith(name + "/") and (best is None or len(name) > len(best[1])):
                    best = (index, name)
        return best


def allowed(name, patterns):
    return any(p == "*" or name == p or (p.endswith("/") and name.startswith(p)) for p in patterns)


def check_own(source, line, name, layers, room):
    top = name.split("/")[0]
    test = source.is_unit_test
    if top in ("tests", "bench", "tools") and source.path.split("/")[0] not in ("tests", "bench", "tools"):
        if not (test and allowed(name, layers.test_extra["use"])):
            return Finding(source.path, line, "layers", f'nobody includes "{name}": {top}/ is at the top')
    same_room = room["path"].endswith("/") and name.startswith(room["path"])
    if same_room or allowed(name, room["use"]):
        if allowed(name, room.get("deny", [])):
            return Finding(source.path, line, "layers", f'{room["path"]} must not include "{name}" ({room["why"]})')
        return None
    if test and allowed(name, layers.test_extra["use"]):
        return None
    return Finding(source.path, line, "layers", f'{room["path"]} must not include "{name}" ({room["why"]}); it may use {" ".join(room["use"]) or "only itself"}')


def check_foreign(source, line, name, layers, room):
    groups = layers.groups(name)
    if not groups:
        return None
    if source.is_header and not source.is_unit_test and "*" not in room["external"] and any(g in layers.policy.get("only_in_cc", []) for g in groups):
        if source.path not in layers.policy.get("cc_only_exceptions", []):
            return Finding(source.path, line, "layers", f"<{name}> belongs into .cc files only")
    permitted = set(room["external"]) | (set(layers.test_extra["external"]) if source.is_unit_test else set())
    if "*" in permitted or any(g in permitted for g in groups):
        return None
    return Finding(source.path, line, "layers", f'{room["path"]} must not include <{name}> ({groups[0]}; {room["why"]})')


def check_sentry_order(source, line, name, layers, edges):
    root = layers.sentry["root"]
    if not (source.path.startswith(root) and name.startswith(root)) or source.is_unit_test:
        return None
    mine, theirs = layers.level(source.path), layers.level(name)
    low = layers.sentry.get("low_headers", [])
    if any(name.startswith(f"{root}{room}/") for room in low):
        return None
    my_low = any(source.path.startswith(f"{root}{room}/") for room in low)
    if my_low:
        if source.is_header and theirs and theirs[0] > layers.sentry["low_header_level"]:
            return Finding(source.path, line, "layers", f'a header that every room may include must not include "{name}"')
        return None
    if mine is None or theirs is None:
        return None
    if mine[0] == layers.sentry["ring"] and not source.is_header and name in layers.sentry.get("ring_cc_may_use", []):
        return None
    if theirs[0] > mine[0]:
        return Finding(source.path, line, "layers", f'sentry/{mine[1]} is below sentry/{theirs[1]} and must not include "{name}"')
    if theirs[0] == mine[0] and theirs[1] != mine[1] and mine[0] != layers.sentry["ring"]:
        edges[(mine[1], theirs[1])].append((source.path, line, name))
    return None


def cycles(edges):
    """Pairs of rooms of one level that (through others) include each other."""
    graph = collections.defaultdict(set)
    for a, b in edges:
        graph[a].add(b)

    def reaches(start, goal):
        seen, todo = set(), [start]
        while todo:
            node = todo.pop()
            if node == goal:
                return True
            if node not in seen:
                seen.add(node)
                todo.extend(graph[node])
        return False

    return sorted((a, b) for a, b in edges if a < b and reaches(b, a))


def check(sources, layers):
    edges = collections.defaultdict(list)
    for source in sources:
        if not source.is_cxx:
            continue
        room = layers.room(source.path)
        if room is None:
            yield Finding(source.path, 1, "layers", "no room of layers.toml covers this file")
            continue
        for line, name, quoted in source.includes:
            own = name.split("/")[0] in layers.tops and "/" in name
            found = check_own(source, line, name, layers, room) if own else check_foreign(source, line, name, layers, room)
            if found is None and own and layers.sentry:
                found = check_sentry_order(source, line, name, layers, edges)
            if found is None and quoted and not own and not layers.groups(name):
                found = Finding(source.path, line, "layers", f'"{name}": includes of ours are root-relative')
            if found:
                yield found
    for a, b in cycles(edges):
        path, line, name = edges[(a, b)][0]
        yield Finding(path, line, "layers", f'cycle between sentry/{a} and sentry/{b}: "{name}" closes it')
