"""Scrapy on the same hosts, for make race-polite and make race-crawl.

What comes in is a file with a URL a line. With --delay it is set up as politely as Scrapy can be told to be,
without one for speed, as its documentation says under "Broad Crawls". It follows every link and keeps nothing.
"""

import argparse
import json
import pathlib

import scrapy
from scrapy.crawler import CrawlerProcess

COMMON = {
    "ROBOTSTXT_OBEY": True,
    "USER_AGENT": "millbot/1.0",
    "LOG_LEVEL": "ERROR",
    "TELNETCONSOLE_ENABLED": False,
    "COOKIES_ENABLED": False,
    "MEMUSAGE_ENABLED": False,
}
FAST = {
    "CONCURRENT_REQUESTS": 100,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "DOWNLOAD_DELAY": 0,
    "SCHEDULER_PRIORITY_QUEUE": "scrapy.pqueues.DownloaderAwarePriorityQueue",
    "REACTOR_THREADPOOL_MAXSIZE": 20,
    "RETRY_ENABLED": False,
    "REDIRECT_ENABLED": False,
}


def polite(delay):
    return {
        "CONCURRENT_REQUESTS": 256,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": delay,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": delay,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "RETRY_HTTP_CODES": [429, 503],
        "RETRY_TIMES": 5,
    }


class Peer(scrapy.Spider):
    name = "peer"
    pages = 0

    async def start(self):
        for url in self.seeds:
            yield scrapy.Request(url)

    def parse(self, response):
        type(self).pages += 1
        yield from response.follow_all(response.css("a::attr(href)").getall(), self.parse)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--seeds", type=pathlib.Path, required=True)
    ap.add_argument("--delay", type=float, default=0)
    a = ap.parse_args()
    process = CrawlerProcess(COMMON | (polite(a.delay) if a.delay else FAST))
    process.crawl(Peer, seeds=a.seeds.read_text(encoding="utf-8").split())
    process.start()
    print(json.dumps({"type": "summary", "pages": Peer.pages}))


if __name__ == "__main__":
    main()
