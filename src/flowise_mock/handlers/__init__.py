"""The operations: one module per tag, one function per operation, named like its operationId.

A handler gets the `Call`, its parameters by name in snake case and, where the operation has one, the
`body`. It returns data or a result, raises what always ends and reports what a contract may ignore.
"""
