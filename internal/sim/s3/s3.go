// Package s3 is object stores for tests. Fake is one in this process, which loses answers, refuses and comes late as it
// is told (fake.go). Server is a real one, versitygw, as a child process that can be stopped and killed and started
// again on the same folder (server.go).
package s3
