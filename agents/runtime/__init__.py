"""Everything that touches the insides of Faust and aiokafka: consumer, shards, transactions, recovery.

One message's way: `transport` fetches whole partition batches and hands them to the Faust agent in `worker`, which puts them into the
`intake` of their `shard`. An `incarnation` is one life of the shard: it recovers its `tables` (`recovery`, from `logs` and a `stores`),
then takes batches from the intake, as large as `step_size` allows; the `stepper` has `step` compute each one while the `writer` commits the one
before. Every failure ends the incarnation; what the next one knows, it reads. Pinned to one version of each library (`relied_on`,
docs/adr/0003).
"""
