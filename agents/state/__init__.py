"""The state of all shards as a whole: out of the changelogs into files, back, and to another number of partitions."""
