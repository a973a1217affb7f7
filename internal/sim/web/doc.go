// Package web is the websites that crawlers are raced and killed on, and the judge of how they behaved.
// In comes the name of a site and a seed; out go the site itself, a server for it that logs every request,
// and, from that log alone, a Verdict. It knows nothing of millrace: any crawler can be judged.
//
// Read in this order: site.go (what is on a site), serve.go, log.go, judge.go.
package web
