"""Everything that touches the insides of Faust and aiokafka: consumer, shards, transactions, recovery.

One message's way: `transport` fetches whole partition batches and hands them to the Faust agent in `worker`, which
puts them into the `intake` of their shard; `shard` takes steps from it, has `step` compute them and `writer` commit
them. Pinned to one version of each library (docs/adr/0003).
"""
