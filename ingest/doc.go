// Package ingest moves Documents through a Kafka topic, and turns files into Documents.
//
// In come Documents, from a crawl or from files; out go the same Documents with their Position in the
// topic, each exactly once and in order, through any number of crashes on either side. Local files come
// in as JSONL, CSV, Parquet, WARC, WET, text and HTML, alone or in a tar or zip, and go out as Documents that
// name the bytes by a claim.
//
// Read in this order: codec.go (one Document as bytes; page.proto is its schema), message.go (the
// headers, and the rules by which a receiver takes a message), client.go, topic.go, sink.go, source.go,
// tail.go; then for files list.go, watch.go, spool.go, remote.go, buckets.go, files.go, records.go, jsonl.go, csv.go,
// parquet.go, warc.go, archive.go, load.go, stream.go; for bytes that travel along carry.go.
package ingest
