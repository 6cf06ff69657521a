"""The operations of the control API: one module per tag, one function per operation.

A handler gets the `ControlCall`, its parameters by name in snake case, and the `body` if there is one.
"""
