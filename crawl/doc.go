// Package crawl turns URLs into pages: seeds come in, and out come Documents whose bodies lie in
// DIR/warc, in the order of that archive. One scheduler decides when each request may go out, and
// colly carries it. What the site forbids is not asked for; what it says about training is
// written down. The archive is written first, then the frontier's log, then a Document is handed
// on: after a crash the archive says what happened, and no page appears twice.
//
// Read in this order: options.go (what a user can set), url.go, scope.go, guard.go (which
// addresses may be dialled), exchange.go and fetch.go (one request), links.go, consent.go,
// record.go (an answer becomes WARC records), document.go (a record becomes a Document),
// archiver.go, reindex.go, warcfiles.go and archive.go (the archive is written and read), event.go,
// log.go, seen.go, queue.go, state.go, admit.go and snapshot.go (the frontier), trap.go, xmlscan.go,
// sitemap.go and feed.go, host.go, pace.go, budget.go and schedule.go (who is next, and when), work.go, settle.go,
// rules.go and trouble.go (robots.txt, and hosts that cannot be asked), sitefiles.go (tdmrep.json and its like),
// changerate.go, due.go, recrawl.go and recrawl_dates.go (known pages are visited again), crawler.go (the parts
// joined), handover.go and peers.go (several crawl workers), fate.go, hosts.go, survey.go and plan.go (questions about it).
package crawl
