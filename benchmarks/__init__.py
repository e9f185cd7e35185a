"""What this library costs, and what its peers cost beside it. Nothing here is asserted.

`compare` runs us and the peers (`peers/`) in turn, `floor` the client library alone, `scale` and `memory` only us;
`report` and `charts` write down what they found, beside the `bounds` that we set ourselves. `administration`,
`blocked`, `delayed` and `limited` answer one question each.
"""
