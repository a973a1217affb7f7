// Package broker is a small Kafka broker inside the process: one node, on loopback, for one machine.
// In come Produce requests with record batches of Kafka's version 2; out go the same bytes through
// Fetch, with offsets assigned. It speaks Metadata, ApiVersions, CreateTopics, DeleteTopics, Produce, Fetch,
// ListOffsets, DeleteRecords and DescribeConfigs, and for tools that show lag FindCoordinator, OffsetCommit
// and OffsetFetch; it has no groups, no transactions and no retention by time or size.
//
// What it promises:
//   - A batch is acknowledged only after its CRC was verified and fsync has returned. An fsync that
//     fails ends the partition until the next start, for no later one can be trusted.
//   - Each stored frame has a checksum of its own over every byte, base offset included, and it is
//     verified whenever it is served. Damage is an error for its range of offsets, nothing else: the
//     log gets no shorter, its end stays, and no offset is given out twice.
//   - Only bytes that were never acknowledged are cut at start.
//   - A start reads only what came behind the last acknowledgement, whatever the size of the log.
//
// Read in this order: frame.go, acked.go, segment.go, partition.go, read.go, sealed.go, topics.go, delete.go, broker.go,
// serve.go, wire.go, api.go, fetch.go, configs.go, lag.go.
package broker
