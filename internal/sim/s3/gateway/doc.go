// Package gateway pins versitygw, the S3 server that internal/sim/s3 runs as a process, with all that it is built
// from. It is a module of its own, for what that brings along is more than all of millrace.
package gateway
