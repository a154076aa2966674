"""The rules of the domain: how observations become a graph, how rules read it, how it is asked. All pure."""
