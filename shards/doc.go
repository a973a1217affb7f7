// Package shards turns decided Documents into rows of Parquet files, and keeps the commit log that says
// which files are the corpus. Documents come in, in the order of the mill's input; out go DIR/data (rows
// that were kept; a Delta Lake table), DIR/rejects (rows that were dropped or failed, with the verdict)
// and one entry of DIR/data/_delta_log a commit, which holds the Checkpoint that its rows reach. A commit may
// take kept rows out of the corpus again: versions of a page that a newer one replaces, and pages that are withdrawn.
//
// Writing:  row.go columns.go schema.go codec.go writer.go encode.go entry.go delta.go log.go sink.go commit.go recipe.go
// Versions: versions.go hide.go rewrite.go
// Reading:  reader.go decode.go table.go rows.go texts.go
// Proving:  merkle.go check.go verify.go orphans.go
// Telling:  card.go survey.go cardmd.go croissant.go cardhtml.go
package shards
