"""The operations: one module per tag, one function per operation, named like its operationId.

A handler gets the `Call`, its parameters by name in snake case and the `body`, if the operation has one. It
returns data or a result, raises failures, and reports conditions, which a contract may ignore.
"""
